-- The best set-based writer: 5,000 events a commit, deduplicated by a primary key, rated exactly
-- with the account's residue, drawn down first in, first out, by interval arithmetic.
DROP SCHEMA IF EXISTS bench_set_based CASCADE;
CREATE SCHEMA bench_set_based;
SET search_path TO bench_set_based;

CREATE TABLE accounts (
    customer_id text PRIMARY KEY,
    account_seq bigint NOT NULL DEFAULT 0,
    balance bigint NOT NULL,
    overage bigint NOT NULL DEFAULT 0,
    residue bigint NOT NULL DEFAULT 0 -- in 10^-18 credits
) WITH (fillfactor = 60);
CREATE TABLE lots (
    customer_id text, lot_seq int, remaining bigint NOT NULL, PRIMARY KEY (customer_id, lot_seq)
) WITH (fillfactor = 60);
CREATE TABLE rates (quantity text PRIMARY KEY, rate_pico bigint NOT NULL);
CREATE TABLE entries (
    customer_id text, event_id text, account_seq bigint NOT NULL, amount bigint NOT NULL,
    balance bigint NOT NULL, overage bigint NOT NULL, residue bigint NOT NULL,
    input bigint NOT NULL, output bigint NOT NULL, occurred_at bigint NOT NULL,
    PRIMARY KEY (customer_id, event_id)
);
CREATE TABLE allocations (
    customer_id text, event_id text, lot_seq int, amount bigint NOT NULL
);
CREATE UNLOGGED TABLE staged (
    number int, event_id text, customer_id text, occurred_at bigint, input bigint, output bigint
);

CREATE FUNCTION charge_staged() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE charged_events bigint;
BEGIN
    -- One writer: nobody else moves what is read here.
    CREATE TEMP TABLE charges ON COMMIT DROP AS
    WITH once AS (
        SELECT DISTINCT ON (customer_id, event_id) * FROM staged s
        WHERE NOT EXISTS (
            SELECT FROM entries e WHERE (e.customer_id, e.event_id) = (s.customer_id, s.event_id))
        ORDER BY customer_id, event_id, number
    ), rated AS (
        -- Tokens x pico-credits, in 10^-18 credits; a batch's sum needs more than 64 bits.
        SELECT o.*, (o.input * i.rate_pico + o.output * u.rate_pico)::numeric * 1000000 AS atto
        FROM once o, rates i, rates u WHERE i.quantity = 'input' AND u.quantity = 'output'
    ), summed AS (
        SELECT r.*, a.account_seq + row_number() OVER w AS account_seq, a.balance,
            a.residue + sum(r.atto) OVER w AS after, a.residue + sum(r.atto) OVER w - r.atto AS before
        FROM rated r JOIN accounts a USING (customer_id)
        WINDOW w AS (PARTITION BY customer_id ORDER BY number ROWS UNBOUNDED PRECEDING)
    )
    SELECT number, event_id, customer_id, occurred_at, input, output, account_seq, balance,
        div(before, 1000000000000)::bigint AS low, div(after, 1000000000000)::bigint AS high,
        mod(after, 1000000000000)::bigint AS residue
    FROM summed;

    CREATE TEMP TABLE drawn ON COMMIT DROP AS
    WITH stacked AS (
        SELECT customer_id, lot_seq,
            sum(remaining) OVER w - remaining AS low, sum(remaining) OVER w AS high
        FROM lots WHERE remaining > 0 AND customer_id IN (SELECT customer_id FROM charges)
        WINDOW w AS (PARTITION BY customer_id ORDER BY lot_seq ROWS UNBOUNDED PRECEDING)
    )
    SELECT c.customer_id, c.event_id, s.lot_seq,
        (least(c.high, s.high) - greatest(c.low, s.low))::bigint AS amount
    FROM charges c JOIN stacked s
        ON s.customer_id = c.customer_id AND s.low < c.high AND s.high > c.low;

    INSERT INTO allocations SELECT * FROM drawn;
    INSERT INTO entries
    SELECT customer_id, event_id, account_seq, -least(high, balance) + least(low, balance),
        balance - least(high, balance), greatest(high - balance, 0) - greatest(low - balance, 0),
        residue, input, output, occurred_at
    FROM charges;
    GET DIAGNOSTICS charged_events = ROW_COUNT;
    UPDATE lots l SET remaining = remaining - d.amount
    FROM (SELECT customer_id, lot_seq, sum(amount)::bigint AS amount FROM drawn GROUP BY 1, 2) d
    WHERE (l.customer_id, l.lot_seq) = (d.customer_id, d.lot_seq);
    UPDATE accounts a
    SET balance = a.balance - least(c.high, a.balance), residue = c.residue,
        overage = a.overage + greatest(c.high - a.balance, 0), account_seq = c.account_seq
    FROM (SELECT DISTINCT ON (customer_id) * FROM charges ORDER BY customer_id, number DESC) c
    WHERE a.customer_id = c.customer_id;
    TRUNCATE staged;
    RETURN charged_events;
END $$;
