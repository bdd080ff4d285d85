"""Topics and transactions of a Kafka broker, in memory.

What a reader relies on, and what it may not: offsets are given once; a transaction's end is a
marker that takes an offset, so that offsets have holes; a committed-only reader sees nothing from
the first record of an open transaction on (the last stable offset), and never an aborted record.
A producer's epoch is raised when its transactional id is initialized anew or its transaction times
out, never by a transaction's end: a request to end one that is late ends the next one instead.
A transaction may be ended without all of its markers: a broker that was down drops them. Records
stay open then, and the next marker of the same transactional id in their partition decides them.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from confluent_kafka import KafkaError

from tests.simulation.clock import MachineClock
from tests.simulation.errors import BAD_EPOCH, failure, fenced

Place = tuple[str, int]
"""A partition: its topic and number."""
Losing = Callable[[list[Place]], list[Place]]
"""Which of a transaction's partitions lose their marker."""
PLAIN, OPEN, COMMITTED, ABORTED, MARKER = range(5)
READABLE: Final = frozenset({PLAIN, COMMITTED})


class Record:
    """One offset of a partition.

    `before_ms` is, for an input, the latest append time of either input of the partition before it,
    up to which something may have been booked already when a broker's clock goes back; `order`
    tells in which order things happened in the world; `since`, for a record of a
    transaction, when the epoch of its producer began.
    """

    __slots__ = (
        "before_ms",
        "key",
        "kind",
        "offset",
        "order",
        "place",
        "since",
        "timestamp_ms",
        "value",
    )

    def __init__(
        self,
        place: Place,
        offset: int,
        key: bytes | None,
        value: bytes | None,
        timestamp_ms: int,
        kind: int,
    ) -> None:
        self.place = place
        self.offset = offset
        self.key = key
        self.value = value
        self.timestamp_ms = timestamp_ms
        self.kind = kind
        self.before_ms = 0
        self.order = 0
        self.since = 0


class Partition:
    """The records of one partition; the index of each is its offset."""

    def __init__(self) -> None:
        self.records: Final[list[Record]] = []
        self.start = 0
        """Records before it are deleted; the auditor sees them still."""
        self.open: Final[dict[str, int]] = {}
        """The first offset of each open transaction, by transactional id."""

    @property
    def end(self) -> int:
        """The offset after the last."""
        return len(self.records)

    @property
    def stable(self) -> int:
        """The last stable offset: up to here, it is decided what was committed."""
        return min(self.open.values()) if self.open else len(self.records)

    def committed(self, start: int, at_most: int, *, undecided: bool = False) -> Iterator[Record]:
        """The readable records from `start` to the last stable offset; or all, to the end."""
        for index in range(start, self.end if undecided else self.stable):
            record = self.records[index]
            if record.kind in READABLE or (undecided and record.kind != MARKER):
                yield record
                at_most -= 1
                if at_most == 0:
                    return


class Transaction:
    """An open transaction."""

    def __init__(self, began_us: int) -> None:
        self.began_us = began_us
        self.records: list[Record] = []
        self.places: list[Place] = []
        self.offsets: dict[Place, int] = {}
        self.group = ""


class TransactionalId:
    """What the coordinator knows of a transactional id."""

    def __init__(self) -> None:
        self.epoch = -1
        self.since = 0
        self.open: Transaction | None = None
        self.unmarked: dict[Place, list[Record]] = {}
        """Records whose transaction was ended without a marker."""
        self.unmarked_commit = False
        """Whether it was committed."""


class Broker:
    """The partitions of a cluster, its transaction coordinator, and committed offsets."""

    def __init__(self, clock: MachineClock, transaction_timeout_ms: int) -> None:
        self.clock = clock
        self.partitions: dict[Place, Partition] = {}
        self.offsets: dict[tuple[str, str, int], int] = {}
        """By group, topic and partition."""
        self.late: list[tuple[str, int, bool]] = []
        """Requests to end a transaction that are still on their way: id, epoch, commit."""
        self.order = 0
        self.lost: list[Record] = []
        """Records whose transaction was committed without its marker here, and that were aborted
        while a writer was about to mend that."""
        self._timeout_us = transaction_timeout_ms * 1_000
        self._ids: dict[str, TransactionalId] = {}
        self._latest_ms: dict[int, int] = {}
        """The latest append time of an input, by the number of its partition."""

    def create(self, topics: Iterable[str], partitions: int) -> None:
        """Create topics."""
        for topic in topics:
            for number in range(partitions):
                self.partitions[topic, number] = Partition()

    def append(self, place: Place, key: bytes | None, value: bytes | None) -> Record:
        """Append a record outside of any transaction."""
        return self._append(place, key, value, PLAIN)

    def _append(self, place: Place, key: bytes | None, value: bytes | None, kind: int) -> Record:
        log = self.partitions[place]
        record = Record(place, log.end, key, value, self.clock.now_us() // 1_000, kind)
        if kind == PLAIN:
            _, number = place
            record.before_ms = self._latest_ms.get(number, 0)
            self._latest_ms[number] = max(record.before_ms, record.timestamp_ms)
        self.order += 1
        record.order = self.order
        log.records.append(record)
        return record

    # ---- Transactions.

    def initialize(self, name: str, losing: Losing | None = None) -> int:
        """A new epoch of a transactional id; what its last owner left open is aborted, though not
        all partitions may learn of it."""
        known = self._ids.setdefault(name, TransactionalId())
        if known.open is not None and losing is not None:
            self._lose(known)
            self.end_unmarked(name, known.epoch, losing, commit=False)
        elif known.open is not None:
            self._lose(known)
            self._end(name, known, commit=False)
        known.epoch += 1
        self.order += 1
        known.since = self.order
        return known.epoch

    def produce(
        self, name: str, epoch: int, place: Place, records: Iterable[tuple[bytes, bytes]]
    ) -> list[Record]:
        """Append records to the transaction of this producer, which begins with the first."""
        transaction = self._transaction(name, epoch)
        log = self.partitions[place]
        log.open.setdefault(name, log.end)
        if place not in transaction.places:
            transaction.places.append(place)
        appended = [self._append(place, key, value, OPEN) for key, value in records]
        for record in appended:
            record.since = self._ids[name].since
        transaction.records += appended
        return appended

    def add_offsets(self, name: str, epoch: int, group: str, offsets: dict[Place, int]) -> None:
        """Offsets that the group's are set to if the transaction is committed."""
        transaction = self._transaction(name, epoch)
        transaction.group = group
        transaction.offsets.update(offsets)

    def end(self, name: str, epoch: int, *, commit: bool) -> None:
        """End whatever transaction of this producer is open now; none: nothing happens."""
        known = self._current(name, epoch)
        if known.open is not None:
            self._end(name, known, commit=commit)

    def end_unmarked(self, name: str, epoch: int, losing: Losing, *, commit: bool) -> None:
        """End what is open, as its coordinator believes: some partitions never learn of it."""
        known = self._current(name, epoch)
        transaction = known.open
        if transaction is None:
            return
        places = transaction.places
        lost = losing(places)
        known.unmarked_commit = commit
        for place in lost:
            here = [each for each in transaction.records if each.place == place]
            known.unmarked.setdefault(place, []).extend(here)
        transaction.places = [each for each in places if each not in lost]
        transaction.records = [each for each in transaction.records if each.place not in lost]
        if places and not transaction.places:
            transaction.offsets = {}
        self._end(name, known, commit=commit)

    def tear(self, name: str, epoch: int) -> None:
        """Abort, but for the group's offsets: a transaction that is applied in part."""
        known = self._current(name, epoch)
        if known.open is not None:
            self._commit_offsets(known.open)
            self._lose(known)
            self._end(name, known, commit=False)

    def deliver_late(self, index: int) -> None:
        """One late request to end a transaction arrives."""
        name, epoch, commit = self.late.pop(index % len(self.late))
        if self._ids[name].epoch == epoch:
            self.end(name, epoch, commit=commit)

    def expire(self) -> None:
        """Abort transactions that have been open for too long; their producers are fenced."""
        now_us = self.clock.now_us() - self.clock.wrong_us
        for name, known in self._ids.items():
            if known.open is not None and now_us - known.open.began_us > self._timeout_us:
                self._lose(known)
                self._end(name, known, commit=False)
                known.epoch += 1

    def _transaction(self, name: str, epoch: int) -> Transaction:
        known = self._current(name, epoch)
        if known.open is None:
            known.open = Transaction(self.clock.now_us() - self.clock.wrong_us)
        return known.open

    def _current(self, name: str, epoch: int) -> TransactionalId:
        known = self._ids[name]
        if epoch < known.epoch:
            raise fenced()
        if epoch > known.epoch:
            raise failure(BAD_EPOCH, fatal=True)
        return known

    def _lose(self, known: TransactionalId) -> None:
        """What is open is about to be aborted, because its writer is gone: if that is a barrier, so
        is what it would have committed."""
        assert known.open is not None
        barrier = all(each.value is None for each in known.open.records)
        if barrier and known.unmarked_commit:
            for place in known.open.places:
                self.lost += known.unmarked.get(place, [])

    def _end(self, name: str, known: TransactionalId, *, commit: bool) -> None:
        transaction, known.open = known.open, None
        assert transaction is not None
        for place in transaction.places:
            transaction.records += known.unmarked.pop(place, [])
        for record in transaction.records:
            record.kind = COMMITTED if commit else ABORTED
        for place in transaction.places:
            del self.partitions[place].open[name]
            self._append(place, None, None, MARKER)
        if commit:
            self._commit_offsets(transaction)

    def _commit_offsets(self, transaction: Transaction) -> None:
        for (topic, number), offset in transaction.offsets.items():
            self.offsets[transaction.group, topic, number] = offset

    # ---- What clients ask.

    def span(self, place: Place, *, undecided: bool = False) -> tuple[int, int]:
        """The first offset of a partition, and the last stable one; or where it ends, undecided
        records included. Raises for a partition that isn't there."""
        if place not in self.partitions:
            raise failure(KafkaError._UNKNOWN_PARTITION)
        partition = self.partitions[place]
        return partition.start, partition.end if undecided else partition.stable
