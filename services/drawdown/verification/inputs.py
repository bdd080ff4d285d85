"""Every retained input record is exactly one of: decided, dead letter, duplicate, idle tick."""

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from confluent_kafka import Message

from drawdown.adapters.avro.wire import Wire, captured_usage
from drawdown.adapters.kafka.partition_log import offset_of, value_of
from drawdown.domain.dead_letters import DeadLetter
from drawdown.domain.entries import InputTopic, LedgerEntry
from drawdown.domain.inputs import Command, NoteDispute, RedriveRejected, Tick, UsageEvent
from drawdown.errors import DecodeFailed

SOURCES: Final[dict[InputTopic, str]] = {
    "usage_events": "usage-events",
    "ledger_commands": "ledger-commands",
}

Differ = Callable[[str, str], None]
"""Notes a difference: where, and what."""


@dataclass(frozen=True, slots=True, eq=False)
class Repeat:
    """An input that booked nothing: what it says must stand in the ledger, decided before it."""

    source: InputTopic
    offset: int
    customer_id: str
    id: str


Sign = tuple[str, str, str, bytes]
"""What of an input or an entry is told again: its kind, customer, id and digest."""


class Repeats:
    """The inputs that booked nothing, until their firsts are found."""

    def __init__(self) -> None:
        self._waiting: dict[Sign, list[Repeat]] = {}
        self._open: dict[Repeat, None] = {}
        self.found = 0

    def __bool__(self) -> bool:
        return bool(self._open)

    def add(self, source: InputTopic, offset: int, read: UsageEvent | Command) -> None:
        """An input without an entry of its own."""
        id_ = read.event_id if isinstance(read, UsageEvent) else read.command_id
        repeat = Repeat(source, offset, read.customer_id, id_)
        self._open[repeat] = None
        for sign in repeated_by(read):
            self._waiting.setdefault(sign, []).append(repeat)

    def look_at(self, entry: LedgerEntry) -> None:
        """Settle the repeats whose first this entry is."""
        for sign in told_by(entry):
            for repeat in self._waiting.get(sign, ()):
                # Two topics have no order between them.
                before = entry.source_topic != repeat.source or entry.source_offset < repeat.offset
                if before and repeat in self._open:
                    del self._open[repeat]
                    self.found += 1

    def unexplained(self) -> Iterator[Repeat]:
        """The inputs that nothing in the ledger explains."""
        yield from self._open


def repeated_by(read: UsageEvent | Command) -> Iterator[Sign]:
    """What may have been said before, so that an input came to nothing."""
    if isinstance(read, UsageEvent):
        yield "usage", read.customer_id, read.event_id, read.digest
        return
    yield "command", read.customer_id, read.command_id, read.digest
    body = read.body
    if isinstance(body, NoteDispute):
        # Repeats and older states of a dispute change nothing, under whatever command id.
        yield "dispute", read.customer_id, f"{body.dispute_id}\0{body.payment_id}", b""
    elif isinstance(body, RedriveRejected):
        yield "charge", read.customer_id, body.event_id, b""
    elif (event := captured_usage(read)) is not None:
        yield "usage", read.customer_id, event.event_id, event.digest


def told_by(entry: LedgerEntry) -> Iterator[Sign]:
    """What an entry says, so that saying it again comes to nothing."""
    facts, details = entry.facts, entry.facts.details
    customer = facts.customer_id
    yield facts.cause, customer, facts.cause_id, facts.cause_digest
    event_id, digest = facts.cause_id, facts.cause_digest
    if details is not None and details.event_id:
        event_id, digest = details.event_id, details.event_digest
        yield "usage", customer, event_id, digest
    if facts.type == "deduction":
        yield "charge", customer, event_id, b""
    if details is not None and details.dispute is not None:
        dispute = details.dispute
        yield "dispute", customer, f"{dispute.dispute_id}\0{dispute.payment_id}", b""


class InputAudit:
    """The input records of one partition, held against what was decided and parked."""

    def __init__(
        self, *, wire: Wire, dead: dict[tuple[str, int], DeadLetter], differ: Differ
    ) -> None:
        """`dead` holds the partition's dead letters by topic and offset of their origin."""
        self.repeats: Final = Repeats()
        self.matched: Final[dict[InputTopic, int]] = {"usage_events": 0, "ledger_commands": 0}
        """How many records were found to be decided."""
        self.idle_ticks = 0
        """How many ticks found nothing due."""
        self.parked = 0
        """How many records were found to be dead letters."""
        self._wire = wire
        self._dead = dead
        self._differ = differ

    def check(self, source: InputTopic, record: Message, decided: "array[int]") -> None:
        """One retained record; `decided` holds the offsets that the ledger decided."""
        offset, value = offset_of(record), value_of(record)
        letter = self._dead.get((str(record.topic()), offset))
        at = bisect_left(decided, offset)
        is_decided = at < len(decided) and decided[at] == offset
        where = SOURCES[source]
        self.matched[source] += is_decided
        if letter is not None:
            self.parked += 1
            if is_decided:
                self._differ(where, f"offset {offset} was decided and parked as a dead letter")
            if letter.length != len(value) or letter.sha256 != sha256(value).digest():
                self._differ(where, f"the dead letter of offset {offset} isn't that record's")
        elif not is_decided:
            self._expect_first(source, offset, value)

    def _expect_first(self, source: InputTopic, offset: int, value: bytes) -> None:
        try:
            read: UsageEvent | Command = (
                self._wire.decode_usage(value)
                if source == "usage_events"
                else self._wire.decode_command(value)
            )
        except DecodeFailed as error:
            self._differ(
                SOURCES[source], f"offset {offset} can't be decoded, but isn't parked: {error}"
            )
            return
        if isinstance(read, Command) and isinstance(read.body, Tick):
            self.idle_ticks += 1
        else:
            self.repeats.add(source, offset, read)
