"""The topic `balances`: accounts as records, made of the rows."""

from collections.abc import Iterator
from typing import Any, Final

from psycopg.rows import dict_row

from drawdown.adapters.avro import generic
from drawdown.adapters.avro.wire import Wire
from drawdown.adapters.postgres.connections import Cursor
from drawdown.projection.publication import Published

_SCHEMA: Final = "balance"

_CHANGED: Final = """
SELECT a.customer_id, a.unit, a.balance, a.held, a.available,
    least(e.lowest, a.available) AS available_lowest,
    greatest(e.highest, a.available) AS available_highest,
    coalesce(kinds.purchased, 0) AS purchased,
    coalesce(kinds.promotional, 0) AS promotional,
    coalesce(kinds.included, 0) AS included,
    coalesce(kinds.adjustment, 0) AS adjustment,
    a.overdraft, a.debt, a.overage_total,
    coalesce(burned.credits, 0) AS burn_rate_day,
    a.partition, a.partition_seq, a.account_seq, a.updated_at AS as_of
FROM (
    SELECT customer_id, unit, min(available) AS lowest, max(available) AS highest
    FROM entries
    WHERE partition = %(partition)s
      AND partition_seq > %(after_seq)s AND partition_seq <= %(up_to_seq)s
    GROUP BY customer_id, unit
) e
JOIN accounts a ON a.customer_id = e.customer_id AND a.unit = e.unit
LEFT JOIN LATERAL (
    SELECT sum(l.remaining) FILTER (WHERE l.kind = 'purchased')::bigint AS purchased,
        sum(l.remaining) FILTER (WHERE l.kind = 'promotional')::bigint AS promotional,
        sum(l.remaining) FILTER (WHERE l.kind = 'included')::bigint AS included,
        sum(l.remaining) FILTER (WHERE l.kind = 'adjustment')::bigint AS adjustment
    FROM lots l WHERE l.customer_id = a.customer_id AND l.unit = a.unit
) kinds ON true
LEFT JOIN LATERAL (
    SELECT sum(u.drawn + u.overdrawn)::bigint AS credits
    FROM usage_hourly u
    WHERE u.customer_id = a.customer_id AND u.unit = a.unit
      AND u.hour > date_trunc('hour', to_timestamp(a.updated_at / 1000000) AT TIME ZONE 'UTC')
                   - interval '24 hours'
) burned ON true
"""
"""Each account that the entries name, as it stands. `$partition` has entries but no account.

Lowest and highest are of these entries: the record before this one told those before them.
"""


class BalancePublication:
    """Accounts that changed, keyed by customer and unit, each with the position it includes."""

    topic: Final = "balances"

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def records(
        self, cursor: Cursor, *, partition: int, after_seq: int, up_to_seq: int
    ) -> Iterator[Published]:
        """A record for each account that these entries changed."""
        header = self._wire.header(_SCHEMA)
        between = {"partition": partition, "after_seq": after_seq, "up_to_seq": up_to_seq}
        with cursor.connection.cursor(row_factory=dict_row) as rows:
            for row in rows.execute(_CHANGED, between):
                yield Published(account_key(row), generic.encode(row, _SCHEMA, header=header))


def account_key(row: dict[str, Any]) -> bytes:
    """The key of an account's records. Ids have no zero byte, so that no two accounts share one."""
    return f"{row['customer_id']}\0{row['unit']}".encode()
