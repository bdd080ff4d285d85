"""The store of a projection without a database: it passes the same contract suite."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from drawdown.adapters.postgres.store import Position
from drawdown.domain.entries import LedgerEntry
from drawdown.errors import Fenced, Unavailable


class MemoryProjectionStore:
    """Entries and positions in memory. `rows` holds what is written, in order."""

    def __init__(self, check: Callable[[Sequence[LedgerEntry]], None] | None = None) -> None:
        """`check` stands for what a writer does with entries; it may raise."""
        self.rows: list[LedgerEntry] = []
        self.away = False
        """While true, it doesn't answer."""
        self._check = check
        self._positions: dict[int, Position] = {}

    def claim(self, partition: int) -> Position:
        """Take the partition over. Raises `Unavailable`."""
        self._answer()
        known = self._positions.get(partition)
        if known is None:
            claimed = Position(
                partition=partition, partition_seq=0, next_offset=0, recorded_at=0, epoch=1
            )
        else:
            claimed = replace(known, epoch=known.epoch + 1)
        self._positions[partition] = claimed
        return claimed

    def write(
        self, position: Position, entries: Sequence[LedgerEntry], next_offset: int
    ) -> Position:
        """Write the entries that follow `position`; raises as the real store does."""
        self._answer()
        after = position.after(entries, next_offset)
        if self._positions[position.partition] != position:
            raise Fenced(f"another projector has taken partition {position.partition} over")
        if self._check is not None:
            self._check(entries)
        self.rows += entries
        self._positions[position.partition] = after
        return after

    def close(self) -> None:
        """Nothing to leave."""

    def _answer(self) -> None:
        if self.away:
            raise Unavailable("the database doesn't answer")
