-- Each lot with what became of it: granted = remaining + spent + expired + voided + clawed_back.
CREATE TABLE lots (
    customer_id      text COLLATE "C" NOT NULL,
    unit             text COLLATE "C" NOT NULL,
    lot_id           text COLLATE "C" NOT NULL,
    lot_seq          bigint   NOT NULL,
    kind             text     NOT NULL,
    reason           text     NOT NULL,
    campaign         text     NOT NULL,
    granted          bigint   NOT NULL,
    remaining        bigint   NOT NULL,
    reserved         bigint   NOT NULL,
    spent            bigint   NOT NULL,
    expired          bigint   NOT NULL,
    voided           bigint   NOT NULL,
    clawed_back      bigint   NOT NULL,
    price_minor      bigint   NOT NULL,
    currency         text     NOT NULL,
    list_price_minor bigint   NOT NULL,
    released_minor   bigint   NOT NULL,
    priority         smallint NOT NULL,
    meters           jsonb    NOT NULL,
    properties       jsonb    NOT NULL,
    effective_at     bigint   NOT NULL,
    expires_at       bigint,
    payment_id       text     NOT NULL,
    referral_id      text     NOT NULL,
    opens_at         bigint,
    voids_at         bigint,
    period_at        bigint,
    accepted_at      bigint   NOT NULL,
    freezes          jsonb    NOT NULL,
    frozen_since     bigint,
    closed           boolean  NOT NULL,
    clawed           boolean  NOT NULL,
    debt             bigint   NOT NULL,
    partition        integer  NOT NULL,
    partition_seq    bigint   NOT NULL,
    PRIMARY KEY (customer_id, unit, lot_id)
) WITH (fillfactor = 60);
COMMENT ON COLUMN lots.expires_at IS 'null: never';
COMMENT ON COLUMN lots.meters IS 'the meters that may draw on it; empty: all';
COMMENT ON COLUMN lots.partition_seq IS 'of the last entry that changed it';
COMMENT ON COLUMN lots.freezes IS 'why it is frozen; empty: it isn''t';
COMMENT ON COLUMN lots.frozen_since IS 'from when frozen time moves its expiry; null: it doesn''t';
COMMENT ON COLUMN lots.closed IS 'what returns to it is voided';
COMMENT ON COLUMN lots.clawed IS 'its payment was lost: what returns to it is clawed back';
COMMENT ON COLUMN lots.debt IS 'how much of what was spent became debt when its payment was lost';
COMMENT ON COLUMN lots.period_at IS 'the period that a recurring grant is for; null: no such';
