"""Batches that tests hand to a store."""

from collections.abc import Iterator, Sequence

from drawdown.domain.entries import LedgerEntry


class Given:
    """Entries as a batch of several slices, which ends before an offset."""

    def __init__(self, entries: Sequence[LedgerEntry], next_offset: int, at_once: int = 3) -> None:
        self._entries = entries
        self._at_once = at_once
        self.next_offset = next_offset

    def __iter__(self) -> Iterator[Sequence[LedgerEntry]]:
        for start in range(0, len(self._entries), self._at_once):
            yield self._entries[start : start + self._at_once]
