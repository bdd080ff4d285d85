"""Days as rows that entries add to."""

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from drawdown.adapters.postgres.connections import Cursor
from drawdown.adapters.postgres.unnested import Unnested
from drawdown.revenue_projector.figures import NAMES, DayKey, Figures, LotKey, summed

_KEY: Final = {
    "customer_id": "text",
    "unit": "text",
    "lot_id": "text",
    "day": "date",
    "partition": "integer",
    "partition_seq": "bigint",
    "kind": "text",
    "currency": "text",
}
_DAYS: Final = Unnested(**_KEY, **dict.fromkeys(NAMES, "bigint"))
_SPENT: Final = Unnested(**_KEY, recognized_minor="bigint", spent="bigint")

SUMS: Final = ", ".join(f"sum({name})::bigint" for name in NAMES)
"""Every figure, in the order of `NAMES`."""
_LOTS: Final = Unnested(customer_id="text", unit="text", lot_id="text")
_OF_LOTS: Final = f"""
SELECT customer_id, unit, lot_id, kind, currency, {SUMS}
FROM days JOIN {_LOTS.rows} USING (customer_id, unit, lot_id)
GROUP BY customer_id, unit, lot_id, kind, currency
"""


def _adding(columns: Unnested, names: tuple[str, ...]) -> str:
    added = ", ".join(f"{name} = days.{name} + excluded.{name}" for name in names)
    return (
        f"INSERT INTO days ({columns.names}) SELECT {columns.names} FROM {columns.rows} "
        "ON CONFLICT (customer_id, unit, lot_id, day) DO UPDATE SET "
        f"partition_seq = excluded.partition_seq, {added}"
    )


_ADD: Final = _adding(_DAYS, NAMES)
_SPEND: Final = _adding(_SPENT, ("recognized_minor", "spent"))
"""What nearly every row of a batch needs."""


def add_days(cursor: Cursor, rows: Mapping[DayKey, Figures], partition: int) -> None:
    """Add figures to the days of one partition's lots."""
    spent = [
        (
            *key,
            partition,
            row.partition_seq,
            row.kind,
            row.currency,
            row.recognized_minor,
            row.spent,
        )
        for key, row in rows.items()
        if row.plain
    ]
    if spent:
        cursor.execute(_SPEND, _SPENT.arrays(spent))
    moved = [
        (*key, partition, row.partition_seq, row.kind, row.currency, *row.values())
        for key, row in rows.items()
        if not row.plain
    ]
    if moved:
        cursor.execute(_ADD, _DAYS.arrays(moved))


def figures_of(cursor: Cursor, lots: Collection[LotKey]) -> dict[LotKey, Figures]:
    """The figures of lots since they were granted; none for lots that weren't yet."""
    if not lots:
        return {}
    return dict(_figures(cursor.execute(_OF_LOTS, _LOTS.arrays(sorted(lots)))))


def _figures(found: Cursor) -> Iterator[tuple[LotKey, Figures]]:
    for customer_id, unit, lot_id, kind, currency, *values in found:
        yield (customer_id, unit, lot_id), summed(kind, currency, tuple(values))
