-- Each day of each lot with the revenue that is deferred at its end.
CREATE VIEW running AS
SELECT days.*, (sum(
    billed_minor + transferred_minor - recognized_minor - breakage_minor - refunded_minor
    - chargeback_minor - adjusted_minor
) OVER (PARTITION BY customer_id, unit, lot_id ORDER BY day))::bigint AS deferred_minor
FROM days;
-- A quotient rounded to the nearest integer, ties to even.
CREATE FUNCTION half_even(numerator numeric, denominator numeric) RETURNS bigint
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT (q + CASE WHEN 2 * (numerator - q * denominator) > denominator
                  OR (2 * (numerator - q * denominator) = denominator AND mod(q, 2) <> 0)
                THEN 1 ELSE 0 END)::bigint
    FROM (
        SELECT div(numerator, denominator)
            - CASE WHEN mod(numerator, denominator) < 0 THEN 1 ELSE 0 END AS q
    ) AS floored
$$;
-- Promotional lots at list value. One cumulative figure a lot, as for what was paid: of each day
-- first what was used, then what expired, then what was taken back; it adds up to the list price.
CREATE VIEW promotional AS
WITH consumed AS (
    SELECT d.customer_id, d.unit, d.lot_id, d.day, l.currency, l.list_price_minor, l.granted AS size,
        d.granted, d.spent, d.expired, d.voided + d.clawed_back AS taken,
        sum(d.spent + d.expired + d.voided + d.clawed_back) OVER (
            PARTITION BY d.customer_id, d.unit, d.lot_id ORDER BY d.day
        ) - (d.spent + d.expired + d.voided + d.clawed_back) AS before
    FROM days d JOIN lots l USING (customer_id, unit, lot_id)
    WHERE l.kind = 'promotional'
), listed AS (
    SELECT *,
        half_even(list_price_minor * before, size) AS at_start,
        half_even(list_price_minor * (before + spent), size) AS after_use,
        half_even(list_price_minor * (before + spent + expired), size) AS after_expiry,
        half_even(list_price_minor * (before + spent + expired + taken), size) AS at_end
    FROM consumed
)
SELECT customer_id, unit, lot_id, day, currency, granted, spent, expired, taken,
    CASE WHEN granted > 0 THEN list_price_minor ELSE 0 END AS granted_minor,
    after_use - at_start AS used_minor,
    after_expiry - after_use AS expired_minor,
    at_end - after_expiry AS taken_minor
FROM listed;
