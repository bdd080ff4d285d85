"""A broker for one ledger that fails as it is told, and otherwise keeps the real one's contract.

Of transactions: calls out of order are refused, records and offsets show once they are committed,
and who initializes a transactional id fences everybody before it.
"""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TypeVar

from confluent_kafka import KafkaError, KafkaException, TopicPartition

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


class ScriptedProducer:
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
    """Runs what is submitted at once, or, while it is `slow`, when told to."""

    def __init__(self) -> None:
        self.slow = False
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

        if self.slow:
            self._waiting.append(run)
        else:
            run()
        return future

    def catch_up(self) -> None:
        """Run what has waited."""
        while self._waiting:
            self._waiting.popleft()()
