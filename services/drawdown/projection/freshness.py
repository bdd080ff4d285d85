"""How far and how long a read model is behind the ledger, for the metrics."""

from collections.abc import Mapping
from typing import Final

from confluent_kafka import Consumer, KafkaException, TopicPartition

from drawdown.adapters.postgres.store import Position
from drawdown.clock import Clock
from drawdown.metrics import PROJECTION_FRESHNESS_SECONDS, PROJECTION_LAG_RECORDS

_EVERY_S: Final = 0.5
_US: Final = 1_000_000


class Freshness:
    """Lag in records, by the ends that fetches report; age by when all was last shown."""

    def __init__(self, consumer: Consumer, topic: str, clock: Clock) -> None:
        self._consumer = consumer
        self._clock = clock
        self._topic = topic
        self._ends: dict[int, int] = {}
        """Ends reached, which lie behind the last record where a transaction marker follows it."""
        self._fresh_at: dict[int, float] = {}
        self._measured_at = 0.0

    def reached_end(self, partition: int, offset: int) -> None:
        """The client has handed out everything before `offset`."""
        self._ends[partition] = offset

    def reading_on(self, partition: int) -> None:
        """The client reads on from the position, so that an end reached before doesn't count."""
        self._ends.pop(partition, None)

    def forget(self, partition: int) -> None:
        """The partition is somebody else's now."""
        if self._fresh_at.pop(partition, None) is not None:
            PROJECTION_LAG_RECORDS.remove(partition)
            PROJECTION_FRESHNESS_SECONDS.remove(partition)

    def measure(self, followed: Mapping[int, Position]) -> None:
        """Update the metrics, twice a second at most. What isn't followed grows old."""
        now = self._clock.now_us() / _US
        if now - self._measured_at < _EVERY_S:
            return
        self._measured_at = now
        for position in followed.values():
            self._measure(position, now)
        for partition, fresh_at in self._fresh_at.items():
            PROJECTION_FRESHNESS_SECONDS.labels(partition).set(max(0.0, now - fresh_at))

    def _measure(self, position: Position, now: float) -> None:
        partition = position.partition
        lag = self._lag(position)
        if lag is None:
            return
        shown_at = now if lag == 0 else position.recorded_at / _US
        self._fresh_at[partition] = max(self._fresh_at.get(partition, 0.0), shown_at)
        PROJECTION_LAG_RECORDS.labels(partition).set(lag)

    def _lag(self, position: Position) -> int | None:
        place = TopicPartition(self._topic, position.partition)
        try:
            _, end = self._consumer.get_watermark_offsets(place, cached=True)
        except KafkaException:
            return None
        reached = max(position.next_offset, self._ends.get(position.partition, 0))
        return max(0, end - reached) if end >= 0 else None
