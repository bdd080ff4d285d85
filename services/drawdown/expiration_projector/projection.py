"""The expiration projection: what the entries of a partition write."""

from itertools import chain
from pathlib import Path
from typing import Final

from drawdown.adapters.postgres.connections import Cursor
from drawdown.adapters.postgres.store import Slices
from drawdown.domain.reminders import WeekOf
from drawdown.expiration_projector.expiration_rows import add_expirations
from drawdown.expiration_projector.lot_rows import write_lots
from drawdown.expiration_projector.publication import ExpirationPublication


class ExpirationProjection:
    """Lots with their dates, what expired of them, and the reminders that were due."""

    name: Final = "expiration"
    migrations: Final = Path(__file__).parent / "migrations"

    def __init__(self, *, week_of: WeekOf, publication: ExpirationPublication | None) -> None:
        """`week_of` gives the weeks of the reporting zone, which digests have."""
        self.publication: Final = publication
        self._week_of = week_of

    def write(self, cursor: Cursor, slices: Slices) -> None:
        """Write one partition's next entries, each exactly once, in order.

        What a lot asks for is known once all that moves it is: they are gone through twice.
        """
        entries = list(chain.from_iterable(slices))
        write_lots(cursor, entries, self._week_of)
        add_expirations(cursor, entries)
