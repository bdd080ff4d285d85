-- Usage by meter and period, by when it occurred; refunds take off when they were given.
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
COMMENT ON COLUMN usage_daily.day IS 'a day of the reporting zone';

-- The last hours of an account lie together, whatever its meters and its age: its burn rate is read
-- with every record that is published.
CREATE TABLE usage_hourly (
    customer_id   text COLLATE "C" NOT NULL,
    unit          text COLLATE "C" NOT NULL,
    meter         text COLLATE "C" NOT NULL,
    hour          timestamp NOT NULL,
    events        bigint NOT NULL,
    rated         bigint NOT NULL,
    drawn         bigint NOT NULL,
    overdrawn     bigint NOT NULL,
    overage       bigint NOT NULL,
    uncovered     bigint NOT NULL,
    PRIMARY KEY (customer_id, unit, hour, meter)
) WITH (fillfactor = 60);
COMMENT ON COLUMN usage_hourly.hour IS 'when the hour begins, UTC';
