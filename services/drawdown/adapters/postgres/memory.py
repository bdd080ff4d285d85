"""The store of a projection without a database: it passes the same contract suite."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import chain

from drawdown.adapters.postgres.store import (
    Batch,
    Following,
    Position,
    Record,
    Unpublished,
    fenced,
)
from drawdown.domain.entries import LedgerEntry
from drawdown.errors import Unavailable


class MemoryProjectionStore:
    """Entries and positions in memory. `rows` holds what is written, in order."""

    def __init__(
        self,
        check: Callable[[Sequence[LedgerEntry]], None] | None = None,
        reader: Callable[[Sequence[LedgerEntry]], list[Record]] | None = None,
    ) -> None:
        """`check` stands for what a writer does with entries; it may raise.

        `reader` makes records of the entries that aren't published.
        """
        self.rows: list[LedgerEntry] = []
        self.published: dict[int, int] = {}
        """The last entry that is published, by partition."""
        self.away = False
        """While true, it doesn't answer."""
        self._check = check
        self._reader = reader
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

    def write(self, position: Position, batch: Batch) -> Position:
        """Write the entries that follow `position`; raises as the real store does."""
        self._own(position)
        following = Following(position, batch)
        entries = list(chain.from_iterable(following))
        after = following.after()
        if self._check is not None:
            self._check(entries)
        self.rows += entries
        self._positions[position.partition] = after
        return after

    def unpublished(self, position: Position, entries_max: int) -> Unpublished:
        """Records of what at most `entries_max` of the entries not yet published changed."""
        self._own(position)
        after_seq = self.published.get(position.partition, 0)
        up_to_seq = min(after_seq + entries_max, position.partition_seq)
        records: list[Record] = []
        if self._reader is not None and up_to_seq > after_seq:
            of_partition = [e for e in self.rows if e.source_partition == position.partition]
            records += self._reader(of_partition[after_seq:up_to_seq])
        return Unpublished(after_seq=after_seq, up_to_seq=up_to_seq, records=records)

    def move_published(self, position: Position, up_to_seq: int) -> None:
        """Note that what entries up to `up_to_seq` changed is published."""
        assert up_to_seq <= position.partition_seq, "published before it was projected"
        self._own(position)
        published = self.published.get(position.partition, 0)
        assert published <= up_to_seq, "what is published doesn't go back"
        self.published[position.partition] = up_to_seq

    def close(self) -> None:
        """Nothing to leave."""

    def _own(self, position: Position) -> None:
        self._answer()
        if self._positions[position.partition] != position:
            raise fenced(position)

    def _answer(self) -> None:
        if self.away:
            raise Unavailable("the database doesn't answer")
