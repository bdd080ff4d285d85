"""Which of the records read are new, and whether any is missing. On the hot path."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from drawdown.adapters.kafka.records import ConsumedRecord, offset_of, value_of
from drawdown.domain.entries import LedgerEntry
from drawdown.errors import DecodeFailed, LedgerCorrupt

Decode = Callable[[bytes], LedgerEntry]
"""The entry of a record's value. Raises `DecodeFailed`."""


class Read(NamedTuple):
    """An entry, and the offset at which it stands."""

    offset: int
    entry: LedgerEntry


class SequenceGap(LedgerCorrupt):
    """Entries are missing between the position and the next record."""

    def __init__(self, *, expected: int, found: int, offset: int) -> None:
        super().__init__(
            f"entry {found} stands at offset {offset} where entry {expected} should follow: "
            "entries are missing from the ledger topic"
        )
        self.expected = expected


def decoded(
    records: Sequence[ConsumedRecord], decode: Decode
) -> tuple[list[Read], DecodeFailed | None]:
    """The entries of records, up to the first that can't be decoded; why it can't."""
    reads: list[Read] = []
    for record in records:
        try:
            reads.append(Read(offset_of(record), decode(value_of(record))))
        except DecodeFailed as error:
            return reads, DecodeFailed(f"the record at offset {record.offset()}: {error}")
    return reads, None


def new_entries(reads: Sequence[Read], *, after_seq: int, from_offset: int) -> list[LedgerEntry]:
    """The entries that follow entry `after_seq`; those read again are left out.

    Raises `SequenceGap` where one is missing, and `LedgerCorrupt` where an old number stands at
    a new offset (from `from_offset` on): an entry was written twice, or this is another topic.
    """
    new: list[LedgerEntry] = []
    expected, next_offset = after_seq + 1, from_offset
    for offset, entry in reads:
        found = entry.partition_seq
        if found > expected:
            raise SequenceGap(expected=expected, found=found, offset=offset)
        if found == expected:
            new.append(entry)
            expected, next_offset = expected + 1, offset + 1
        elif offset >= next_offset:
            raise LedgerCorrupt(
                f"entry {found} stands at offset {offset}, but entries up to {expected - 1} were "
                f"read before it: it was written twice, or this read model was built from another "
                "topic and must be rebuilt"
            )
    return new
