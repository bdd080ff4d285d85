-- Each hold as its last entry states it: open, released or expired. Ended ones stay.
CREATE TABLE holds (
    customer_id   text COLLATE "C" NOT NULL,
    unit          text COLLATE "C" NOT NULL,
    hold_id       text COLLATE "C" NOT NULL,
    state         text    NOT NULL,
    meter         text    NOT NULL,
    properties    jsonb   NOT NULL,
    reserved      bigint  NOT NULL,
    reserved_room bigint  NOT NULL,
    placed_at     bigint  NOT NULL,
    expires_at    bigint  NOT NULL,
    partition     integer NOT NULL,
    partition_seq bigint  NOT NULL,
    PRIMARY KEY (customer_id, unit, hold_id)
) WITH (fillfactor = 60);
COMMENT ON COLUMN holds.reserved IS 'credits reserved in lots';
COMMENT ON COLUMN holds.reserved_room IS 'overdraft room reserved';
COMMENT ON COLUMN holds.partition_seq IS 'of the last entry that changed it';
