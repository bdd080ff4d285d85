"""What has expired, as rows, and added up on the lots."""

from collections.abc import Sequence
from typing import Final

from drawdown.adapters.postgres.connections import Cursor
from drawdown.adapters.postgres.unnested import Unnested
from drawdown.domain.entries import LedgerEntry

_EXPIRATIONS: Final = Unnested(
    customer_id="text",
    unit="text",
    lot_id="text",
    amount="bigint",
    breakage_minor="bigint",
    currency="text",
    expired_at="bigint",
    recorded_at="bigint",
    partition="integer",
    partition_seq="bigint",
)
_ADD: Final = f"""
INSERT INTO expirations ({_EXPIRATIONS.names})
SELECT {_EXPIRATIONS.names} FROM {_EXPIRATIONS.rows}
"""

_EXPIRED: Final = Unnested(
    customer_id="text",
    unit="text",
    lot_id="text",
    expired="bigint",
    breakage_minor="bigint",
    expired_at="bigint",
)
_ADD_UP: Final = f"""
UPDATE lots SET
    expired = lots.expired + rows.expired,
    breakage_minor = lots.breakage_minor + rows.breakage_minor,
    expired_at = rows.expired_at
FROM {_EXPIRED.rows}
WHERE lots.customer_id = rows.customer_id AND lots.unit = rows.unit AND lots.lot_id = rows.lot_id
"""


def add_expirations(cursor: Cursor, entries: Sequence[LedgerEntry]) -> None:
    """Add the expirations among one partition's entries. The lots' rows must be written."""
    rows: list[tuple[object, ...]] = []
    sums: dict[tuple[str, str, str], tuple[int, int, int]] = {}
    for entry in entries:
        facts = entry.facts
        if facts.type != "expiration":
            continue
        for part in facts.allocations:
            key = (facts.customer_id, facts.unit, part.lot_id)
            at = (facts.effective_at, facts.recorded_at)
            place = (entry.source_partition, entry.partition_seq)
            rows.append((*key, part.amount, part.released_minor, part.currency, *at, *place))
            expired, breakage_minor, _ = sums.get(key, (0, 0, 0))
            sums[key] = (
                expired + part.amount,
                breakage_minor + part.released_minor,
                facts.effective_at,
            )
    if rows:
        cursor.execute(_ADD, _EXPIRATIONS.arrays(rows))
        cursor.execute(_ADD_UP, _EXPIRED.arrays((*key, *each) for key, each in sums.items()))
