"""What the expiration projection publishes: a record for each lot, made from its rows."""

import json
from collections.abc import Iterable
from typing import Any, Final

from psycopg.rows import dict_row

from drawdown.adapters.avro import generic
from drawdown.adapters.avro.wire import Wire
from drawdown.adapters.postgres.connections import Cursor
from drawdown.projection.publication import Published

_SCHEMA: Final = "expiration"
_CHANGED: Final = """
SELECT l.customer_id, l.unit, l.lot_id, l.lot_seq, l.kind, l.reason, l.campaign, l.granted,
    l.remaining, l.reserved, l.expires_at, l.freezes, l.expired, l.expired_at, l.price_minor,
    l.currency, l.breakage_minor, l.partition, l.partition_seq, l.updated_at AS as_of,
    coalesce(due.reminders, '[]') AS reminders
FROM lots l LEFT JOIN LATERAL (
    SELECT jsonb_agg(
        jsonb_build_object('days', r.days, 'due_at', r.due_at, 'amount', r.amount)
        ORDER BY r.due_at, r.days DESC
    ) AS reminders
    FROM reminders r
    WHERE r.customer_id = l.customer_id AND r.unit = l.unit AND r.lot_id = l.lot_id
        AND r.expires_at = l.expires_at
) due ON l.expires_at IS NOT NULL
WHERE l.partition = %s AND l.partition_seq > %s AND l.partition_seq <= %s
ORDER BY l.partition_seq
"""


class ExpirationPublication:
    """The topic `expirations`. Each lot that entries touched is published again."""

    topic: Final = "expirations"

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def records(
        self, cursor: Cursor, *, partition: int, after_seq: int, up_to_seq: int
    ) -> Iterable[Published]:
        """The lots that the partition's entries `after_seq + 1` to `up_to_seq` touched last."""
        header = self._wire.header(_SCHEMA)
        with cursor.connection.cursor(row_factory=dict_row) as reader:
            reader.execute(_CHANGED, [partition, after_seq, up_to_seq])
            for lot in reader:
                value = generic.encode(lot, _SCHEMA, header=header)
                yield Published(lot_key(lot), value)


def lot_key(lot: dict[str, Any]) -> bytes:
    """The key of a lot's record: an array, since ids may contain whatever would part them."""
    names = [lot["customer_id"], lot["unit"], lot["lot_id"]]
    return json.dumps(names, ensure_ascii=False, separators=(",", ":")).encode()
