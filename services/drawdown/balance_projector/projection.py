"""The balance projection: what the entries of a partition write."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from drawdown.adapters.postgres.connections import Cursor
from drawdown.balance_projector.account_rows import upsert_accounts
from drawdown.balance_projector.entry_rows import copy_entries
from drawdown.balance_projector.hold_rows import upsert_holds
from drawdown.balance_projector.lot_rows import write_lots
from drawdown.balance_projector.usage_rows import add_usage
from drawdown.domain.entries import LedgerEntry
from drawdown.projection.publication import Publication


class BalanceProjection:
    """Accounts, lots, holds, entries, and usage by hour and day."""

    name: Final = "balance"
    migrations: Final = Path(__file__).parent / "migrations"

    def __init__(self, *, zone: ZoneInfo, publication: Publication | None = None) -> None:
        """`zone` is the reporting zone, whose days daily usage has."""
        self.publication: Final = publication
        self._zone = zone

    def write(self, cursor: Cursor, entries: Sequence[LedgerEntry]) -> None:
        """Write one partition's next entries, each exactly once, in order."""
        copy_entries(cursor, entries)
        write_lots(cursor, entries)
        upsert_holds(cursor, entries)
        upsert_accounts(cursor, entries)
        add_usage(cursor, entries, self._zone)
