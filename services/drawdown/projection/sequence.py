"""Which of the records read are new, and whether any is missing. On the hot path."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from drawdown.adapters.kafka.records import ConsumedRecord, offset_of, value_of
from drawdown.domain.entries import LedgerEntry
from drawdown.domain.numbers import NEVER
from drawdown.errors import DecodeFailed, LedgerCorrupt

SLICE: Final = 200
"""Entries that are decoded at once: so few that a processor's cache still has them when they are
projected."""

Decode = Callable[[bytes], LedgerEntry]
"""The entry of a record's value. Raises `DecodeFailed`."""


class SequenceGap(LedgerCorrupt):
    """Entries are missing between the position and the next record."""

    def __init__(self, *, expected: int, found: int, offset: int) -> None:
        super().__init__(
            f"entry {found} stands at offset {offset} where entry {expected} should follow: "
            "entries are missing from the ledger topic"
        )
        self.expected = expected


class NewEntries:
    """The entries among records that follow entry `after_seq`; those read again are left out.

    They are decoded while they are iterated over, once, slice by slice. That raises `SequenceGap`
    where one is missing, and `LedgerCorrupt` where an old number stands at a new offset (from
    `from_offset` on): an entry was written twice, or this is another topic.
    """

    def __init__(
        self,
        records: Sequence[ConsumedRecord],
        decode: Decode,
        *,
        after_seq: int,
        from_offset: int,
        up_to_seq: int = NEVER,
    ) -> None:
        """Those behind entry `up_to_seq` are left out."""
        self._records: Final = records
        self._decode: Final = decode
        self._up_to_seq: Final = up_to_seq
        self._place = 0
        self._ready: list[LedgerEntry] = []
        self.last_seq = after_seq
        """The last entry that was decoded."""
        self.next_offset = from_offset
        """The offset behind it."""
        self.fault: DecodeFailed | None = None
        """Why the record behind it can't be decoded; there the entries end."""

    def any(self) -> bool:
        """Whether there are more. Raises as iterating does."""
        while not self._ready and self._place < len(self._records):
            self._ready = self._decoded()
        return bool(self._ready)

    def __iter__(self) -> Iterator[Sequence[LedgerEntry]]:
        while self.any():
            entries, self._ready = self._ready, []
            yield entries

    def _decoded(self) -> list[LedgerEntry]:
        """What is new of the next records."""
        begin = self._place
        self._place = begin + SLICE
        new: list[LedgerEntry] = []
        expected, next_offset = self.last_seq + 1, self.next_offset
        for record in self._records[begin : self._place]:
            if expected > self._up_to_seq:
                self._place = len(self._records)
                break
            offset = offset_of(record)
            try:
                entry = self._decode(value_of(record))
            except DecodeFailed as error:
                self.fault = DecodeFailed(f"the record at offset {offset}: {error}")
                self._place = len(self._records)
                break
            found = entry.partition_seq
            if found > expected:
                raise SequenceGap(expected=expected, found=found, offset=offset)
            if found == expected:
                new.append(entry)
                expected, next_offset = expected + 1, offset + 1
            elif offset >= next_offset:
                raise LedgerCorrupt(
                    f"entry {found} stands at offset {offset}, but entries up to {expected - 1} "
                    "were read before it: it was written twice, or this read model was built from "
                    "another topic and must be rebuilt"
                )
        self.last_seq, self.next_offset = expected - 1, next_offset
        return new
