"""A processor's loop over scripted clients; each usage record becomes one entry."""

from collections.abc import Sequence
from random import Random
from typing import Any, cast

from confluent_kafka import Consumer, Message, Producer

from drawdown.adapters.avro.wire import Wire
from drawdown.adapters.kafka.records import ConsumedRecord, offset_of, value_of
from drawdown.domain.ledger import Ledger
from drawdown.domain.watermark import Watermark
from drawdown.errors import AppendedAhead, PartitionHalted, PartitionPoisoned, Unavailable
from drawdown.ledger_processor.calls import repeated
from drawdown.ledger_processor.failures import Call
from drawdown.ledger_processor.loop import Loop
from drawdown.ledger_processor.openings import Start
from drawdown.ledger_processor.outbox import Outbox
from drawdown.ledger_processor.partition import PartitionWriter
from drawdown.ledger_processor.past import Past
from drawdown.ledger_processor.progress import Progress
from drawdown.ledger_processor.ticking import Ticker
from drawdown.settings import Settings, load
from tests.ledger_processor.scripted import (
    Patience,
    ScriptedBroker,
    ScriptedConsumer,
    ScriptedOffsets,
    ScriptedProducer,
    Threads,
)

ENTRIES = "live.ledger-entries"
STEP_S = 0.1
PARK = b"park"


def is_park(record: ConsumedRecord) -> bool:
    """Whether it is the command that parks."""
    return value_of(record) == PARK


class Echo:
    """Decides by writing each record down as it is, but for those that say what goes wrong."""

    def __init__(self) -> None:
        self.outbox = Outbox()
        self.watermark = Watermark()
        self.ledger = Ledger(namespace="test", partition=0, rate_card_lead_us=0)
        self.parked = False

    def take(self) -> Outbox:
        outbox = self.outbox
        self.outbox = outbox.successor()
        return outbox

    def decide_usage(self, records: Sequence[ConsumedRecord], at_most_us: int) -> None:
        for record in records:
            value = value_of(record)
            if value.startswith(b"halt") and not self.parked:
                raise PartitionHalted("told to")
            if value.startswith(b"ahead") and int(value[5:]) > at_most_us:
                raise AppendedAhead("told to", int(value[5:]))
            if value.startswith(b"poison"):
                raise PartitionPoisoned("told to")
            assert not value.startswith(b"wrong"), "told to"
            self.outbox.entries.append({"key": b"k", "value": value})
            self.outbox.events += 1
            self.outbox.size_bytes += len(value)
            self.outbox.next_usage_offset = offset_of(record) + 1

    def decide_commands(self, records: Sequence[ConsumedRecord], at_most_us: int) -> None:
        """A command that parks a record lets all those pass that would halt."""
        for record in records:
            self.parked = self.parked or is_park(record)
            self.outbox.next_command_offset = offset_of(record) + 1
            self.outbox.commands += 1


class Process:
    """One member of the group, its two inputs, and a ledger partition behind each input's."""

    def __init__(self, partitions: int, **settings: object) -> None:
        self.settings: Settings = load(
            **{"tick_interval_s": 0, "commit_interval_ms": 0, **settings}
        )
        self.usage = ScriptedConsumer({number: [] for number in range(partitions)})
        self.commands = ScriptedConsumer({})
        self.brokers = [ScriptedBroker() for _ in range(partitions)]
        self.deciders: dict[int, Echo] = {}
        self.opened: list[int] = []
        self.away: set[int] = set()
        """Partitions whose recovery finds no broker."""
        self.broken: set[int] = set()
        """Partitions whose ledger can't be recovered."""
        self.clock = Patience()
        self.threads = Threads()
        self.ticks = ScriptedProducer(ScriptedBroker())
        self.offsets = ScriptedOffsets(self.usage.log, self.commands.log)
        self.past = Past(
            self.settings, Wire(self.settings), lambda: cast(Consumer, self.commands), self.clock
        )
        self.loop = Loop(
            self.settings,
            cast(Consumer, self.usage),
            cast(Consumer, self.commands),
            self.offsets,
            self.open_partition,
            self.threads,
            Ticker(self.settings, cast(Producer, self.ticks), header=b"", actor="test"),
            self.past,
            is_park,
            self.clock,
            Random(1),
        )
        self.loop.join()

    def send(self, number: int, *values: bytes) -> None:
        """Append usage to a partition."""
        log = self.usage.log[number]
        for value in values:
            log.append(Message(partition=number, offset=len(log), key=b"k", value=value))

    def command(self, number: int, value: bytes) -> None:
        """Append a command to a partition."""
        log = self.commands.log.setdefault(number, [])
        log.append(Message(partition=number, offset=len(log), key=b"k", value=value))

    def give(self, *numbers: int) -> None:
        """Let the group give partitions."""
        self.usage.rebalance("on_assign", *numbers)

    def take(self, *numbers: int) -> None:
        """Let the group take partitions."""
        self.usage.rebalance("on_revoke", *numbers)

    def run(self, seconds: float = 1.0) -> None:
        """Turns for so long, as the process's clock goes."""
        until = self.clock.monotonic() + seconds
        while self.clock.monotonic() < until:
            self.loop.turn()
            self.clock.sleep(STEP_S)

    def committed(self, number: int) -> list[bytes]:
        """The entries of a partition."""
        return self.brokers[number].committed.get(ENTRIES, [])

    def open_partition(self, number: int, progress: Progress) -> Start:
        """Fence, and go on where the entries end."""
        producer = ScriptedProducer(self.brokers[number])
        repeated(number, Call.INIT, producer.init_transactions, clock=self.clock, within_s=1)
        progress(1, 1)
        if number in self.away:
            raise Unavailable("told to")
        self.opened.append(number)
        if number in self.broken:
            raise PartitionHalted("told to")
        decider = self.deciders[number] = Echo()
        writer = PartitionWriter(
            self.settings, number, decider, cast(Producer, producer), self.threads, self.clock
        )
        return Start(writer, len(self.committed(number)), 0)


def serving(partitions: int, **settings: object) -> Process:
    """A process that serves them all."""
    process = Process(partitions, **settings)
    process.give(*range(partitions))
    process.run()
    return process


def numbered(count: int, size: int = 0) -> list[bytes]:
    """Records that differ, each of so many bytes at least."""
    return [b"%06d" % number + b"." * size for number in range(count)]


def labelled(metric: Any, *labels: str) -> float:
    """The value of a gauge or counter."""
    return float(metric.labels(*labels)._value.get())
