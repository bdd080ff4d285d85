-- What has expired: one row for each lot of an expiration entry. A lot has several where holds gave
-- credits back after its date, or a refund opened it again.
CREATE TABLE expirations (
    customer_id    text COLLATE "C" NOT NULL,
    unit           text COLLATE "C" NOT NULL,
    lot_id         text COLLATE "C" NOT NULL,
    amount         bigint  NOT NULL,
    breakage_minor bigint  NOT NULL,
    currency       text    NOT NULL,
    expired_at     bigint  NOT NULL,
    recorded_at    bigint  NOT NULL,
    partition      integer NOT NULL,
    partition_seq  bigint  NOT NULL,
    PRIMARY KEY (customer_id, unit, lot_id, partition_seq)
);
CREATE INDEX expirations_by_time ON expirations (expired_at);
COMMENT ON COLUMN expirations.expired_at IS 'effective_at of the entry: the lot''s date';
COMMENT ON COLUMN expirations.breakage_minor IS 'revenue released by it, in minor units';

-- By account and currency: promotional lots have none.
CREATE VIEW totals AS
SELECT customer_id, unit, currency,
    count(*) FILTER (WHERE remaining > 0) AS lots,
    sum(remaining) AS remaining,
    sum(reserved) AS reserved,
    coalesce(sum(remaining - reserved)
        FILTER (WHERE expires_at IS NOT NULL AND freezes = '[]'), 0) AS expiring,
    min(expires_at) FILTER (WHERE remaining > reserved AND freezes = '[]') AS next_expires_at,
    sum(expired) AS expired,
    sum(breakage_minor) AS breakage_minor
FROM lots GROUP BY customer_id, unit, currency;
