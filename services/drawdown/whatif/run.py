"""Asking what if of a live ledger: its entries and inputs read, partition by partition."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from drawdown.adapters.avro.wire import Wire, captured_usage
from drawdown.adapters.documents.times import format_time
from drawdown.adapters.kafka.ledger_log import read_entries
from drawdown.adapters.kafka.partition_log import PartitionLog, offset_of, value_of
from drawdown.adapters.kafka.topics import ledger_partitions
from drawdown.domain.entries import InputTopic
from drawdown.domain.inputs import UsageEvent
from drawdown.domain.ledger import Ledger
from drawdown.domain.numbers import SECOND_US
from drawdown.errors import DecodeFailed, UsageError
from drawdown.settings import Settings
from drawdown.whatif.change import Change
from drawdown.whatif.comparison import Comparison
from drawdown.whatif.deciding import RecordedInput, redecide

_TOPICS: Final[dict[InputTopic, str]] = {
    "usage_events": "usage-events",
    "ledger_commands": "ledger-commands",
}
_US_PER_MS: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How far back inputs are retained: the earliest instant (µs) that can be asked about."""

    partitions: int
    earliest: int


def reach(settings: Settings) -> Reach:
    """The earliest instant after which every decision's input is retained, in all partitions."""
    partitions = ledger_partitions(settings)
    earliest = max(_earliest(settings, partition) for partition in range(partitions))
    return Reach(partitions=partitions, earliest=earliest)


def what_if(settings: Settings, change: Change, reached: Reach) -> Comparison:
    """Decide every partition's inputs since the change again. Raises `UsageError` where they
    aren't retained any more, naming the earliest instant possible."""
    if change.since < reached.earliest:
        raise UsageError(
            f"inputs before {format_time(reached.earliest)} aren't retained any more: that is the "
            f"earliest possible --since"
        )
    comparison = Comparison()
    for partition in range(reached.partitions):
        wire = Wire(settings)
        ledgers = [_ledger(settings, wire, partition) for _ in range(2)]
        inputs = {topic: _inputs(settings, wire, topic, partition) for topic in _TOPICS}
        entries = (entry for _, entry in read_entries(settings, partition))
        comparison.add(redecide(entries, inputs, change, *ledgers))
    return comparison


def _ledger(settings: Settings, wire: Wire, partition: int) -> Ledger:
    def read_usage(record: bytes) -> UsageEvent | None:
        try:
            return wire.decode_usage(record)
        except DecodeFailed:
            return captured_usage(wire.decode_command(record))

    return Ledger(
        namespace=settings.namespace,
        partition=partition,
        rate_card_lead_us=settings.rate_card_lead_s * SECOND_US,
        read_usage=read_usage,
    )


def _earliest(settings: Settings, partition: int) -> int:
    """0 where everything is retained."""
    starts = {}
    for topic, name in _TOPICS.items():
        with PartitionLog(settings, settings.topic(name), partition) as log:
            starts[topic] = log.start
    if not any(starts.values()):
        return 0
    newest = earliest = 0
    for _, entry in read_entries(settings, partition):
        newest = max(newest, entry.facts.recorded_at)
        if entry.source_offset < starts[entry.source_topic]:
            earliest = newest + 1
    return earliest


def _inputs(
    settings: Settings, wire: Wire, topic: InputTopic, partition: int
) -> Iterator[RecordedInput]:
    """The retained inputs of a topic that were decided, not parked."""
    name = settings.topic(_TOPICS[topic])
    parked = _parked(settings, wire, name, partition)
    with PartitionLog(settings, name, partition) as log:
        for record in log.records():
            offset, value = offset_of(record), value_of(record)
            if offset in parked:
                continue
            yield RecordedInput(
                offset=offset,
                recorded_at=record.timestamp()[1] * _US_PER_MS,
                given=wire.decode_usage(value)
                if topic == "usage_events"
                else wire.decode_command(value),
                raw=value,
            )


def _parked(settings: Settings, wire: Wire, topic: str, partition: int) -> set[int]:
    """The offsets of a topic's records that were dead-lettered."""
    found = set()
    with PartitionLog(settings, settings.topic("dead-letters"), partition) as log:
        for record in log.records():
            letter = wire.decode_dead_letter(value_of(record))
            if letter.topic == topic:
                found.add(letter.offset)
    return found
