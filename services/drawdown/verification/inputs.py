"""Every retained input record is exactly one of: decided, dead letter, duplicate, idle tick."""

from array import array
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from confluent_kafka import Message

from drawdown.adapters.avro.wire import Wire
from drawdown.adapters.kafka.partition_log import offset_of, value_of
from drawdown.domain.dead_letters import DeadLetter
from drawdown.domain.entries import InputTopic
from drawdown.domain.inputs import Command, Tick, UsageEvent
from drawdown.errors import DecodeFailed
from drawdown.verification.checkpoint import Checkpoint
from drawdown.verification.repeats import repeated_by

SOURCES: Final[dict[InputTopic, str]] = {
    "usage_events": "usage-events",
    "ledger_commands": "ledger-commands",
}
_US_PER_MS: Final = 1_000

Differ = Callable[[Message, str, str, str], None]
"""Notes a difference at an input record: an explanation, what was expected, what was found."""


@dataclass(slots=True, kw_only=True)
class Seen:
    """What the records of one input were found to be."""

    records: int = 0
    decided: int = 0
    dead: int = 0
    parked: set[int] = field(default_factory=set)
    """Offsets of those that are dead letters because somebody parked them."""


class InputAudit:
    """The input records of one partition, held against what was decided and dead-lettered."""

    def __init__(
        self,
        *,
        wire: Wire,
        letters: dict[tuple[str, int], DeadLetter],
        checkpoint: Checkpoint,
        differ: Differ,
    ) -> None:
        """`letters` holds the partition's dead letters by topic and offset of their origin;
        everything that the ledger says must have been told to the checkpoint."""
        self.seen: Final[dict[InputTopic, Seen]] = {name: Seen() for name in SOURCES}
        self.duplicates = 0
        self.idle_ticks = 0
        """How many ticks found nothing due."""
        self._wire = wire
        self._letters = letters
        self._checkpoint = checkpoint
        self._differ = differ

    def check(self, source: InputTopic, record: Message, decided: "array[int]") -> None:
        """One retained record; `decided` holds the offsets that the ledger decided."""
        offset, value = offset_of(record), value_of(record)
        letter = self._letters.get((str(record.topic()), offset))
        at = bisect_left(decided, offset)
        is_decided = at < len(decided) and decided[at] == offset
        seen = self.seen[source]
        seen.records += 1
        seen.decided += is_decided
        if letter is not None:
            seen.dead += 1
            if letter.reason == "parked":
                seen.parked.add(offset)
            self._check_letter(record, letter, value, is_decided=is_decided)
        elif not is_decided:
            self._expect_first(source, record, offset, value)

    def _check_letter(
        self, record: Message, letter: DeadLetter, value: bytes, *, is_decided: bool
    ) -> None:
        if is_decided:
            why = f"offset {letter.offset} was decided and parked as a dead letter"
            self._differ(record, why, "one of both", "both")
        found, digest = f"{letter.length} bytes {letter.sha256.hex()}", sha256(value).digest()
        if letter.length != len(value) or letter.sha256 != digest:
            why = f"the dead letter of offset {letter.offset} isn't that record's"
            self._differ(record, why, f"{len(value)} bytes {digest.hex()}", found)

    def _expect_first(self, source: InputTopic, record: Message, offset: int, value: bytes) -> None:
        try:
            read: UsageEvent | Command = (
                self._wire.decode_usage(value)
                if source == "usage_events"
                else self._wire.decode_command(value)
            )
        except DecodeFailed as error:
            why = f"offset {offset} can't be decoded, but isn't parked: {error}"
            self._differ(record, why, "a dead letter", "none")
            return
        if isinstance(read, Command) and isinstance(read.body, Tick):
            self.idle_ticks += 1
        elif any(self._checkpoint.was_told(sign, source, offset) for sign in repeated_by(read)):
            self.duplicates += 1
        else:
            id_ = read.event_id if isinstance(read, UsageEvent) else read.command_id
            why = f"offset {offset} ({read.customer_id}, {id_}) was never decided"
            self._differ(record, why, "a decision, or an earlier one of the same", "none")


def appended_at(record: Message) -> int:
    """When the broker appended a record (µs)."""
    _, milliseconds = record.timestamp()
    return int(milliseconds) * _US_PER_MS
