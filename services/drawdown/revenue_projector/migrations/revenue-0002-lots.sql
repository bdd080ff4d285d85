-- Each lot as its grant opened it; nothing of it changes. What became of it is in its days.
CREATE TABLE lots (
    customer_id      text COLLATE "C" NOT NULL,
    unit             text COLLATE "C" NOT NULL,
    lot_id           text COLLATE "C" NOT NULL,
    kind             text    NOT NULL,
    reason           text    NOT NULL,
    campaign         text    NOT NULL,
    granted          bigint  NOT NULL,
    price_minor      bigint  NOT NULL,
    currency         text COLLATE "C" NOT NULL,
    list_price_minor bigint  NOT NULL,
    payment_id       text COLLATE "C" NOT NULL,
    effective_at     bigint  NOT NULL,
    partition        integer NOT NULL,
    partition_seq    bigint  NOT NULL,
    PRIMARY KEY (customer_id, unit, lot_id)
);
-- A refund of money alone names no lot, only its payment.
CREATE INDEX lots_by_payment ON lots (customer_id, unit, payment_id) WHERE payment_id <> '';
-- Of `adjusted_minor`, by the reason that the adjustments gave.
CREATE TABLE adjustments (
    customer_id    text COLLATE "C" NOT NULL,
    unit           text COLLATE "C" NOT NULL,
    lot_id         text COLLATE "C" NOT NULL,
    day            date    NOT NULL,
    reason         text COLLATE "C" NOT NULL,
    partition      integer NOT NULL,
    adjusted_minor bigint  NOT NULL,
    PRIMARY KEY (customer_id, unit, lot_id, day, reason)
);
-- Usage beyond all lots, to be billed with the next invoice: credits, for it has no price here.
CREATE TABLE overage (
    customer_id text COLLATE "C" NOT NULL,
    unit        text COLLATE "C" NOT NULL,
    day         date    NOT NULL,
    partition   integer NOT NULL,
    overage     bigint  NOT NULL,
    PRIMARY KEY (customer_id, unit, day)
);
