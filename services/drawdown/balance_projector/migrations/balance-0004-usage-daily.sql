-- Usage by meter and day of the reporting zone, by when it occurred.
-- rated = drawn + overdrawn + overage + uncovered, in micro-credits.
CREATE TABLE usage_daily (
    customer_id   text COLLATE "C" NOT NULL,
    unit          text COLLATE "C" NOT NULL,
    meter         text COLLATE "C" NOT NULL,
    day           date   NOT NULL,
    events        bigint NOT NULL,
    rated         bigint NOT NULL,
    drawn         bigint NOT NULL,
    overdrawn     bigint NOT NULL,
    overage       bigint NOT NULL,
    uncovered     bigint NOT NULL,
    PRIMARY KEY (customer_id, unit, meter, day)
) WITH (fillfactor = 60);
