-- The newest state of each account, as its last entry states it. Credits in micro-credits, times
-- in microseconds since 1970 (UTC). Ids compare bytewise.
CREATE TABLE accounts (
    customer_id   text COLLATE "C" NOT NULL,
    unit          text COLLATE "C" NOT NULL,
    balance       bigint  NOT NULL,
    held          bigint  NOT NULL,
    available     bigint  NOT NULL,
    overdraft     bigint  NOT NULL,
    debt          bigint  NOT NULL,
    overage_total bigint  NOT NULL,
    residue       bigint  NOT NULL,
    reserved_room bigint  NOT NULL DEFAULT 0,
    frozen        boolean NOT NULL DEFAULT false,
    account_seq   bigint  NOT NULL,
    partition     integer NOT NULL,
    partition_seq bigint  NOT NULL,
    updated_at    bigint  NOT NULL,
    head          bytea   NOT NULL,
    PRIMARY KEY (customer_id, unit)
) WITH (fillfactor = 60);
COMMENT ON COLUMN accounts.updated_at IS 'recorded_at of the account''s last entry';
COMMENT ON COLUMN accounts.head IS 'hash of the account''s last entry';
COMMENT ON COLUMN accounts.residue IS 'remainder of its charges, in 10^-18 credits';
COMMENT ON COLUMN accounts.reserved_room IS 'overdraft room that its holds reserve';
