"""Lots as rows, and what is noted beside their days: adjustments by reason, overage."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from drawdown.adapters.postgres.connections import Cursor
from drawdown.adapters.postgres.unnested import Unnested
from drawdown.domain.entries import LedgerEntry
from drawdown.revenue_projector.figures import LotKey

_OPENED: Final = Unnested(
    customer_id="text",
    unit="text",
    lot_id="text",
    kind="text",
    reason="text",
    campaign="text",
    granted="bigint",
    price_minor="bigint",
    currency="text",
    list_price_minor="bigint",
    payment_id="text",
    effective_at="bigint",
    partition="integer",
    partition_seq="bigint",
)
_OPEN: Final = f"INSERT INTO lots ({_OPENED.names}) SELECT {_OPENED.names} FROM {_OPENED.rows}"

_PAID: Final = Unnested(customer_id="text", unit="text", payment_id="text")
_BY_PAYMENT: Final = f"""
SELECT customer_id, unit, payment_id, lot_id
FROM lots JOIN {_PAID.rows} USING (customer_id, unit, payment_id)
WHERE payment_id <> ''
"""

_ADJUSTED: Final = Unnested(
    customer_id="text",
    unit="text",
    lot_id="text",
    day="date",
    reason="text",
    partition="integer",
    adjusted_minor="bigint",
)
_ADJUST: Final = f"""
INSERT INTO adjustments ({_ADJUSTED.names}) SELECT {_ADJUSTED.names} FROM {_ADJUSTED.rows}
ON CONFLICT (customer_id, unit, lot_id, day, reason) DO UPDATE SET
    adjusted_minor = adjustments.adjusted_minor + excluded.adjusted_minor
"""

_OVERAGE: Final = Unnested(
    customer_id="text", unit="text", day="date", partition="integer", overage="bigint"
)
_ADD_OVERAGE: Final = f"""
INSERT INTO overage ({_OVERAGE.names}) SELECT {_OVERAGE.names} FROM {_OVERAGE.rows}
ON CONFLICT (customer_id, unit, day) DO UPDATE SET overage = overage.overage + excluded.overage
"""


def open_lots(cursor: Cursor, grants: Sequence[LedgerEntry]) -> None:
    """Write the lots that grants open."""
    if grants:
        cursor.execute(_OPEN, _OPENED.arrays(map(_opened, grants)))


def _opened(entry: LedgerEntry) -> tuple[object, ...]:
    facts = entry.facts
    assert facts.details is not None
    terms = facts.details.lot
    assert terms is not None
    return (
        facts.customer_id,
        facts.unit,
        terms.lot_id,
        terms.kind,
        facts.reason,
        terms.campaign,
        facts.amount,
        terms.price_minor,
        terms.currency,
        terms.list_price_minor,
        terms.payment_id,
        terms.effective_at,
        entry.source_partition,
        entry.partition_seq,
    )


def lots_of_payments(cursor: Cursor, payments: Collection[LotKey]) -> dict[LotKey, str]:
    """The lots that payments (customer, unit, payment id) bought."""
    if not payments:
        return {}
    found = cursor.execute(_BY_PAYMENT, _PAID.arrays(sorted(payments)))
    return {(row[0], row[1], row[2]): row[3] for row in found}


def add_adjustments(
    cursor: Cursor, adjusted: Mapping[tuple[str, str, str, str, str], int], partition: int
) -> None:
    """Add minor units by customer, unit, lot, day and reason."""
    if adjusted:
        rows = ((*key, partition, amount) for key, amount in adjusted.items())
        cursor.execute(_ADJUST, _ADJUSTED.arrays(rows))


def add_overage(
    cursor: Cursor, overage: Mapping[tuple[str, str, str], int], partition: int
) -> None:
    """Add micro-credits by customer, unit and day."""
    if overage:
        rows = ((*key, partition, amount) for key, amount in overage.items())
        cursor.execute(_ADD_OVERAGE, _OVERAGE.arrays(rows))
