"""Folding: entries of the ledger back into the books that they came from. On the hot path."""

from collections.abc import Callable, Sequence
from typing import Final, final

from drawdown.adapters.avro.codec import decode_entry_checked, genesis_hash
from drawdown.adapters.avro.wire import HEADER_BYTES
from drawdown.adapters.kafka.records import ConsumedRecord, offset_of, value_of
from drawdown.domain.entries import InputTopic, LedgerEntry
from drawdown.domain.evolve import UnknownEntry
from drawdown.domain.ledger import Ledger
from drawdown.errors import DecodeFailed, PartitionHalted

Lift = Callable[[bytes], tuple[LedgerEntry, bool]]
"""The entry of a record of whatever schema version, and whether its hash is that of its bytes."""


@final
class Folder:
    """Folds the entries of one partition in order, and checks each account's chain.

    Entries up to `shelved_seq` may be in the books already, account by account.
    """

    def __init__(self, ledger: Ledger, *, header: bytes, lift: Lift, shelved_seq: int = 0) -> None:
        """`header` is what stands before records of the newest schema; `lift` reads the others."""
        self.ledger: Final = ledger
        self.entries = 0
        self.decided: Final[dict[InputTopic, int]] = {}
        """The last source offset by input topic."""
        self.last_hash = b""
        self.last_offset = -1
        self.first_offset = -1
        """Of the first entry since this was set to −1."""
        self.unfinished = ""
        """The last entry, while its decision has more to come; else empty."""
        self._header: Final = header
        self._lift: Final = lift
        self._shelved_seq: Final = shelved_seq

    def fold(self, records: Sequence[ConsumedRecord]) -> None:
        """Fold entries. Raises `PartitionHalted` for one that doesn't follow."""
        for record in records:
            offset, value = offset_of(record), value_of(record)
            entry = self._entry(value, offset)
            self._fold(entry, offset, value)
            if self.first_offset < 0:
                self.first_offset = offset
            self.entries += 1
            self.last_offset = offset
            self.last_hash = entry.hash
            self.decided[entry.source_topic] = entry.source_offset
            self.unfinished = entry.entry_id if entry.index + 1 < entry.count else ""

    def _entry(self, value: bytes, offset: int) -> LedgerEntry:
        try:
            if value.startswith(self._header):
                entry, whole = decode_entry_checked(value, HEADER_BYTES)
            else:
                entry, whole = self._lift(value)
        except DecodeFailed as error:
            raise PartitionHalted(f"{self._at(offset)} can't be read: {error}") from error
        if not whole:
            raise self._broken(entry, offset)
        return entry

    def _fold(self, entry: LedgerEntry, offset: int, record: bytes) -> None:
        ledger, facts = self.ledger, entry.facts
        account = ledger.account_for(facts.customer_id, facts.unit)
        try:
            shelved = account.account_seq >= facts.account_seq
            if shelved and entry.partition_seq <= self._shelved_seq:
                ledger.pass_over(entry)
                return
            if entry.prev_hash != (account.head or self._genesis(entry)):
                raise self._broken(entry, offset)
            # A record of an older schema isn't what is decoded later.
            kept = record if record.startswith(self._header) else b""
            ledger.evolve(entry, kept, account)
        except (AssertionError, UnknownEntry) as error:
            raise PartitionHalted(f"{self._at(offset)} can't be folded: {error}") from error

    def _genesis(self, entry: LedgerEntry) -> bytes:
        return genesis_hash(self.ledger.namespace, entry.facts.customer_id, entry.facts.unit)

    def _broken(self, entry: LedgerEntry, offset: int) -> PartitionHalted:
        customer_id = entry.facts.customer_id
        return PartitionHalted(f"{self._at(offset)}: the hash chain of {customer_id} breaks here")

    def _at(self, offset: int) -> str:
        return f"the ledger's partition {self.ledger.partition}, offset {offset}"
