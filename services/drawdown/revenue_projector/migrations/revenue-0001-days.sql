-- What became of one lot on one day of the reporting zone. Money in minor units of `currency`,
-- credits in micro-credits. A lot's deferred revenue is the sum of its days:
--
--   billed + transferred − recognized − breakage − refunded − chargeback − adjusted
--
-- The other money columns say where cash stands, and move no deferred revenue.
CREATE TABLE days (
    customer_id      text COLLATE "C" NOT NULL,
    unit             text COLLATE "C" NOT NULL,
    lot_id           text COLLATE "C" NOT NULL,
    day              date    NOT NULL,
    partition        integer NOT NULL,
    partition_seq    bigint  NOT NULL,
    kind             text    NOT NULL,
    currency         text COLLATE "C" NOT NULL,
    billed_minor     bigint  NOT NULL DEFAULT 0,
    recognized_minor bigint  NOT NULL DEFAULT 0,
    breakage_minor   bigint  NOT NULL DEFAULT 0,
    refunded_minor   bigint  NOT NULL DEFAULT 0,
    chargeback_minor bigint  NOT NULL DEFAULT 0,
    adjusted_minor   bigint  NOT NULL DEFAULT 0,
    transferred_minor bigint NOT NULL DEFAULT 0,
    advance_minor    bigint  NOT NULL DEFAULT 0,
    receivable_minor bigint  NOT NULL DEFAULT 0,
    returned_minor   bigint  NOT NULL DEFAULT 0,
    contra_minor     bigint  NOT NULL DEFAULT 0,
    disputed_minor   bigint  NOT NULL DEFAULT 0,
    granted          bigint  NOT NULL DEFAULT 0,
    spent            bigint  NOT NULL DEFAULT 0,
    expired          bigint  NOT NULL DEFAULT 0,
    voided           bigint  NOT NULL DEFAULT 0,
    clawed_back      bigint  NOT NULL DEFAULT 0,
    PRIMARY KEY (customer_id, unit, lot_id, day)
) WITH (fillfactor = 70);
COMMENT ON COLUMN days.partition_seq IS 'of the last entry that changed the row';
COMMENT ON COLUMN days.recognized_minor IS 'usage, less usage that was refunded';
COMMENT ON COLUMN days.breakage_minor IS 'expired, and what of the estimate was taken in advance';
COMMENT ON COLUMN days.refunded_minor IS 'cost basis of credits that were voided or refunded';
COMMENT ON COLUMN days.chargeback_minor IS 'cost basis of unspent credits of lost payments';
COMMENT ON COLUMN days.adjusted_minor IS 'cost basis of credits that adjustments took';
COMMENT ON COLUMN days.transferred_minor IS 'cost basis that rolled over: into the lot, or out (−)';
COMMENT ON COLUMN days.advance_minor IS 'of breakage: estimated before it expires';
COMMENT ON COLUMN days.receivable_minor IS 'billed while its payment is pending; paid or gone (−)';
COMMENT ON COLUMN days.returned_minor IS 'money that refunds gave back, or that is no longer due';
COMMENT ON COLUMN days.contra_minor IS 'money of refunds beyond the share of their credits';
COMMENT ON COLUMN days.disputed_minor IS 'money that lost disputes took; reinstated (−)';
-- What changed since it was published.
CREATE INDEX days_by_change ON days (partition, partition_seq);
