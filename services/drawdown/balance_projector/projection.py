"""The balance projection: what the entries of a partition write."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from drawdown.adapters.postgres.connections import Cursor
from drawdown.adapters.postgres.store import Slices
from drawdown.balance_projector.account_rows import AccountRows
from drawdown.balance_projector.entry_rows import copy_entries
from drawdown.balance_projector.hold_rows import HoldRows
from drawdown.balance_projector.lot_rows import write_lots
from drawdown.balance_projector.usage_rows import UsageRows
from drawdown.domain.entries import LedgerEntry
from drawdown.projection.lot_movements import LotMovements
from drawdown.projection.publication import Publication


class BalanceProjection:
    """Accounts, lots, holds, entries, and usage by hour and day."""

    name: Final = "balance"
    migrations: Final = Path(__file__).parent / "migrations"

    def __init__(self, *, zone: ZoneInfo, publication: Publication | None = None) -> None:
        """`zone` is the reporting zone, whose days daily usage has."""
        self.publication: Final = publication
        self._zone = zone

    def write(self, cursor: Cursor, slices: Slices) -> None:
        """Write one partition's next entries, each exactly once, in order."""
        lots, holds, accounts, usage = LotMovements(), HoldRows(), AccountRows(), UsageRows()

        def take(entries: Sequence[LedgerEntry]) -> None:
            lots.take(entries)
            holds.take(entries)
            accounts.take(entries)
            usage.take(entries)

        copy_entries(cursor, slices, take)
        write_lots(cursor, lots)
        holds.write(cursor)
        accounts.write(cursor)
        usage.write(cursor, self._zone)
