"""What read models publish: records of changed rows, at least once, beside the projecting.

What it does with a partition that is followed, in order:

1. At most once an interval, the records of what changed since `published` are read from the rows,
   under the lock on the position's row: who was fenced reads nothing. Reading takes a tenth of the
   time at most, so that a projector that is behind catches up; then it is done less often, of the
   partition that has waited longest first. One of which all is published is looked at now and then
   all the same: so it is noticed without another entry that a rebuild has replaced its rows.
2. They are produced to the partition of the same number, without a transaction, so that any
   consumer can commit its offsets. Nothing here waits for the broker: what the client has no room
   for waits for a later turn, and so does the next reading.
3. When the broker has acknowledged all of them, `published` moves, under the same lock.
4. When one of them fails, or the partition is let go of, `published` stays. What lies behind it is
   read again, as the rows stand then: a record may come twice, and says its version.
"""

from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import Final, Protocol

import structlog
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from drawdown.adapters.kafka.reports import CallRaised, error_of
from drawdown.adapters.postgres.store import Position, Record, Unpublished
from drawdown.backoff import Backoff
from drawdown.clock import Clock
from drawdown.metrics import (
    PUBLISH_FAILURES,
    PUBLISH_LAG_ENTRIES,
    PUBLISH_LAG_SECONDS,
    PUBLISHED_RECORDS,
)

_ENTRIES_MAX: Final = 50_000
"""Entries whose changes are read at once: after an outage of the topic, what waits is published in
portions that fit into memory."""
_REST: Final = 9.0
"""How many times as long as a reading took there is none after it."""
_IDLE_S: Final = 10.0
"""How long a partition isn't looked at of which all is published."""
_LEAVING_S: Final = 5.0
"""How long the end of the process waits for what is on its way."""

_log = structlog.get_logger()


class Unsent(Protocol):
    """Where what isn't published yet is found; a projection's store."""

    def unpublished(self, position: Position, entries_max: int) -> Unpublished: ...
    def move_published(self, position: Position, up_to_seq: int) -> None: ...


class _Batch:
    """Records of one partition that are on their way."""

    def __init__(self, position: Position, found: Unpublished, read_at: float) -> None:
        self.partition = position.partition
        self.up_to_seq = found.up_to_seq
        self.whole = found.up_to_seq == position.partition_seq
        """Whether it is all that was to be published when it was read."""
        self.read_at = read_at
        self.records = len(found.records)
        self.waiting: deque[Record] = deque(found.records)
        """Those that the client has had no room for."""
        self.unanswered = 0
        self.failure: KafkaError | None = None

    @property
    def acknowledged(self) -> bool:
        """Whether the broker has them all."""
        return self.failure is None and not self.waiting and not self.unanswered

    def answer(self, error: KafkaError | None, _record: Message) -> None:
        """The client's report on one of them."""
        self.unanswered -= 1
        if error is not None:
            self.failure = error


class Publisher:
    """Publishes what the partitions of one loop changed. No method but `close` waits."""

    def __init__(
        self,
        *,
        store: Unsent,
        connect: Callable[[], Producer],
        topic: str,
        interval_s: float,
        clock: Clock,
    ) -> None:
        """`connect` gives an idempotent producer; another one after a fatal error."""
        self._store = store
        self._connect = connect
        self._producer = connect()
        self._topic = topic
        self._interval_s = interval_s
        self._clock = clock
        self._batches: dict[int, _Batch] = {}
        self._published: dict[int, int] = {}
        """The last entry published, where it is known."""
        self._behind_since: dict[int, float] = {}
        self._due: dict[int, float] = {}
        self._rests_until = 0.0
        self._failures: dict[int, Backoff] = {}

    @property
    def producer(self) -> Producer:
        """What it publishes with now."""
        return self._producer

    def serve(self) -> None:
        """Take what the broker has answered since."""
        # Where it can't go on, what is on its way says so too, and a new producer is begun for it.
        self._served(partial(self._producer.poll, 0))

    def _served(self, serve: Callable[[], object]) -> None:
        """Have the client hand out its answers; that it can't go on is no error here."""
        try:
            serve()
        except CallRaised as raised:
            if not error_of(raised).fatal():
                raise

    def due(self, partition: int) -> float:
        """When a partition is to be read next (monotonic); the earliest ones go first."""
        return self._due.get(partition, 0.0)

    def turn(self, position: Position) -> None:
        """Go on with a partition that stands at `position`. Raises what the store raises."""
        partition, now = position.partition, self._clock.monotonic()
        batch = self._batches.get(partition)
        if batch is None and now >= max(self._rests_until, self.due(partition)):
            batch = self._read(position, now)
        if batch is not None:
            self._send(batch)
            if batch.failure is not None:
                self._fail(batch, batch.failure)
            elif batch.acknowledged:
                self._acknowledge(batch, position)
        self._measure(position, now)

    def forget(self, partitions: Iterable[int]) -> None:
        """These partitions may be another process's: publish nothing more of them."""
        for partition in partitions:
            batch = self._batches.pop(partition, None)
            if batch is not None and batch.unanswered:
                # What hasn't left yet never will; of other partitions it is read again.
                self._producer.purge(in_flight=False)
            self._due.pop(partition, None)
            self._behind_since.pop(partition, None)
            if self._published.pop(partition, None) is not None:
                PUBLISH_LAG_ENTRIES.remove(partition)
                PUBLISH_LAG_SECONDS.remove(partition)

    def close(self, followed: Iterable[Position]) -> None:
        """Wait a little for what is on its way, so that it needn't be published again."""
        self._served(partial(self._producer.flush, _LEAVING_S))
        self._producer.purge()
        for position in followed:
            batch = self._batches.get(position.partition)
            if batch is not None and batch.acknowledged:
                self._acknowledge(batch, position)

    def _read(self, position: Position, now: float) -> _Batch | None:
        """The records of what changed, if anything did."""
        partition = position.partition
        is_whole = self._published.get(partition) == position.partition_seq
        if is_whole and now < self.due(partition) + _IDLE_S:
            return None
        self._due[partition] = now + self._interval_s
        found = self._store.unpublished(position, _ENTRIES_MAX)
        read = self._clock.monotonic()
        self._rests_until = read + _REST * (read - now)
        self._published[partition] = found.after_seq
        if found.up_to_seq == found.after_seq:
            return None
        batch = self._batches[partition] = _Batch(position, found, now)
        return batch

    def _send(self, batch: _Batch) -> None:
        """Hand over to the client what it has room for."""
        waiting, partition = batch.waiting, batch.partition
        while waiting and batch.failure is None:
            key, value = waiting[0]
            try:
                self._producer.produce(
                    self._topic, value, key, partition=partition, on_delivery=batch.answer
                )
            except BufferError:
                return
            except KafkaException as error:
                batch.failure = error.args[0]
                return
            waiting.popleft()
            batch.unanswered += 1

    def _acknowledge(self, batch: _Batch, position: Position) -> None:
        partition = position.partition
        self._store.move_published(position, batch.up_to_seq)
        self._published[partition] = batch.up_to_seq
        if batch.whole:
            self._behind_since[partition] = batch.read_at
        del self._batches[partition]
        PUBLISHED_RECORDS.labels(partition).inc(batch.records)
        failures = self._failures.pop(partition, None)
        if failures is not None:
            _log.info("publishing_again", partition=partition, topic=self._topic)

    def _fail(self, batch: _Batch, error: KafkaError) -> None:
        """Read it again in a while, as the rows stand then."""
        partition = batch.partition
        del self._batches[partition]
        if error.code() == KafkaError._PURGE_QUEUE:
            return  # Nothing is wrong: another partition was let go of.
        failures = self._failures.setdefault(partition, Backoff())
        self._due[partition] = self._clock.monotonic() + max(self._interval_s, failures.next_s())
        PUBLISH_FAILURES.labels(partition).inc()
        if failures.just_began:
            _log.warning(
                "publishing_failed", partition=partition, topic=self._topic, reason=error.str()
            )
        if error.fatal() or error.code() == KafkaError._FATAL:
            self._begin_anew()

    def _begin_anew(self) -> None:
        """Leave a client that can't go on, and with it whatever is on its way."""
        self._producer.purge()
        self._producer = self._connect()
        self._batches.clear()

    def _measure(self, position: Position, now: float) -> None:
        partition = position.partition
        published = self._published.get(partition)
        if published is None:
            return
        behind = position.partition_seq - published
        if behind:
            self._behind_since.setdefault(partition, now)
        else:
            self._behind_since.pop(partition, None)
        PUBLISH_LAG_ENTRIES.labels(partition).set(behind)
        PUBLISH_LAG_SECONDS.labels(partition).set(now - self._behind_since.get(partition, now))
