"""A world of which little is in memory: the rest is saved, and fetched when it is asked for."""

from drawdown.adapters.avro.codec import decode_entry, encode_entry
from drawdown.adapters.avro.wire import HEADER_BYTES
from drawdown.adapters.local_state.checkpoint import read_checkpoint
from drawdown.adapters.local_state.shelf import RowShelf
from drawdown.adapters.local_state.store import Store
from drawdown.domain.entries import LedgerEntry
from drawdown.domain.ledger import Ledger
from drawdown.ledger_processor.keeping import Keeper
from tests.domain.building import World

HEADER = bytes(HEADER_BYTES)
TOPIC = "test.ledger-entries"
UNSAVED_MAX = 4
CUSTOMERS_MAX = 2


class WorldPast:
    """The log of a world, in which an entry's offset is its place."""

    def __init__(self, log: list[LedgerEntry]) -> None:
        self.log = log
        self.entries: list[int] = []
        """Those that were read again, by `partition_seq`."""

    def read(self, record: bytes) -> LedgerEntry:
        """The entry of a record."""
        return decode_entry(record, HEADER_BYTES)

    def entry(self, partition_seq: int, not_before: int) -> LedgerEntry:
        """An entry of the log."""
        self.entries.append(partition_seq)
        found = self.log[not_before]
        assert found.partition_seq == partition_seq
        return found


class KeptWorld(World):
    """A world whose ledger keeps little in memory, is saved at times, and is opened again."""

    def __init__(self, store: Store) -> None:
        self.store = store
        super().__init__()
        self.past = WorldPast(self.log)
        self.keeper = self._attach(self.ledger)

    def _attach(self, ledger: Ledger) -> Keeper:
        shelf = RowShelf(self.store, ledger.cabinet, self.past)
        ledger.cabinet.attach(shelf, CUSTOMERS_MAX)
        checkpoint = read_checkpoint(self.store, TOPIC, ledger.partition)
        if checkpoint is not None:
            ledger.restore(
                partition_seq=checkpoint.fold.partition_seq - 1,
                closed_until=checkpoint.closed_until,
                cards=shelf.cards(),
                parked=shelf.parked(),
                dues=shelf.dues(),
            )
        return Keeper(ledger, self.store, TOPIC, unsaved_max=UNSAVED_MAX, begun=checkpoint)

    def record(self, entry: LedgerEntry) -> bytes:
        """Of every other entry; the rest is of an older schema."""
        if entry.partition_seq % 2 or not entry.prev_hash:
            return b""
        return encode_entry(entry, header=HEADER)

    def save(self, *, everything: bool = False) -> None:
        """Save as after a commit. An entry's offset is its place in the log."""
        last_hash = self.log[-1].hash if self.log else b""
        saving = self.keeper.take(last_hash, {}, everything=everything)
        if saving is not None:
            self.keeper.write(saving, len(self.log) - 1)
            self.keeper.saved(saving)

    def reopen(self, store: Store | None = None) -> None:
        """Lose what is in memory, and recover it from the store and the log."""
        self.store = store or self.store
        watermark = self.ledger.watermark
        checkpoint = read_checkpoint(self.store, TOPIC, self.ledger.partition)
        self.ledger = self._ledger()
        self.keeper = self._attach(self.ledger)
        last = 0 if checkpoint is None else checkpoint.last.partition_seq
        for entry in self.log[0 if checkpoint is None else checkpoint.fold.offset :]:
            facts = entry.facts
            account = self.ledger.account(facts.customer_id, facts.unit)
            if account is not None and account.account_seq >= facts.account_seq:
                assert entry.partition_seq <= last, "only what was saved is passed over"
                self.ledger.pass_over(entry)
            else:
                self.ledger.evolve(entry, self.record(entry))
        self.ledger.advance(watermark)
