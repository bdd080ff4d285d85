"""A partition's writer: its decider, its transactional producer, the transaction in flight.

Deciding runs ahead of the commit: while one transaction commits in a thread, the next inputs are
decided into the outbox. After any error around a transaction the whole of it, state and producer,
is thrown away and recovered; an epoch is never used again.
"""

import math
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from confluent_kafka import KafkaError, KafkaException, Message, Producer, TopicPartition

from drawdown.adapters.kafka.records import ConsumedRecord
from drawdown.adapters.topics import LEDGER
from drawdown.clock import Clock
from drawdown.domain.ledger import Ledger
from drawdown.domain.watermark import Watermark
from drawdown.errors import StateUnwritable
from drawdown.ledger_processor.calls import repeated
from drawdown.ledger_processor.failures import (
    UNENDING,
    Call,
    Remedy,
    TransactionFailed,
    judged,
    moved,
    unproven,
)
from drawdown.ledger_processor.keeping import Keeper, Saving
from drawdown.ledger_processor.outbox import Outbox, Record
from drawdown.ledger_processor.output_ends import OutputEnds
from drawdown.settings import Settings

_Batch = tuple[str, list[Record]]
"""A topic's full name, and the records for it."""

LATE_S = 5.0
"""So long after its time a call counts as one that never ends: librdkafka's
`send_offsets_to_transaction` doesn't when a connection breaks at the wrong moment (2.16)."""
IDLE_COMMIT_S = 60.0
"""Where nothing but idle ticks came, their offsets are committed this often, for the lag shown."""


class Deciding(Protocol):
    """What turns records into an outbox. `Decider` is the ledger's."""

    def decide_usage(self, records: Sequence[ConsumedRecord], at_most_us: int) -> None: ...
    def decide_commands(self, records: Sequence[ConsumedRecord], at_most_us: int) -> None: ...
    def take(self) -> Outbox: ...
    @property
    def outbox(self) -> Outbox: ...
    @property
    def ledger(self) -> Ledger: ...
    @property
    def watermark(self) -> Watermark: ...


@dataclass(frozen=True, kw_only=True)
class Committed:
    """A transaction that is committed, and how long it took."""

    outbox: Outbox
    seconds: float


class PartitionWriter:
    """One partition while this process owns it. Not for use by several threads."""

    def __init__(
        self,
        settings: Settings,
        number: int,
        decider: Deciding,
        producer: Producer,
        committers: Executor,
        clock: Clock,
        keeper: Keeper | None = None,
        ends: OutputEnds | None = None,
    ) -> None:
        """Commits run in `committers`, threads as a rule. `keeper` saves the decider's state.

        `ends` knows where the partition's outputs end. Nobody else may write there, so where what
        comes next stands elsewhere, nothing is committed, and what was committed must be seen to
        stand. None: neither is looked at.
        """
        self._ends = ends
        self.number = number
        self.decider = decider
        self._settings = settings
        self._within_s = settings.transaction_timeout_ms / 1_000
        self._producer = producer
        self._committers = committers
        self._clock = clock
        self._keeper = keeper
        self._saving: Saving | None = None
        self._last_offset = -1
        """Of the last entry that was delivered."""
        self._delivered_at: dict[str, int] = {}
        """The last record's offset in each output, of the transaction in flight."""
        self._in_flight: Future[None] | None = None
        self._sent = Outbox()
        self._began_at = 0.0
        self._call_ends_at = math.inf
        """When the call under way should have ended at last."""

    @property
    def committing(self) -> bool:
        """Whether a transaction is in flight."""
        return self._in_flight is not None

    def due(self, now: float) -> bool:
        """Whether what was decided should be committed now.

        A command's caller waits, so it goes at once; usage alone is gathered for an interval.
        """
        outbox = self.decider.outbox
        if outbox.inputs == 0:
            idle_s = now - self._began_at
            return outbox.ticks > 0 and idle_s >= IDLE_COMMIT_S
        if outbox.commands or self.full:
            return True
        return now - self._began_at >= self._settings.commit_interval_ms / 1_000

    @property
    def full(self) -> bool:
        """Whether no more may be decided before a commit."""
        outbox = self.decider.outbox
        return (
            outbox.events >= self._settings.ledger_usage_batch
            or outbox.commands >= self._settings.ledger_command_batch
            or outbox.size_bytes >= self._settings.ledger_outbox_kib * 1_024
        )

    @property
    def pending(self) -> bool:
        """Whether something was decided whose commit hasn't begun."""
        outbox = self.decider.outbox
        return outbox.inputs > 0 or outbox.ticks > 0

    def begin(self, group_metadata: object) -> None:
        """Produce what was decided and start to commit it. None may be in flight.

        A thread that produced would fight for the interpreter with the one that decides; the
        commit only waits for the broker. Raises `TransactionFailed`.
        """
        assert self._in_flight is None
        outbox = self._sent = self.decider.take()
        self._began_at = self._clock.monotonic()
        if self._keeper is not None:
            self._saving = self._keeper.take(outbox.last_hash, outbox.decided)
        self._call(Call.BEGIN, lambda _: self._producer.begin_transaction())
        self._delivered_at.clear()
        rest = self._produce(
            [
                (self._settings.topic(name), self._reported(name, records))
                for name, records in outbox.outputs
            ]
        )
        offsets = self._offsets(outbox)
        self._call_ends_at = self._clock.monotonic() + self._within_s
        self._in_flight = self._committers.submit(self._commit, rest, offsets, group_metadata)

    def finished(self, *, within_s: float = 0.0) -> Committed | None:
        """The transaction in flight, once it is committed; None if there is none or not yet.

        Raises `TransactionFailed`, or `StateUnwritable` where it is committed and wasn't saved.
        """
        future = self._in_flight
        if future is None or not (within_s > 0 or future.done()):
            self._give_up_if_late()
            return None
        try:
            future.result(within_s)
        except TimeoutError:
            self._give_up_if_late()
            return None
        except (TransactionFailed, StateUnwritable):
            self._in_flight = None
            raise
        self._in_flight = None
        if self._keeper is not None and self._saving is not None:
            self._keeper.saved(self._saving)
        return Committed(outbox=self._sent, seconds=self._clock.monotonic() - self._began_at)

    def _give_up_if_late(self) -> None:
        """Its thread waits on with its producer; the next producer fences both."""
        if self._in_flight is not None and self._clock.monotonic() > self._call_ends_at + LATE_S:
            self._in_flight = None
            raise TransactionFailed(self.number, UNENDING)

    def save(self) -> None:
        """Save everything, so that whoever opens the partition next has nothing to fold, unless
        something isn't committed. Raises `StateUnwritable`."""
        outbox = self.decider.outbox
        if self._keeper is None or self.committing or outbox.entries:
            return
        saving = self._keeper.take(outbox.last_hash, outbox.decided, everything=True)
        if saving is not None:
            self._keeper.write(saving, self._last_offset)
            self._keeper.saved(saving)

    def close(self) -> None:
        """End it; an open transaction is aborted by whoever fences next."""
        if self._in_flight is not None:
            self._in_flight.cancel()
            self._in_flight = None
        self._producer.purge()
        if self._keeper is not None:
            self._keeper.close()

    def _reported(self, name: str, records: list[Record]) -> list[Any]:
        """Have the delivery of the last one reported."""
        return [*records[:-1], {**records[-1], "callback": partial(self._delivered, name)}]

    def _delivered(self, name: str, error: KafkaError | None, message: Message) -> None:
        """What failed fails the commit."""
        offset = message.offset()
        if error is None and offset is not None:
            self._delivered_at[name] = offset
            if name == LEDGER:
                self._last_offset = offset

    def _produce(self, batches: list[_Batch]) -> list[_Batch]:
        """Hand records to the client; what its queue has no room for now is returned."""
        for index, (topic, records) in enumerate(batches):
            queued = self._producer.produce_batch(topic, records, partition=self.number)
            if queued < len(records):
                failure = judged(Call.PRODUCE, _refusal(records))
                if failure.remedy is not Remedy.REPEAT:
                    raise TransactionFailed(self.number, failure)
                # The client takes none after the first that found no room.
                left = [
                    {name: each[name] for name in each if name != "_error"}
                    for each in records[queued:]
                ]
                return [(topic, left), *batches[index + 1 :]]
        return []

    def _offsets(self, outbox: Outbox) -> list[TopicPartition]:
        return [
            TopicPartition(self._settings.topic(topic), self.number, offset)
            for topic, offset in (
                ("usage-events", outbox.next_usage_offset),
                ("ledger-commands", outbox.next_command_offset),
            )
            if offset >= 0
        ]

    def _commit(
        self, rest: list[_Batch], offsets: list[TopicPartition], group_metadata: object
    ) -> None:
        """In a thread: the client waits without the interpreter's lock."""
        if rest:
            self._call(Call.PRODUCE, _Rest(self._producer, self._produce, rest).produce)
        producer = self._producer
        self._call(
            Call.SEND_OFFSETS,
            lambda left_s: producer.send_offsets_to_transaction(offsets, group_metadata, left_s),
        )
        self._check_ends()
        self._call(Call.COMMIT, producer.commit_transaction)
        self._prove()
        # Saving takes as long as the disk does.
        self._call_ends_at = math.inf
        if self._keeper is not None and self._saving is not None:
            self._keeper.write(self._saving, self._last_offset)

    def _check_ends(self) -> None:
        """Before the commit: it must stand where the outputs ended. The next owner's barrier
        decides what else is open there."""
        if self._ends is None:
            return
        outputs = self._sent.outputs
        if outputs:
            self._call(Call.FLUSH, self._producer.flush)
        # What wasn't delivered fails the commit, which says why.
        firsts = {
            name: self._delivered_at[name] - len(records) + 1
            for name, records in outputs
            if name in self._delivered_at
        }
        if wrong := self._ends.misplaced(firsts):
            raise TransactionFailed(self.number, moved(wrong))

    def _prove(self) -> None:
        """After the commit: it must stand before anything follows it, or is saved."""
        if self._ends is None:
            return
        self._call_ends_at = self._clock.monotonic() + self._within_s
        if wrong := self._ends.undecided(self._delivered_at, within_s=self._within_s):
            raise TransactionFailed(self.number, unproven(wrong))

    def _call(self, call: Call, step: Callable[[float], object]) -> None:
        """The broker aborts a transaction after its timeout, so none is waited for longer."""
        self._call_ends_at = self._clock.monotonic() + self._within_s
        repeated(self.number, call, step, clock=self._clock, within_s=self._within_s)


class _Rest:
    """Records that a full queue didn't take, produced as it empties."""

    def __init__(
        self,
        producer: Producer,
        produce: Callable[[list[_Batch]], list[_Batch]],
        batches: list[_Batch],
    ) -> None:
        self._producer = producer
        self._produce = produce
        self._batches = batches

    def produce(self, _left_s: float) -> None:
        """Hand over what there is room for. Raises `KafkaException` while some is left over."""
        # A delivered record leaves the queue when its report is taken.
        self._producer.poll(0)
        self._batches = self._produce(self._batches)
        if self._batches:
            raise KafkaException(KafkaError(KafkaError._QUEUE_FULL))


def _refusal(records: list[Record]) -> KafkaError:
    """Why the client didn't take the first of these that it left; it notes that on the record."""
    for each in records:
        error: object = each.get("_error")
        if isinstance(error, KafkaError):
            return error
    return KafkaError(KafkaError._QUEUE_FULL)
