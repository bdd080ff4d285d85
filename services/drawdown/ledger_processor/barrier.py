"""The barrier: what a new owner writes into its partitions before it reads them.

That earlier writers are fenced doesn't mean that all they wrote is decided, nor that a broker that
has just come back tells the true end. A broker answers that a transaction is committed before the
markers stand in its partitions, and Kafka drops them where a partition has no leader at that moment
(4.1 to 4.3: `TransactionMarkerChannelManager` takes an unknown leader for a deleted topic). What
was written then stands open, belongs to no transaction that the coordinator knows, and is decided
by the next marker of the same producer id, together with whatever that one is for.

So a new owner aborts a transaction that has a record in each of its partitions. Whatever stood open
there is aborted with it; the offsets of its records prove where the partitions end; and no reader
of committed records ever sees one of them.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from drawdown.adapters.kafka.positions import span
from drawdown.clock import Clock
from drawdown.errors import Unavailable
from drawdown.ledger_processor.calls import repeated
from drawdown.ledger_processor.failures import Call
from drawdown.ledger_processor.outbox import OUTPUTS
from drawdown.settings import Settings

KEY: Final = b"$barrier"
_ASK_S: Final = 0.005
"""A marker follows its record by a few milliseconds."""


class Barrier:
    """One partition's. Not for use by several threads."""

    def __init__(
        self,
        settings: Settings,
        number: int,
        producer: Producer,
        clock: Clock,
        go_on: Callable[[], None],
    ) -> None:
        """`producer` has fenced the earlier ones; `go_on` raises to leave off."""
        self._settings: Final = settings
        self._number: Final = number
        self._producer: Final = producer
        self._clock: Final = clock
        self._go_on: Final = go_on
        self._within_s: Final = settings.transaction_timeout_ms / 1_000
        self._stand_at: Final[dict[str, int]] = {}

    def raised(self, client: Consumer) -> dict[str, int]:
        """Write it; where each output of the partition ends now, by the topic's short name.

        `client` asks the broker. Raises `TransactionFailed`, or `Unavailable` if the broker
        doesn't do it in time.
        """
        self._go_on()
        producer = self._producer
        self._call(Call.BEGIN, lambda _: producer.begin_transaction())
        for name in OUTPUTS:
            self._call(Call.PRODUCE, partial(self._produce, name))
        self._call(Call.FLUSH, producer.flush)
        missing = OUTPUTS - self._stand_at.keys()
        if missing:
            raise Unavailable(f"{self._place(min(missing))} takes no record")
        self._call(Call.ABORT, producer.abort_transaction)
        # Behind each record stands the marker that aborts it.
        ends = {name: offset + 2 for name, offset in self._stand_at.items()}
        deadline = self._clock.monotonic() + self._within_s
        for name, end in ends.items():
            self._await(client, name, end, deadline)
        return ends

    def _produce(self, name: str, _left_s: float) -> None:
        record: dict[str, Any] = {
            "key": KEY,
            "value": b"",
            "callback": partial(self._delivered, name),
        }
        if not self._producer.produce_batch(
            self._settings.topic(name), [record], partition=self._number
        ):
            raise KafkaException(record.get("_error", KafkaError(KafkaError._QUEUE_FULL)))

    def _delivered(self, name: str, error: KafkaError | None, message: Message) -> None:
        offset = message.offset()
        if error is None and offset is not None:
            self._stand_at[name] = offset

    def _await(self, client: Consumer, name: str, end: int, deadline: float) -> None:
        """Wait until everything before an end is decided."""
        place = TopicPartition(self._settings.topic(name), self._number)
        while span(client, place, self._clock)[1] < end:
            self._go_on()
            if self._clock.monotonic() > deadline:
                raise Unavailable(f"{self._place(name)}: the broker doesn't end a transaction")
            self._clock.sleep(_ASK_S)

    def _place(self, name: str) -> str:
        return f"{self._settings.topic(name)} [{self._number}]"

    def _call(self, call: Call, step: Callable[[float], object]) -> None:
        repeated(self._number, call, step, clock=self._clock, within_s=self._within_s)
