"""Dead letters, read from their topic."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from hashlib import sha256

from drawdown.adapters.avro.wire import Wire
from drawdown.adapters.kafka.partition_log import PartitionLog, offset_of, value_of
from drawdown.adapters.kafka.topics import ledger_partitions
from drawdown.domain.dead_letters import DeadLetter
from drawdown.domain.inputs import Command, UsageEvent
from drawdown.repair.origins import Origin
from drawdown.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """Which dead letters are meant; a field left empty leaves none out. `since` in µs."""

    reason: str = ""
    topic: str = ""
    partition: int | None = None
    since: int = 0

    def meets(self, settings: Settings, letter: DeadLetter) -> bool:
        """Whether a letter is one of them, by when its input was appended."""
        return (
            self.reason in ("", letter.reason)
            and (not self.topic or letter.topic == settings.topic(self.topic))
            and letter.recorded_at >= self.since
        )


def read_letters(settings: Settings, wire: Wire, sought: Sought) -> Iterator[DeadLetter]:
    """The committed dead letters, partition by partition, as far as they reach now.

    Raises `Unavailable`, `InvalidSetting` where topics are missing.
    """
    partitions: Iterable[int] = range(ledger_partitions(settings))
    if sought.partition is not None:
        partitions = [each for each in partitions if each == sought.partition]
    for partition in partitions:
        with PartitionLog(settings, settings.topic("dead-letters"), partition) as log:
            for record in log.records():
                letter = wire.decode_dead_letter(value_of(record))
                if sought.meets(settings, letter):
                    yield letter


def find_letters(
    settings: Settings, wire: Wire, origins: Iterable[Origin]
) -> dict[Origin, DeadLetter]:
    """The dead letters of these origins, those that there are, in the order asked for."""
    asked = list(dict.fromkeys(origins))
    wanted = {each.key(settings): each for each in asked}
    found: dict[Origin, DeadLetter] = {}
    existing = range(ledger_partitions(settings))
    for partition in sorted({each.partition for each in asked} & set(existing)):
        with PartitionLog(settings, settings.topic("dead-letters"), partition) as log:
            for record in log.records():
                key = record.key()
                if isinstance(key, bytes) and key in wanted:
                    found[wanted[key]] = wire.decode_dead_letter(value_of(record))
    return {each: found[each] for each in asked if each in found}


def origin_of(settings: Settings, letter: DeadLetter) -> Origin:
    """Where its record stood."""
    name = letter.topic.removeprefix(settings.topic(""))
    return Origin(topic=name, partition=letter.partition, offset=letter.offset)


def decoded(settings: Settings, wire: Wire, letter: DeadLetter) -> UsageEvent | Command:
    """The input that its record is, if it is kept whole. Raises `DecodeFailed`."""
    if letter.topic == settings.topic("usage-events"):
        return wire.decode_usage(letter.value)
    return wire.decode_command(letter.value)


def is_whole(letter: DeadLetter) -> bool:
    """Whether all of its value was kept."""
    return len(letter.value) == letter.length


def made_whole(settings: Settings, letter: DeadLetter) -> DeadLetter | str:
    """The letter with its record's whole value, or why that can't be had."""
    if is_whole(letter):
        return letter
    where = f"{letter.topic} [{letter.partition}]"
    kept = f"{len(letter.value):,} of its {letter.length:,} bytes are kept"
    with PartitionLog(settings, letter.topic, letter.partition, end=letter.offset + 1) as log:
        if not log.start <= letter.offset < log.end:
            return f"{kept}, and {where} retains its records from offset {log.start:,} on"
        log.position = letter.offset
        for record in log.records():
            value = value_of(record)
            if offset_of(record) == letter.offset and sha256(value).digest() == letter.sha256:
                return replace(letter, value=value)
    return f"{kept}, and at its offset {where} has another record now"
