"""A partition's writer: its decider, its transactional producer, the transaction in flight.

Deciding runs ahead of the commit: while one transaction commits in a thread, the next inputs are
decided into the outbox. After any error around a transaction the whole of it, state and producer,
is thrown away and recovered; an epoch is never used again.
"""

from collections.abc import Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Any, Protocol

from confluent_kafka import KafkaError, KafkaException, Message, Producer, TopicPartition

from drawdown.adapters.kafka.records import ConsumedRecord
from drawdown.clock import Clock
from drawdown.domain.ledger import Ledger
from drawdown.domain.watermark import Watermark
from drawdown.errors import StateUnwritable
from drawdown.ledger_processor.keeping import Keeper, Saving
from drawdown.ledger_processor.outbox import Outbox, Record
from drawdown.settings import Settings

CALL_TIMEOUT_S = 30.0
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


class TransactionFailed(Exception):
    """A transaction failed or its outcome is unknown: recover the partition.

    `fenced`: another process owns it now, so that it must be given up instead.
    """

    def __init__(self, partition: int, cause: BaseException) -> None:
        super().__init__(f"partition {partition}: {cause}")
        self.partition = partition
        self.fenced = _is_fencing(cause)


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
    ) -> None:
        """Commits run in `committers`, threads as a rule. `keeper` saves the decider's state."""
        self.number = number
        self.decider = decider
        self._settings = settings
        self._producer = producer
        self._committers = committers
        self._clock = clock
        self._keeper = keeper
        self._saving: Saving | None = None
        self._last_offset = -1
        """Of the last entry that was delivered."""
        self._in_flight: Future[None] | None = None
        self._sent = Outbox()
        self._began_at = 0.0

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
            return outbox.ticks > 0 and now - self._began_at >= IDLE_COMMIT_S
        if outbox.commands or outbox.events >= self._settings.ledger_usage_batch:
            return True
        return now - self._began_at >= self._settings.commit_interval_ms / 1_000

    @property
    def full(self) -> bool:
        """Whether no more may be decided before a commit."""
        outbox = self.decider.outbox
        return (
            outbox.events >= self._settings.ledger_usage_batch
            or outbox.commands >= self._settings.ledger_command_batch
        )

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
        try:
            self._producer.begin_transaction()
            self._produce("ledger-entries", self._reported(outbox.entries))
            self._produce("ledger-replies", outbox.replies)
            self._produce("dead-letters", outbox.dead_letters)
        except (KafkaException, BufferError) as error:
            raise TransactionFailed(self.number, error) from error
        offsets = self._offsets(outbox)
        self._in_flight = self._committers.submit(self._commit, offsets, group_metadata)

    def finished(self, *, wait: bool = False) -> Committed | None:
        """The transaction in flight, once it is committed; None if there is none or not yet.

        Raises `TransactionFailed`.
        """
        future = self._in_flight
        if future is None or not (wait or future.done()):
            return None
        try:
            future.result()
        except (KafkaException, StateUnwritable) as error:
            raise TransactionFailed(self.number, error) from error
        finally:
            self._in_flight = None
        if self._keeper is not None and self._saving is not None:
            self._keeper.saved(self._saving)
        return Committed(outbox=self._sent, seconds=self._clock.monotonic() - self._began_at)

    def save(self) -> None:
        """Save everything, so that who opens the partition next has nothing to fold. Nothing may
        be decided that isn't committed. Raises `StateUnwritable`."""
        outbox = self.decider.outbox
        assert self._in_flight is None
        assert not outbox.entries
        if self._keeper is not None:
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

    def _reported(self, records: list[Record]) -> list[Any]:
        """Have the delivery of the last entry reported: the checkpoint says its offset."""
        if self._saving is None:
            return records
        return [*records[:-1], {**records[-1], "callback": self._delivered}]

    def _delivered(self, _: KafkaError | None, message: Message) -> None:
        """What failed fails the commit."""
        offset = message.offset()
        if offset is not None:
            self._last_offset = offset

    def _produce(self, topic: str, records: list[Any]) -> None:
        if not records:
            return
        queued = self._producer.produce_batch(
            self._settings.topic(topic), records, partition=self.number
        )
        if queued < len(records):
            raise BufferError(f"{topic}: {len(records) - queued} records didn't fit the queue")

    def _offsets(self, outbox: Outbox) -> list[TopicPartition]:
        return [
            TopicPartition(self._settings.topic(topic), self.number, offset)
            for topic, offset in (
                ("usage-events", outbox.next_usage_offset),
                ("ledger-commands", outbox.next_command_offset),
            )
            if offset >= 0
        ]

    def _commit(self, offsets: list[TopicPartition], group_metadata: object) -> None:
        """In a thread: the client waits without the interpreter's lock."""
        self._producer.send_offsets_to_transaction(offsets, group_metadata, CALL_TIMEOUT_S)
        self._producer.commit_transaction(CALL_TIMEOUT_S)
        if self._keeper is not None and self._saving is not None:
            self._keeper.write(self._saving, self._last_offset)


def _is_fencing(cause: BaseException) -> bool:
    if not isinstance(cause, KafkaException):
        return False
    name = cause.args[0].name()
    return name in {
        "_FENCED",
        "PRODUCER_FENCED",
        "INVALID_PRODUCER_EPOCH",
        "ILLEGAL_GENERATION",
        "UNKNOWN_MEMBER_ID",
        "FENCED_INSTANCE_ID",
        "STALE_MEMBER_EPOCH",
        "FENCED_MEMBER_EPOCH",
    }
