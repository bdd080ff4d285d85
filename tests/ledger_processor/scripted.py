"""A broker for one ledger that fails as it is told, and otherwise keeps the real one's contract.

Of transactions: calls out of order are refused, records and offsets show once they are committed,
and who initializes a transactional id fences everybody before it.
"""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TypeVar

from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition

from drawdown.ledger_processor.failures import Call

P = ParamSpec("P")
T = TypeVar("T")


def error(code: int, *flags: str) -> KafkaError:
    """An error as the client raises it; flags: retriable, abort, fatal."""
    return KafkaError(
        code,
        "scripted",
        fatal="fatal" in flags,
        retriable="retriable" in flags,
        txn_requires_abort="abort" in flags,
    )


@dataclass(frozen=True)
class Told:
    """What a call does instead of succeeding. `committed`: it takes effect all the same."""

    error: KafkaError
    committed: bool = False


@dataclass
class ScriptedBroker:
    """What is committed, and what the next calls are told to do; None: succeed."""

    committed: dict[str, list[bytes]] = field(default_factory=dict)
    offsets: dict[str, int] = field(default_factory=dict)
    epochs: dict[str, int] = field(default_factory=dict)
    script: dict[Call, deque[Told | None]] = field(default_factory=dict)
    queue_records: int = 1_000_000
    refused_record: KafkaError | None = None
    """Why the client takes no record at all, if it doesn't."""

    def tell(self, call: Call, *told: KafkaError | Told | None) -> None:
        """Let the next calls of one kind end so."""
        turns = [Told(each) if isinstance(each, KafkaError) else each for each in told]
        self.script.setdefault(call, deque()).extend(turns)

    def next(self, call: Call) -> Told | None:
        """What the call under way is told."""
        turns = self.script.get(call)
        return turns.popleft() if turns else None


class ScriptedContact:
    """A client that may lose its broker."""

    has_broker = True

    def list_topics(self, topic: str = "", timeout: float = -1) -> object:
        """Without waiting there is no answer; why, says whether there is whom to ask."""
        raise KafkaException(
            error(KafkaError._TIMED_OUT if self.has_broker else KafkaError._TRANSPORT)
        )


class ScriptedProducer(ScriptedContact):
    """A transactional producer of a `ScriptedBroker`."""

    def __init__(self, broker: ScriptedBroker, transactional_id: str = "ledger-0") -> None:
        self._broker = broker
        self._id = transactional_id
        self._epoch = -1
        self._state = "new"
        self._records: list[tuple[str, bytes]] = []
        self._offsets: dict[str, int] = {}
        self._queued = 0

    def init_transactions(self, timeout: float = -1) -> None:
        self._require("new")
        self._obey(Call.INIT)
        self._epoch = self._broker.epochs.get(self._id, -1) + 1
        self._broker.epochs[self._id] = self._epoch
        self._state = "ready"

    def begin_transaction(self) -> None:
        self._require("ready")
        self._obey(Call.BEGIN)
        self._state = "open"
        self._records.clear()
        self._offsets.clear()

    def produce_batch(self, topic: str, messages: list[dict[str, Any]], partition: int = -1) -> int:
        self._require("open")
        taken, refusal = 0, self._broker.refused_record
        for message in messages:
            if refusal is None and self._queued >= self._broker.queue_records:
                refusal = error(KafkaError._QUEUE_FULL)
            if refusal is not None:
                message["_error"] = refusal
                continue
            self._queued += 1
            taken += 1
            self._records.append((topic, message["value"]))
        return taken

    def poll(self, timeout: float = -1) -> int:
        served, self._queued = self._queued, 0
        return served

    def send_offsets_to_transaction(
        self, positions: list[TopicPartition], group_metadata: object, timeout: float = -1
    ) -> None:
        self._require("open")
        self._obey(Call.SEND_OFFSETS)
        self._offsets.update({each.topic: each.offset for each in positions})

    def commit_transaction(self, timeout: float = -1) -> None:
        self._require("open")
        told = self._broker.next(Call.COMMIT)
        if self._epoch != self._broker.epochs[self._id]:
            raise KafkaException(error(KafkaError._FENCED, "fatal"))
        if told is None or told.committed:
            for topic, value in self._records:
                self._broker.committed.setdefault(topic, []).append(value)
            self._broker.offsets.update(self._offsets)
        if told is not None:
            raise KafkaException(told.error)
        self._queued = 0
        self._state = "ready"

    def purge(self) -> None:
        self._queued = 0

    def _require(self, state: str) -> None:
        if self._state != state:
            raise KafkaException(error(KafkaError._STATE))

    def _obey(self, call: Call) -> None:
        told = self._broker.next(call)
        if told is not None:
            raise KafkaException(told.error)


class Patience:
    """A clock that waits for nobody: sleeping moves it on."""

    def __init__(self) -> None:
        self.now_s = 1_000.0
        self.us = 1_790_000_000_000_000

    def monotonic(self) -> float:
        return self.now_s

    def now_us(self) -> int:
        return self.us

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds
        self.us += int(seconds * 1_000_000)


class Threads(Executor):
    """Runs what is submitted at once; functions that are named as `slow`, when told to."""

    def __init__(self) -> None:
        self.slow: set[str] = set()
        self._waiting: deque[Callable[[], None]] = deque()

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future: Future[T] = Future()

        def run() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(fn(*args, **kwargs))
            except BaseException as raised:
                future.set_exception(raised)

        if getattr(fn, "__name__", "") in self.slow:
            self._waiting.append(run)
        else:
            run()
        return future

    def catch_up(self) -> None:
        """Run what has waited."""
        while self._waiting:
            self._waiting.popleft()()


class ScriptedOffsets(ScriptedContact):
    """Where the partitions of two logs end; the usage topic's name has `usage` in it."""

    def __init__(self, usage: dict[int, list[Message]], commands: dict[int, list[Message]]) -> None:
        self._usage = usage
        self._commands = commands

    def last_stable(self, topics: Sequence[str], partition: int, within_s: float) -> list[int]:
        logs = [self._usage if "usage" in topic else self._commands for topic in topics]
        return [len(log.get(partition, [])) for log in logs]


class ScriptedConsumer(ScriptedContact):
    """A consumer of one topic of an in-memory log, with the assignment of a cooperative group.

    Like the real one it may be told nothing of what it doesn't read, hands out what isn't paused,
    whatever was assigned since, and says once where a partition ends.
    """

    def __init__(self, log: dict[int, list[Message]]) -> None:
        self.log = log
        self.positions: dict[int, int] = {}
        self.paused: set[int] = set()
        self.errors: list[KafkaError] = []
        self.changing = False
        """Whether the group is changing, so that no assignment is taken."""
        self._ended: set[int] = set()
        self._callbacks: dict[str, Callable[[Any, list[TopicPartition]], None]] = {}

    def subscribe(
        self, topics: list[str], **callbacks: Callable[[Any, list[TopicPartition]], None]
    ) -> None:
        self._callbacks = callbacks

    def rebalance(self, callback: str, *numbers: int) -> None:
        """Let the group give (`on_assign`) or take (`on_revoke`, `on_lost`) partitions."""
        self._callbacks[callback](self, [TopicPartition("usage", number) for number in numbers])

    def incremental_assign(self, partitions: list[TopicPartition]) -> None:
        self._settled()
        for each in partitions:
            assert each.partition not in self.positions, "assigned twice"
            self.positions[each.partition] = max(0, each.offset)

    def incremental_unassign(self, partitions: list[TopicPartition]) -> None:
        self._settled()
        for each in partitions:
            assert each.partition in self.positions, "not assigned"
            del self.positions[each.partition]
            self._ended.discard(each.partition)

    def _settled(self) -> None:
        if self.changing:
            raise KafkaException(error(KafkaError._STATE))

    def pause(self, partitions: list[TopicPartition]) -> None:
        self.paused.update(each.partition for each in partitions)

    def resume(self, partitions: list[TopicPartition]) -> None:
        self.paused.difference_update(each.partition for each in partitions)

    def consume(self, num_messages: int = 1, timeout: float = -1) -> list[Message]:
        found = [Message(error=self.errors.pop(0))] if self.errors else []
        for number, position in self.positions.items():
            if number in self.paused:
                continue
            records = self.log.get(number, [])[position : position + num_messages - len(found)]
            self.positions[number] += len(records)
            found += records
            if records:
                self._ended.discard(number)
            if self.positions[number] == len(self.log.get(number, [])):
                found += self._end(number)
        return found

    def _end(self, number: int) -> list[Message]:
        if number in self._ended:
            return []
        self._ended.add(number)
        end = len(self.log.get(number, []))
        return [Message(partition=number, offset=end, error=KafkaError(KafkaError._PARTITION_EOF))]

    def consumer_group_metadata(self) -> object:
        return None

    def get_watermark_offsets(
        self, place: TopicPartition, timeout: float = -1, cached: bool = False
    ) -> tuple[int, int]:
        return 0, len(self.log.get(place.partition, []))

    def position(self, places: list[TopicPartition]) -> list[TopicPartition]:
        return [
            TopicPartition(each.topic, each.partition, self.positions.get(each.partition, -1001))
            for each in places
        ]

    def store_offsets(self, offsets: list[TopicPartition]) -> None:
        """For those who look at the group."""

    def unsubscribe(self) -> None:
        self.rebalance("on_revoke", *self.positions)
        self._callbacks.clear()

    def close(self) -> None:
        self.rebalance("on_revoke", *self.positions)
