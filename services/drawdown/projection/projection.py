"""What a projection brings along."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from drawdown.adapters.postgres.connections import Cursor
from drawdown.adapters.postgres.store import Slices
from drawdown.projection.publication import Publication
from drawdown.settings import Settings


class Projection(Protocol):
    """A read model that is a function of the ledger topic alone."""

    @property
    def name(self) -> str:
        """Its short name, which ends the name of its database schema."""

    @property
    def migrations(self) -> Path:
        """The folder of its SQL files."""

    @property
    def publication(self) -> Publication | None:
        """What of it is published; None: nothing."""

    def write(self, cursor: Cursor, slices: Slices) -> None:
        """Write the rows of one partition's next entries.

        Each entry is handed over exactly once, in order, in the transaction that moves the
        position. They come in slices, which can be gone through once, so that a batch of many
        needn't be in memory. Raises `UnknownEntry` for a type that it doesn't know.
        """


Build = Callable[[Settings], Projection]
"""Makes a projection as the settings want it. Raises `InvalidSetting`."""
