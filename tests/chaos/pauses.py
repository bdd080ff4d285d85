"""How long a partition stands still: from a fault to its next committed ledger entry."""

import statistics
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from confluent_kafka import OFFSET_END, Consumer, TopicPartition

_POLL_S: Final = 0.02


@dataclass(slots=True)
class _Waiting:
    kind: str
    began_at: float
    began_ms: int
    """The time of day: what was produced before it was on its way already."""
    partitions: set[int] = field(default_factory=set)


class Pauses:
    """Follows the committed end of the ledger's partitions while load is offered."""

    def __init__(self, servers: str, topic: str, partitions: int) -> None:
        self.seconds: Final[dict[str, list[float]]] = {}
        """Measured pauses by kind of fault."""
        self._lock = threading.Lock()
        self._waiting: list[_Waiting] = []
        self._stopping = threading.Event()
        self._client = Consumer(
            {
                "bootstrap.servers": servers,
                "group.id": "chaos-pauses",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "auto.offset.reset": "latest",
                "fetch.wait.max.ms": 10,
                "reconnect.backoff.max.ms": 200,
                "log_level": 0,
            }
        )
        places = [TopicPartition(topic, number, OFFSET_END) for number in range(partitions)]
        self._client.assign(places)
        self._thread = threading.Thread(target=self._run, name="pauses", daemon=True)

    def __enter__(self) -> "Pauses":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join(10)
        self._client.close()

    def begin(self, kind: str, partitions: Iterable[int]) -> None:
        """A fault struck these partitions now."""
        with self._lock:
            now_ms = time.time_ns() // 1_000_000
            self._waiting.append(_Waiting(kind, time.monotonic(), now_ms, set(partitions)))

    @property
    def waiting(self) -> bool:
        """Whether a partition has yet to go on."""
        return bool(self._waiting)

    def abandon(self) -> None:
        """No load is offered any more: what still waits is not measured."""
        with self._lock:
            self._waiting.clear()

    def _run(self) -> None:
        while not self._stopping.is_set():
            messages = self._client.consume(1_000, _POLL_S)
            now = time.monotonic()
            produced = {
                each.partition(): each.timestamp()[1] for each in messages if each.error() is None
            }
            if produced:
                self._moved(produced, now)

    def _moved(self, produced: dict[int | None, int], now: float) -> None:
        """When each of these partitions' last entry was produced (ms)."""
        with self._lock:
            for waiting in self._waiting:
                for number in waiting.partitions & produced.keys():
                    if produced[number] > waiting.began_ms:
                        waiting.partitions.discard(number)
                        paused = self.seconds.setdefault(waiting.kind, [])
                        paused.append(now - waiting.began_at)
            self._waiting = [each for each in self._waiting if each.partitions]


def percentile(values: Sequence[float], percent: int) -> float:
    """The value below which so many percent lie."""
    if len(values) == 1:
        return values[0]
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]
