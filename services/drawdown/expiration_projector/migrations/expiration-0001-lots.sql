-- Each lot with what remains of it and when that expires. Credits in micro-credits, money in minor
-- units of the currency, times in microseconds since 1970 (UTC). Ids compare bytewise.
CREATE TABLE lots (
    customer_id    text COLLATE "C" NOT NULL,
    unit           text COLLATE "C" NOT NULL,
    lot_id         text COLLATE "C" NOT NULL,
    lot_seq        bigint  NOT NULL,
    kind           text    NOT NULL,
    reason         text    NOT NULL,
    campaign       text    NOT NULL,
    granted        bigint  NOT NULL,
    remaining      bigint  NOT NULL,
    reserved       bigint  NOT NULL,
    expired        bigint  NOT NULL DEFAULT 0,
    expired_at     bigint,
    price_minor    bigint  NOT NULL,
    currency       text    NOT NULL,
    released_minor bigint  NOT NULL,
    breakage_minor bigint  NOT NULL DEFAULT 0,
    effective_at   bigint  NOT NULL,
    expires_at     bigint,
    freezes        jsonb   NOT NULL,
    frozen_since   bigint,
    next_due_at    bigint,
    week_starts_at bigint,
    updated_at     bigint  NOT NULL,
    partition      integer NOT NULL,
    partition_seq  bigint  NOT NULL,
    PRIMARY KEY (customer_id, unit, lot_id)
) WITH (fillfactor = 60);
CREATE INDEX lots_by_expiry ON lots (expires_at) WHERE expires_at IS NOT NULL;
-- What changed since a position is published.
CREATE INDEX lots_by_position ON lots (partition, partition_seq);
COMMENT ON COLUMN lots.reserved IS 'what of remaining holds have reserved: it doesn''t expire with the rest';
COMMENT ON COLUMN lots.expires_at IS 'null: never';
COMMENT ON COLUMN lots.expired IS 'what has expired so far';
COMMENT ON COLUMN lots.expired_at IS 'effective_at of its last expiration; null: nothing has expired';
COMMENT ON COLUMN lots.released_minor IS 'what of the price is released so far, whatever the cause';
COMMENT ON COLUMN lots.breakage_minor IS 'what of it was released by expirations';
COMMENT ON COLUMN lots.freezes IS 'why it is frozen, and so doesn''t expire; empty: it isn''t';
COMMENT ON COLUMN lots.frozen_since IS 'from when frozen time moves its expiry; null: it doesn''t';
COMMENT ON COLUMN lots.next_due_at IS 'when its date asks for the next reminder; null: for none any more. Those before it stand in reminders_told, or were skipped';
COMMENT ON COLUMN lots.week_starts_at IS 'start of the week, in the reporting zone, in which it expires: when the weekly digest tells of it';
COMMENT ON COLUMN lots.updated_at IS 'recorded_at of the last entry that touched it';
COMMENT ON COLUMN lots.partition_seq IS 'of that entry';
