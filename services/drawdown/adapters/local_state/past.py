"""The past: entries of the ledger that local state names, and doesn't hold."""

from typing import Protocol

from drawdown.domain.entries import LedgerEntry


class Past(Protocol):
    """Reads entries of one partition's ledger again."""

    def read(self, record: bytes) -> LedgerEntry:
        """The entry of a record of the log."""

    def entry(self, partition_seq: int, not_before: int) -> LedgerEntry:
        """A committed entry, which stands at an offset or behind it by no more than markers and
        what was aborted. Raises `Unavailable`, or `PartitionHalted` where it isn't there."""
