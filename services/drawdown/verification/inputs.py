"""Every retained input record is exactly one of: decided, dead letter, duplicate."""

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Literal

from confluent_kafka import Message

from drawdown.adapters.avro.wire import Wire
from drawdown.adapters.kafka.partition_log import offset_of, value_of
from drawdown.domain.dead_letters import DeadLetter
from drawdown.domain.entries import InputTopic, LedgerEntry
from drawdown.domain.inputs import Command, UsageEvent
from drawdown.errors import DecodeFailed

SOURCES: Final[dict[InputTopic, str]] = {
    "usage_events": "usage-events",
    "ledger_commands": "ledger-commands",
}
_CAUSES: Final[dict[InputTopic, Literal["usage", "command"]]] = {
    "usage_events": "usage",
    "ledger_commands": "command",
}
_US_PER_MS: Final = 1_000

Differ = Callable[[str, str], None]
"""Notes a difference: where, and what."""


@dataclass(frozen=True, slots=True)
class Repeat:
    """An input that booked nothing: its first must stand in the ledger, decided before it."""

    source: InputTopic
    offset: int
    recorded_at: int
    digest: bytes


class Repeats:
    """The inputs that booked nothing, by customer and id, until their firsts are found."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, str, str], list[Repeat]] = {}
        self.found = 0

    def __bool__(self) -> bool:
        return bool(self._open)

    def add(self, source: InputTopic, read: UsageEvent | Command, repeat: Repeat) -> None:
        """An input without an entry of its own."""
        id_ = read.event_id if isinstance(read, UsageEvent) else read.command_id
        key = (_CAUSES[source], read.customer_id, id_)
        self._open.setdefault(key, []).append(repeat)

    def look_at(self, entry: LedgerEntry) -> None:
        """Settle the repeats whose first this entry is."""
        facts = entry.facts
        key = (facts.cause, facts.customer_id, facts.cause_id)
        waiting = self._open.get(key)
        if waiting is None:
            return
        rest = [each for each in waiting if not _repeats(each, entry)]
        self.found += len(waiting) - len(rest)
        if rest:
            self._open[key] = rest
        else:
            del self._open[key]

    def unexplained(self) -> Iterator[tuple[str, str, Repeat]]:
        """Customer, id and place of the inputs that nothing in the ledger explains."""
        for (_, customer_id, id_), repeats in self._open.items():
            for each in repeats:
                yield customer_id, id_, each


def _repeats(repeat: Repeat, entry: LedgerEntry) -> bool:
    facts = entry.facts
    if facts.cause_digest != repeat.digest:
        return False
    if entry.source_topic == repeat.source:
        return entry.source_offset < repeat.offset
    return facts.recorded_at <= repeat.recorded_at


class InputAudit:
    """The input records of one partition, held against what was decided and parked."""

    def __init__(
        self, *, wire: Wire, dead: dict[tuple[str, int], DeadLetter], differ: Differ
    ) -> None:
        """`dead` holds the partition's dead letters by topic and offset of their origin."""
        self.repeats: Final = Repeats()
        self.matched: Final[dict[InputTopic, int]] = {"usage_events": 0, "ledger_commands": 0}
        """How many records were found to be decided."""
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
            self._expect_first(source, record, offset, value)

    def _expect_first(self, source: InputTopic, record: Message, offset: int, value: bytes) -> None:
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
        recorded_at = record.timestamp()[1] * _US_PER_MS
        self.repeats.add(source, read, Repeat(source, offset, recorded_at, read.digest))
