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
    accepted_at      bigint   NOT NULL,
    freezes          jsonb    NOT NULL,
    frozen_since     bigint,
    closed           boolean  NOT NULL,
    partition        integer  NOT NULL,
    partition_seq    bigint   NOT NULL,
    PRIMARY KEY (customer_id, unit, lot_id)
) WITH (fillfactor = 60);
COMMENT ON COLUMN lots.expires_at IS 'null: never';
COMMENT ON COLUMN lots.meters IS 'the meters that may draw on it; empty: all';
COMMENT ON COLUMN lots.partition_seq IS 'of the last entry that changed it';
