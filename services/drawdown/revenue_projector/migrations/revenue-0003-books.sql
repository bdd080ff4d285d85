-- Up to when the books were closed, and by which entry of the partition.
CREATE TABLE closes (
    partition     integer NOT NULL,
    closed_until  bigint  NOT NULL,
    partition_seq bigint  NOT NULL,
    recorded_at   bigint  NOT NULL,
    reason        text    NOT NULL,
    actor         text    NOT NULL,
    PRIMARY KEY (partition, closed_until)
);
-- How breakage is recognized, as far as the account, or by default the partition, says so.
CREATE TABLE breakage_policies (
    partition     integer NOT NULL,
    customer_id   text COLLATE "C" NOT NULL,
    unit          text COLLATE "C" NOT NULL,
    method        text,
    rate_pico     bigint,
    partition_seq bigint  NOT NULL,
    PRIMARY KEY (partition, customer_id, unit)
);
COMMENT ON COLUMN breakage_policies.method IS 'null: as the partition''s default, or else remote';
