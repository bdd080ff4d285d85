"""Redriving dead letters: the original records, sent again to where they belong.

A record is sent as it came, byte for byte, so usage keeps its `occurred_at`, and the ids in it make
repeats harmless: what was decided meanwhile is a duplicate. It must be an input now, or it would
be a dead letter again; what is wrong with it is said instead.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Message

from drawdown.adapters.avro.wire import Wire
from drawdown.adapters.kafka.clients import producer
from drawdown.adapters.kafka.partitioner import partition_of
from drawdown.adapters.kafka.quiet import LOGGER
from drawdown.adapters.kafka.topics import ledger_partitions
from drawdown.domain.dead_letters import DeadLetter, command_fault, usage_fault
from drawdown.domain.entries import PARTITION_CUSTOMER
from drawdown.domain.inputs import UsageEvent
from drawdown.errors import DecodeFailed, Unavailable
from drawdown.repair.letters import decoded, made_whole, origin_of
from drawdown.repair.origins import Origin
from drawdown.settings import Settings

_FLUSH_S: Final = 60.0
_FULL_QUEUE_S: Final = 0.1


@dataclass(slots=True, kw_only=True)
class Redriven:
    """What came of one letter: where its record was sent, or why it wasn't."""

    origin: Origin
    customer_id: str = ""
    id: str = ""
    """Of the event or the command."""
    topic: str = ""
    partition: int = -1
    offset: int = -1
    """-1 until the broker has acknowledged it, or where nothing was to be sent."""
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A record to be sent, and what is told of it."""

    redriven: Redriven
    key: bytes
    value: bytes


class Redriver:
    """Sends the records of dead letters again; `dry`: only says what it would send."""

    def __init__(self, settings: Settings, wire: Wire, *, dry: bool = False) -> None:
        """Raises `InvalidSetting` where topics are missing, `Unavailable` without a broker."""
        self._settings = settings
        self._wire = wire
        self._dry = dry
        self._partitions = ledger_partitions(settings)
        self._producer = producer(settings, logger=LOGGER)

    def redrive(self, letters: Iterable[DeadLetter]) -> Iterator[Redriven]:
        """Send them; each is told once its record is acknowledged, or refused here.

        Raises `Unavailable` if the broker doesn't take one: those told before it were sent.
        """
        under_way: list[Redriven] = []
        for letter in letters:
            ready = self.ready(letter)
            if isinstance(ready, Ready):
                if not self._dry:
                    self._send(ready)
                under_way.append(ready.redriven)
            else:
                under_way.append(ready)
            while under_way and self._is_done(under_way[0]):
                yield under_way.pop(0)
        if self._producer.flush(_FLUSH_S):
            raise Unavailable(f"the broker didn't take every record within {_FLUSH_S:g} s")
        yield from under_way

    def ready(self, letter: DeadLetter) -> Ready | Redriven:
        """What would be sent for a letter, or what is wrong with it."""
        redriven = Redriven(origin=origin_of(self._settings, letter))
        whole = made_whole(self._settings, letter)
        if isinstance(whole, str):
            redriven.problem = whole
            return redriven
        try:
            read = decoded(self._settings, self._wire, whole)
        except DecodeFailed as error:
            redriven.problem = f"it still doesn't decode: {error}"
            return redriven
        of_usage = isinstance(read, UsageEvent)
        redriven.customer_id = read.customer_id
        redriven.id = read.event_id if isinstance(read, UsageEvent) else read.command_id
        redriven.problem = (
            usage_fault(read) if isinstance(read, UsageEvent) else command_fault(read)
        )
        if redriven.problem:
            return redriven
        redriven.topic = self._settings.topic("usage-events" if of_usage else "ledger-commands")
        # What is about no customer was copied to every partition: this is the copy of its own.
        redriven.partition = letter.partition
        if of_usage or read.customer_id != PARTITION_CUSTOMER:
            redriven.partition = partition_of(read.customer_id, self._partitions)
        return Ready(redriven=redriven, key=read.customer_id.encode(), value=whole.value)

    def _is_done(self, redriven: Redriven) -> bool:
        return bool(redriven.problem) or redriven.offset >= 0 or self._dry

    def _send(self, ready: Ready) -> None:
        redriven = ready.redriven

        def delivered(error: KafkaError | None, record: Message) -> None:
            if error is not None:
                redriven.problem = f"the broker didn't take it: {error.str()}"
            else:
                redriven.offset = record.offset() or 0

        while True:
            try:
                self._producer.produce(
                    redriven.topic,
                    key=ready.key,
                    value=ready.value,
                    partition=redriven.partition,
                    on_delivery=delivered,
                )
            except BufferError:
                self._producer.poll(_FULL_QUEUE_S)
            except KafkaException as error:
                redriven.problem = f"it can't be sent: {error.args[0].str()}"
                return
            else:
                self._producer.poll(0)
                return
