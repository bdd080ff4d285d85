-- What an account has of each kind of grant: credits that remain, of them reserved, and those that
-- are available as `accounts` says: free, in lots that were effective, unexpired and not frozen when
-- the account's last entry was recorded. Available of all kinds, less overdraft and debt, is the
-- account's. A kind that was never granted has no row.
CREATE VIEW balances_by_kind AS
SELECT l.customer_id, l.unit, l.kind,
    sum(l.remaining)::bigint AS remaining,
    sum(l.reserved)::bigint AS reserved,
    coalesce(sum(l.remaining - l.reserved) FILTER (
        WHERE l.effective_at <= a.updated_at
          AND (l.expires_at IS NULL OR a.updated_at < l.expires_at)
          AND l.freezes = '[]'
    ), 0)::bigint AS available
FROM lots l JOIN accounts a USING (customer_id, unit)
GROUP BY l.customer_id, l.unit, l.kind;
