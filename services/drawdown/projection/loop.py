"""The projector loop: from the ledger topic into a store, each entry exactly once.

What it does with a partition, in order:

1. On assignment the partition waits to be claimed; the group's committed offsets are never read.
2. Claim: the store fences earlier owners and says the position. Read on from its offset.
3. Entries that follow the position are written with the new position, in one transaction. Entries
   read again are skipped.
4. A gap, an unknown entry type, bytes that don't decode or a row that the database refuses halt
   this partition; the others go on. A gap is believed only when it is read twice.
5. When the database doesn't answer, nothing is known of the last transaction: all partitions wait
   and are claimed again, which says what was written.
6. When fenced, the partition waits a while before it is claimed again, or two processes would
   duel; a rebalance in between takes it away. Fenced by a rebuild, it is claimed at once.
7. Between transactions, changed rows are published (`publisher`); nothing waits for that.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import Final, Protocol

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from drawdown.adapters.kafka.consumer_failures import consumer_failure
from drawdown.adapters.kafka.contacts import Client, Contacts
from drawdown.adapters.kafka.group_silence import Silence
from drawdown.adapters.kafka.hearing import Hearing
from drawdown.adapters.kafka.leaving import leave
from drawdown.adapters.kafka.records import is_barrier, offset_of
from drawdown.adapters.kafka.stable_offsets import Offsets
from drawdown.adapters.postgres.store import Batch, Position
from drawdown.backoff import Backoff
from drawdown.clock import SYSTEM, Clock, Steadiness
from drawdown.domain.evolve import UnknownEntry
from drawdown.errors import (
    DrawdownError,
    FatalError,
    Fenced,
    RowsReplaced,
    Unavailable,
)
from drawdown.metrics import (
    BATCH_RECORDS,
    DATABASE_RETRIES,
    PARTITIONS_HALTED,
    PARTITIONS_OWNED,
    PROJECTION_ENTRIES,
    TRANSACTION_SECONDS,
)
from drawdown.projection.freshness import Freshness
from drawdown.projection.portions import portions
from drawdown.projection.publisher import Publisher
from drawdown.projection.sequence import Decode, NewEntries, SequenceGap

LINGER_S: Final = 0.05
"""How long a batch may fill: bounds both the delay of a lone entry and the transactions a second
of a trickle."""
GATHER_S: Final = 0.25
"""The most, where the batch before took as long to write: transactions of few entries cost a lot,
so who is busy writes more at once."""
_ANSWER_S: Final = 2.0
_FENCED_S: Final = 30.0
"""Longer than a group takes to agree on who owns what."""

_log = structlog.get_logger()


class Store(Protocol):
    """Where rows and positions go; `PostgresProjectionStore` is one."""

    def claim(self, partition: int) -> Position: ...
    def write(self, position: Position, batch: Batch) -> Position: ...
    def close(self) -> None: ...


class Projector:
    """Follows the partitions that the group gives it until `stop`.

    `run` is `join`, a `turn` after the other, `close`.
    """

    def __init__(
        self,
        *,
        consumer: Consumer,
        topic: str,
        store: Store,
        decode: Decode,
        offsets: Offsets,
        batch: int,
        batch_bytes: int,
        publisher: Publisher | None = None,
        clock: Clock = SYSTEM,
    ) -> None:
        """A transaction writes at most `batch` records of `batch_bytes`, or a larger one alone.

        `consumer` needs `enable.partition.eof`, stored offsets by hand, and an assignment that
        changes partition by partition. `offsets` ask the broker by another client, for one may
        be deaf.
        """
        self._consumer = consumer
        self._topic = topic
        self._store = store
        self._decode = decode
        self._batch = batch
        self._batch_bytes = batch_bytes
        self._publisher = publisher
        self._clock = clock
        self._stopping = False
        self._owned: set[int] = set()
        """What the group gave; each of them waits, is followed or has halted."""
        self._waiting: dict[int, float] = {}
        """Partitions to be claimed, and when (monotonic)."""
        self._followed: dict[int, Position] = {}
        self._halted: dict[int, str] = {}
        self._doubted: dict[int, int] = {}
        """The entry that was missing when a gap was read once."""
        self._fills_s = LINGER_S
        """How long the next batch may fill."""
        self._steadiness = Steadiness(clock)
        self._silence = Silence(offsets, topic, clock, within_s=_ANSWER_S)
        self._hearing = Hearing(offsets, topic, clock, within_s=_ANSWER_S)
        self._offsets = offsets
        self._contacts = Contacts(self._clients, topic, clock)
        self._outage = Backoff()
        self._freshness = Freshness(consumer, topic, clock)

    @property
    def halted(self) -> dict[int, str]:
        """The partitions that halted, and why."""
        return dict(self._halted)

    def stop(self) -> None:
        """Finish the transaction under way, then leave. Safe in a signal handler."""
        self._stopping = True

    def run(self) -> None:
        """Project until `stop`. Leaves the group and the store whatever happens."""
        self.join()
        try:
            while not self._stopping:
                self.turn()
        except KafkaException as error:
            raise Unavailable(f"the broker client gave up: {error.args[0].str()}") from error
        finally:
            self.close()

    def join(self) -> None:
        """Ask the group for partitions."""
        self._consumer.subscribe([self._topic], on_assign=self._assigned, on_revoke=self._revoked)

    def turn(self) -> None:
        """Claim what is to be claimed, write what has come, and publish what changed.

        Raises `Unavailable` where the machine's clock was set, or where only a new client will hear
        of the group or of a partition again.
        """
        self._steadiness.look()
        self._silence.look()
        self._hearing.look()
        self._contacts.look()
        self._claim_waiting()
        messages = self._consumer.consume(self._batch, self._fills_s)
        began_at = self._clock.monotonic()
        self._take(messages)
        self._fills_s = min(max(LINGER_S, self._clock.monotonic() - began_at), GATHER_S)
        self._publish()
        self._freshness.measure(self._followed)

    def close(self) -> None:
        """Leave the group and the store."""
        if self._publisher is not None:
            with suppress(DrawdownError):
                self._publisher.close(self._followed.values())
        leave(self._consumer)
        self._store.close()

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._silence.assigned()
        now = self._clock.monotonic()
        given = sorted(each.partition for each in partitions)
        self._waiting.update(dict.fromkeys(given, now))
        PARTITIONS_OWNED.inc(len(self._owned.union(given)) - len(self._owned))
        self._owned.update(given)
        # Nothing is read before it is claimed; without a call the client would begin by itself.
        consumer.incremental_assign([])
        _log.info("partitions_assigned", partitions=given)

    def _revoked(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        taken = sorted(each.partition for each in partitions)
        for partition in taken:
            self._waiting.pop(partition, None)
            if self._halted.pop(partition, None) is not None:
                PARTITIONS_HALTED.labels(partition).set(0)
            self._freshness.forget(partition)
        self._let_go(taken)
        # What waits or has halted isn't read; without a call the client would refuse to give up
        # what it doesn't read, and never answer the group.
        consumer.incremental_unassign([])
        PARTITIONS_OWNED.dec(len(self._owned.intersection(taken)))
        self._owned.difference_update(taken)
        self._silence.taken(len(self._owned))
        _log.info("partitions_revoked", partitions=taken)

    def _clients(self) -> dict[str, Client]:
        clients: dict[str, Client] = {"entries": self._consumer, "offsets": self._offsets}
        if self._publisher is not None:
            clients["what is published"] = self._publisher.producer
        return clients

    def _claim_waiting(self) -> None:
        now = self._clock.monotonic()
        due = sorted(partition for partition, at in self._waiting.items() if at <= now)
        if not due:
            return
        try:
            claimed = {partition: self._store.claim(partition) for partition in due}
        except Unavailable as error:
            self._database_away(error)
            return
        for partition in due:
            del self._waiting[partition]
        if self._outage.over():
            _log.info("back")
        for position in claimed.values():
            self._follow(position)

    def _follow(self, position: Position) -> None:
        """Read a partition from its position on, anew where it is read already."""
        self._let_go([position.partition])
        self._followed[position.partition] = position
        self._freshness.reading_on(position.partition)
        self._consumer.incremental_assign([self._place(position)])
        self._hearing.reads(position.partition, position.next_offset)

    def _let_go(self, partitions: Iterable[int]) -> None:
        """Read no more of those of these partitions that are read."""
        followed = [self._followed.pop(each) for each in partitions if each in self._followed]
        if not followed:
            return
        if self._publisher is not None:
            self._publisher.forget(position.partition for position in followed)
        self._consumer.incremental_unassign([self._place(position) for position in followed])
        self._hearing.ends(position.partition for position in followed)

    def _place(self, position: Position) -> TopicPartition:
        return TopicPartition(self._topic, position.partition, position.next_offset)

    def _take(self, messages: Iterable[Message]) -> None:
        for partition, records in self._by_partition(messages).items():
            for portion in portions(records, self._batch_bytes):
                # It may have been let go of while others were written.
                if partition not in self._followed or not self._project(partition, portion):
                    break

    def _by_partition(self, messages: Iterable[Message]) -> dict[int, list[Message]]:
        records: dict[int, list[Message]] = {}
        for message in messages:
            partition = message.partition()
            if message.error() is not None:
                self._heed(message)
            elif partition in self._followed and not is_barrier(message):
                assert partition is not None
                records.setdefault(partition, []).append(message)
        self._hearing.heard(records, {})
        return records

    def _heed(self, message: Message) -> None:
        """What the client says between records."""
        error, partition = message.error(), message.partition()
        assert error is not None
        if error.code() == KafkaError._PARTITION_EOF:
            assert partition is not None
            self._freshness.reached_end(partition, offset_of(message))
            self._hearing.heard({}, {partition: offset_of(message)})
        elif error.code() == KafkaError._AUTO_OFFSET_RESET and partition in self._followed:
            self._halt(partition, f"the ledger topic doesn't have the position: {error.str()}")
        else:
            _log.warning("broker", said=error.str(), code=error.name(), partition=partition)
            if (ends := consumer_failure(error)) is not None:
                raise ends

    def _project(self, partition: int, records: list[Message]) -> bool:
        """Write them; whether those that follow may be written."""
        position = self._followed[partition]
        return self._attempt(position, lambda: self._write(position, records))

    def _publish(self) -> None:
        """Go on with publishing what was written."""
        publisher = self._publisher
        if publisher is None:
            return
        publisher.serve()
        for position in sorted(self._followed.values(), key=lambda p: publisher.due(p.partition)):
            # All may have been let go of while others were looked at.
            if position.partition in self._followed:
                self._attempt(position, partial(publisher.turn, position))

    def _attempt(self, position: Position, act: Callable[[], None]) -> bool:
        """Do something with a partition; whether it may go on."""
        partition = position.partition
        try:
            act()
            return True
        except Unavailable as error:
            self._database_away(error)
        except Fenced as error:
            _log.warning("fenced", partition=partition, reason=str(error))
            wait_s = 0.0 if isinstance(error, RowsReplaced) else _FENCED_S
            self._waiting[partition] = self._clock.monotonic() + wait_s
            self._let_go([partition])
        except SequenceGap as gap:
            if self._doubted.get(partition) == gap.expected:
                self._halt(partition, str(gap))
            else:
                self._doubted[partition] = gap.expected
                self._follow(position)
        except (FatalError, UnknownEntry) as error:
            self._halt(partition, str(error))
        return False

    def _write(self, position: Position, records: list[Message]) -> None:
        """Write what is new; of records with a fault, those before it first."""
        started = self._clock.monotonic()
        batch = NewEntries(
            records,
            self._decode,
            after_seq=position.partition_seq,
            from_offset=position.next_offset,
        )
        if batch.any():
            after = self._store.write(position, batch)
            entries = after.partition_seq - position.partition_seq
            self._written(after, entries, self._clock.monotonic() - started)
        if batch.fault is not None:
            raise batch.fault

    def _written(self, after: Position, entries: int, seconds: float) -> None:
        self._followed[after.partition] = after
        # For those who look at the group's lag; it is never read here.
        with suppress(KafkaException):
            self._consumer.store_offsets(offsets=[self._place(after)])
        BATCH_RECORDS.observe(entries)
        TRANSACTION_SECONDS.observe(seconds)
        PROJECTION_ENTRIES.labels(after.partition).inc(entries)

    def _database_away(self, error: Unavailable) -> None:
        """Let go of everything, but not of the group, and claim all again in a while."""
        delay_s = self._outage.next_s()
        if self._outage.just_began:
            _log.warning("away", reason=str(error))
        DATABASE_RETRIES.inc()
        at = self._clock.monotonic() + delay_s
        self._waiting = dict.fromkeys([*self._waiting, *self._followed], at)
        self._let_go(list(self._followed))

    def _halt(self, partition: int, reason: str) -> None:
        _log.error("partition_halted", partition=partition, reason=reason)
        self._halted[partition] = reason
        PARTITIONS_HALTED.labels(partition).set(1)
        self._let_go([partition])
