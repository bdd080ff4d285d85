"""Updates of lots that grants opened before."""

from typing import Final

from drawdown.adapters.postgres.connections import Cursor
from drawdown.adapters.postgres.unnested import Unnested
from drawdown.errors import LedgerCorrupt

OF_ITS_LOT: Final = (
    "lots.customer_id = rows.customer_id AND lots.unit = rows.unit AND lots.lot_id = rows.lot_id"
)
"""Which lot a row is about."""


def update_lots(
    cursor: Cursor, statement: str, columns: Unnested, rows: list[tuple[object, ...]]
) -> None:
    """Update a lot for each row, if there are any. Raises `LedgerCorrupt` if one isn't there."""
    if not rows:
        return
    cursor.execute(statement, columns.arrays(rows))
    if cursor.rowcount != len(rows):
        raise LedgerCorrupt(f"{len(rows) - cursor.rowcount} lots were drawn on but not granted")
