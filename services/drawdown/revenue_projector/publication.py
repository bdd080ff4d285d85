"""What is published of revenue: a record for each day of a lot."""

import json
from collections.abc import Iterator
from typing import Any, Final

from psycopg.rows import dict_row

from drawdown.adapters.avro import generic
from drawdown.adapters.postgres.connections import Cursor
from drawdown.projection.publication import Published

_DEFERRED: Final = (
    "billed_minor + transferred_minor - recognized_minor - breakage_minor - refunded_minor "
    "- chargeback_minor - adjusted_minor"
)
_TO_DATE: Final = ("billed", "recognized", "breakage", "refunded", "receivable")
_RUNNING: Final = ", ".join(
    f"(sum({name}_minor) OVER until_then)::bigint AS {name}_to_date_minor" for name in _TO_DATE
)
_CHANGED: Final = f"""
WITH changed AS (
    SELECT customer_id, unit, lot_id, min(day) AS since FROM days
    WHERE partition = %s AND partition_seq > %s AND partition_seq <= %s
    GROUP BY customer_id, unit, lot_id
), told AS (
    SELECT days.*, since, {_RUNNING},
        (sum({_DEFERRED}) OVER until_then)::bigint AS deferred_minor,
        max(partition_seq) OVER until_then AS version
    FROM changed JOIN days USING (customer_id, unit, lot_id)
    WINDOW until_then AS (PARTITION BY customer_id, unit, lot_id ORDER BY day)
)
SELECT told.*, told.day::text AS day, version AS partition_seq,
    lots.price_minor, lots.list_price_minor, lots.payment_id, adjusted_by_reason
FROM told JOIN lots USING (customer_id, unit, lot_id) LEFT JOIN LATERAL (
    SELECT jsonb_object_agg(reason, adjustments.adjusted_minor) AS adjusted_by_reason
    FROM adjustments
    WHERE told.adjusted_minor <> 0
        AND (adjustments.customer_id, adjustments.unit, adjustments.lot_id, adjustments.day)
            = (told.customer_id, told.unit, told.lot_id, told.day)
) AS reasons ON true
WHERE told.day >= since
ORDER BY version
"""
"""What a day says of the time to its end also changes with the days before it: where one of them
did, the later ones are published again."""


class RevenuePublication:
    """The topic `revenue`: the days of lots, keyed by customer, unit, lot and day."""

    topic: Final = "revenue"

    def __init__(self, header: bytes) -> None:
        """`header` is the framing of the newest version of the schema."""
        self._header = header

    def records(
        self, cursor: Cursor, *, partition: int, after_seq: int, up_to_seq: int
    ) -> Iterator[Published]:
        """A record for each day that the entries changed, or that follows one of its lot."""
        with cursor.connection.cursor(row_factory=dict_row) as found:
            for row in found.execute(_CHANGED.encode(), [partition, after_seq, up_to_seq]):
                yield Published(key_of(row), self._value(row))

    def _value(self, row: dict[str, Any]) -> bytes:
        record = {name: row[name] for name in _FIELDS}
        record["adjusted_by_reason"] = record["adjusted_by_reason"] or {}
        return generic.encode(record, "revenue", header=self._header)


_FIELDS: Final = [each["name"] for each in generic.parsed("revenue")["fields"]]


def key_of(row: dict[str, Any]) -> bytes:
    """The key of a record: a JSON array, for ids are opaque and no separator is safe."""
    parts = [row["customer_id"], row["unit"], row["lot_id"], row["day"]]
    return json.dumps(parts, ensure_ascii=False, separators=(",", ":")).encode()
