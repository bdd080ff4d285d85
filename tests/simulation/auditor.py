"""The auditor: reads what is committed after each step, and says what breaks a promise.

It shares no code with the ledger. What it is told by the world, beside the log itself, is which
inputs were made unfit, and what the projectors' database holds.
"""

from typing import Final, Protocol

from tests.simulation import reading
from tests.simulation.books import Booking, PartitionBook, Wrong
from tests.simulation.log import Broker, Place, Record
from tests.simulation.reading import Fields

GRACE_US: Final = 300_000_000
"""The default policy's; no input changes it."""
INPUTS: Final = {"usage_events": "usage-events", "ledger_commands": "ledger-commands"}


class Row(Protocol):
    """A row of the projectors' database."""

    @property
    def partition_seq(self) -> int: ...
    @property
    def source_partition(self) -> int: ...
    @property
    def hash(self) -> bytes: ...


class Auditor:
    """Reads a namespace's topics, from their start on."""

    def __init__(self, broker: Broker, namespace: str, partitions: int, rows: list[Row]) -> None:
        self.unfit: set[Place | tuple[str, int, int]] = set()
        """(topic, partition, offset) of inputs that nobody could decide."""
        self._excused: set[Place | tuple[str, int, int]] = set()
        """Those whose dead letters the broker lost: they may be parked anew, and needn't."""
        self.books = [PartitionBook(namespace, number) for number in range(partitions)]
        self._broker = broker
        self._namespace = namespace
        self._rows = rows
        self._read: dict[Place, int] = dict.fromkeys(broker.partitions, 0)
        self._parked: set[tuple[str, int, int]] = set()
        self._unanswered: list[dict[int, list[str]]] = [{} for _ in range(partitions)]
        self._undone: list[set[int]] = [set() for _ in range(partitions)]
        """Commands whose entries the broker lost, by partition; their replies may stand."""
        self._opened: list[int] = [0] * partitions
        """When the latest epoch began that decided usage, by partition."""
        self._bookings: list[list[Booking]] = [[] for _ in range(partitions)]
        self._returning = ""
        """The account whose ended hold returns credits: those of expired lots go at once."""
        self._shown: list[int] = [0] * partitions
        self._rows_seen = 0

    def look(self) -> None:
        """Check what was committed since the last look. Raises `Wrong`."""
        self._excuse()
        for number, book in enumerate(self.books):
            for record in self._new("ledger-entries", number):
                self._entry(book, record)
            book.finish_look()
            # What is open in one of the two may be decided already in the other.
            if not self._open("ledger-entries", number):
                for record in self._new("ledger-replies", number):
                    self._reply(number, record)
                if self._unanswered[number] and not self._open("ledger-replies", number):
                    raise Wrong(f"decided and not answered: {self._unanswered[number]}")
            for record in self._new("dead-letters", number):
                self._letter(number, record)
        self._look_at_rows()

    def _excuse(self) -> None:
        """Take what the broker lost for good for seen."""
        while self._broker.lost:
            record = self._broker.lost.pop()
            if record.value is None:
                continue
            topic, number = record.place
            name = topic.removeprefix(f"{self._namespace}.")
            if name == "dead-letters":
                letter = reading.dead_letter(record.value)
                self._excused.add((letter["topic"], letter["partition"], letter["offset"]))
            elif name == "ledger-replies":
                offset = _command_offset(reading.reply(record.value))
                self._unanswered[number].pop(offset, None)
            else:
                entry = reading.entry(record.value)
                self._undone[number].add(entry["source_offset"])

    def _open(self, name: str, number: int) -> bool:
        return bool(self._broker.partitions[f"{self._namespace}.{name}", number].open)

    def _new(self, name: str, number: int) -> list[Record]:
        place = (f"{self._namespace}.{name}", number)
        partition = self._broker.partitions[place]
        start, stable = self._read[place], partition.stable
        if start == stable:
            return []
        if stable < start:
            raise Wrong(f"{place}: what was readable up to {start} isn't any more")
        self._read[place] = stable
        # A barrier says nothing.
        records = partition.committed(start, stable)
        return [each for each in records if each.value is not None or each.key != b"$barrier"]

    # ---- Entries.

    def _entry(self, book: PartitionBook, record: Record) -> None:
        assert record.value is not None
        entry = reading.entry(record.value)
        name = book.fold(entry)
        number, offset = book.number, entry["source_offset"]
        source = self._input(entry["source_topic"], number, offset)
        if entry["facts"]["recorded_at"] != source.timestamp_ms * 1_000:
            raise Wrong(f"{name} isn't recorded when its input was appended")
        if (self._topic(entry["source_topic"]), number, offset) in self.unfit:
            raise Wrong(f"{name} decides what is no input of the partition")
        if entry["source_topic"] == "usage_events":
            self._opened[number] = max(self._opened[number], record.since)
        else:
            if source.order < self._opened[number]:
                raise Wrong(f"usage was decided before {name}, which was waiting at the opening")
            if entry["facts"]["cause"] != "tick":
                self._unanswered[number].setdefault(offset, []).append(name)
        self._due(book.number, entry, source, name)

    def _due(self, number: int, entry: Fields, source: Record, name: str) -> None:
        """Nothing may have been booked that this input, which was there, came before."""
        topic = entry["source_topic"]
        for booking in self._bookings[number]:
            if (
                booking.topic != topic
                and source.order < booking.order
                and max(source.before_ms, source.timestamp_ms) * 1_000 < booking.moment
            ):
                raise Wrong(
                    f"{booking.entry_id} was booked for {booking.moment}, and then {name} was "
                    f"decided, which was there and recorded at {source.timestamp_ms * 1_000}"
                )
        facts = entry["facts"]
        type_, account = facts["type"], facts["customer_id"]
        if entry["index"] == 0 or account != self._returning:
            self._returning = ""
        if type_ in ("hold_expired", "hold_released"):
            self._returning = account
        if facts["cause"] not in ("due", "tick"):
            self._forget_forced(number, facts, source)
            return
        if type_ == "hold_expired":
            moment = facts["effective_at"]
        elif type_ == "expiration" and not self._returning:
            moment = facts["effective_at"] + GRACE_US
        else:
            return
        lots = {each["lot_id"] for each in facts["allocations"]}
        self._bookings[number].append(Booking(topic, source.order, moment, name, lots))

    def _forget_forced(self, number: int, facts: Fields, source: Record) -> None:
        """What returns to an expired lot has its expiration booked first, due or not."""
        if facts["amount"] > 0:
            returned = {each["lot_id"] for each in facts["allocations"]}
            kept = [
                each
                for each in self._bookings[number]
                if each.order != source.order or not each.lots & returned
            ]
            self._bookings[number] = kept

    def _topic(self, source: str) -> str:
        return f"{self._namespace}.{INPUTS[source]}"

    def _input(self, source: str, number: int, offset: int) -> Record:
        records = self._broker.partitions[self._topic(source), number].records
        if offset >= len(records):
            raise Wrong(f"an entry's input {source} {offset} was never sent")
        return records[offset]

    # ---- Replies, dead letters, rows.

    def _reply(self, number: int, record: Record) -> None:
        assert record.value is not None
        reply = reading.reply(record.value)
        names = [each["entry_id"] for each in reply["entries"]]
        if not names:
            return
        offset = _command_offset(reply)
        if offset in self._undone[number] and offset not in self._unanswered[number]:
            return
        if self._unanswered[number].pop(offset, None) != names:
            raise Wrong(f"a reply to {reply['command_id']} names {names}, which isn't a decision")

    def _letter(self, number: int, record: Record) -> None:
        assert record.value is not None
        letter = reading.dead_letter(record.value)
        origin = (letter["topic"], letter["partition"], letter["offset"])
        if origin in self._parked:
            raise Wrong(f"{origin} was parked twice")
        if origin not in self.unfit or number != letter["partition"]:
            raise Wrong(f"{origin} was parked in {number}: {letter['detail']}")
        self._parked.add(origin)

    def _look_at_rows(self) -> None:
        """The projection holds each entry once, in order, none that isn't committed."""
        rows = self._rows
        while self._rows_seen < len(rows):
            row = rows[self._rows_seen]
            self._rows_seen += 1
            number = row.source_partition
            expected = self._shown[number]
            entries = self.books[number].entries
            if expected >= len(entries) or (row.partition_seq, row.hash) != entries[expected]:
                raise Wrong(f"row {row.partition_seq} of {number} isn't entry {expected + 1}")
            self._shown[number] += 1

    # ---- At the end.

    def close(self) -> None:
        """All is quiet: nothing may be missing. Raises `Wrong`."""
        self.look()
        lost = self.unfit - self._parked - self._excused
        if lost:
            raise Wrong(f"lost, neither decided nor parked: {sorted(lost)}")
        for number, book in enumerate(self.books):
            for source in INPUTS:
                self._close_input(book, source)
            if self._shown[number] != len(book.entries):
                raise Wrong(
                    f"partition {number} has {len(book.entries)} entries, "
                    f"{self._shown[number]} are projected"
                )

    def _close_input(self, book: PartitionBook, source: str) -> None:
        topic = self._topic(source)
        records = self._broker.partitions[topic, book.number].records
        missing = self.accounted(book.number, source)
        if missing < len(records):
            raise Wrong(f"lost: {topic} [{book.number}] offset {missing}")

    def accounted(self, number: int, source: str, start: int = 0) -> int:
        """The first input from `start` on of which nothing is known yet, or the end."""
        topic, book = self._topic(source), self.books[number]
        records = self._broker.partitions[topic, number].records
        for record in records[start:]:
            if record.offset in book.decided[source]:
                continue
            origin = (topic, number, record.offset)
            if origin in self._parked:
                continue
            if origin in self.unfit:
                return record.offset
            assert record.value is not None
            if not self._known(book, source, record.value):
                return record.offset
        return len(records)

    def _known(self, book: PartitionBook, source: str, value: bytes) -> bool:
        """Whether an input without entries repeats one that has some, or is a tick."""
        if source == "usage_events":
            event = reading.usage(value)
            return (event["customer_id"], event["event_id"]) in book.known
        command = reading.command(value)
        kind = command["body"][0]
        if kind.endswith("Tick"):
            return True
        if kind.endswith("NoteDispute"):
            # A repeat of a state, or an older one, writes nothing.
            return True
        if kind.endswith("RedriveRejected"):
            redriven = (command["customer_id"], command["body"][1]["event_id"])
            if redriven in book.charged:
                # It was refused, came again and was charged: to redrive it is one repeat more.
                return True
        return (command["customer_id"], command["command_id"]) in book.known


def _command_offset(reply: Fields) -> int:
    """Where the command stands that a reply with entries answers; −1: it has none."""
    return int(reply["entries"][0]["entry_id"].split("-")[2]) if reply["entries"] else -1
