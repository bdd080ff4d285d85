-- Reminders that became due before another entry touched their lot, as the lot stood then. `days`
-- is 30, 7 or 1 before the date; 0: the digest of the week that the date lies in.
CREATE TABLE reminders_told (
    customer_id   text COLLATE "C" NOT NULL,
    unit          text COLLATE "C" NOT NULL,
    lot_id        text COLLATE "C" NOT NULL,
    expires_at    bigint   NOT NULL,
    days          smallint NOT NULL,
    due_at        bigint   NOT NULL,
    amount        bigint   NOT NULL,
    partition     integer  NOT NULL,
    partition_seq bigint   NOT NULL,
    PRIMARY KEY (customer_id, unit, lot_id, expires_at, days)
);
COMMENT ON COLUMN reminders_told.amount IS 'what was unreserved when it was due';
COMMENT ON COLUMN reminders_told.partition_seq IS 'of the entry that touched the lot afterwards';

-- All reminders, one fact per lot, expiry and threshold: those that were due, and those that the
-- lots' dates still ask for, by what is known. Which of them are due by now, the reader's clock says.
CREATE VIEW reminders AS
SELECT customer_id, unit, lot_id, expires_at, days, due_at, amount, partition FROM reminders_told
UNION ALL
SELECT l.customer_id, l.unit, l.lot_id, l.expires_at, d.days, d.due_at, l.remaining - l.reserved,
    l.partition
FROM lots l
CROSS JOIN LATERAL (VALUES
    (30::smallint, l.expires_at - 30 * 86400000000),
    (7::smallint, l.expires_at - 7 * 86400000000),
    (1::smallint, l.expires_at - 86400000000),
    (0::smallint, l.week_starts_at)
) AS d (days, due_at)
WHERE l.remaining > l.reserved AND l.freezes = '[]' AND d.due_at >= l.next_due_at
    AND NOT EXISTS (
        SELECT FROM reminders_told t
        WHERE t.customer_id = l.customer_id AND t.unit = l.unit AND t.lot_id = l.lot_id
            AND t.expires_at = l.expires_at AND t.days = d.days
    );
