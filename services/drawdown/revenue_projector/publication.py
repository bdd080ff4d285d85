"""What is published of revenue: a record for each day of a lot."""

from collections.abc import Iterator
from typing import Any, Final

from psycopg.rows import dict_row

from drawdown.adapters.avro import generic
from drawdown.adapters.postgres.connections import Cursor
from drawdown.adapters.postgres.literals import json_list
from drawdown.projection.publication import Published
from drawdown.revenue_projector.figures import NAMES

_DEFERRED: Final = (
    "billed_minor + transferred_minor - recognized_minor - breakage_minor - refunded_minor "
    "- chargeback_minor - adjusted_minor"
)
_TO_DATE: Final = ("billed", "recognized", "breakage", "refunded", "receivable")
_RUNNING: Final = ", ".join(
    f"(sum({name}_minor) OVER until_then)::bigint AS {name}_to_date_minor" for name in _TO_DATE
)
_TO_DATE_COLUMNS: Final = ", ".join(f"{name}_to_date_minor" for name in _TO_DATE)
_DAY: Final = ", ".join(f"told.{name}" for name in NAMES)
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
SELECT customer_id, unit, lot_id, day::text AS day, told.kind, told.currency,
    lots.price_minor, lots.list_price_minor, lots.payment_id, {_DAY}, {_TO_DATE_COLUMNS},
    deferred_minor, coalesce(adjusted_by_reason, '{{}}') AS adjusted_by_reason,
    told.partition, version AS partition_seq
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
                yield Published(key_of(row), generic.encode(row, "revenue", header=self._header))


def key_of(row: dict[str, Any]) -> bytes:
    """The key of a record: a JSON array, for ids are opaque and no separator is safe."""
    return json_list([row["customer_id"], row["unit"], row["lot_id"], row["day"]]).encode()
