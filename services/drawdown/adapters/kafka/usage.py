"""Usage events sent to the ledger, each to its customer's partition."""

from types import TracebackType
from typing import Final, Self

from confluent_kafka import KafkaException, Message
from confluent_kafka.cimpl import KafkaError

from drawdown.adapters.avro.codec import encode_usage
from drawdown.adapters.avro.schema_ids import resolver
from drawdown.adapters.avro.wire import WireFormat
from drawdown.adapters.kafka.clients import producer
from drawdown.adapters.kafka.partitioner import partition_of
from drawdown.adapters.kafka.quiet import LOGGER
from drawdown.adapters.kafka.topics import partition_count
from drawdown.domain.inputs import UsageEvent
from drawdown.errors import Unavailable, UsageError
from drawdown.settings import Settings

_FLUSH_S: Final = 60.0
_POLL_EVERY: Final = 100
_FULL_QUEUE_S: Final = 0.1


class UsageSender:
    """An idempotent sender: events of one customer stay in order, and none is sent twice."""

    def __init__(self, settings: Settings) -> None:
        """Raises `InvalidSetting` where the topic is missing, `Unavailable` without a broker."""
        self._topic = settings.topic("usage-events")
        self._partitions = partition_count(settings, "usage-events")
        ids = resolver(settings)
        self._header = WireFormat(ids, topic=self._topic, schema="usage-event").header
        self._producer = producer(settings, logger=LOGGER)
        self._failure = ""
        self._sent = 0
        self.delivered = 0
        """Events that the broker has acknowledged."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.flush()

    def send(self, event: UsageEvent) -> None:
        """Queue an event. Raises `Unavailable` if the broker refused one before it."""
        value = encode_usage(event, header=self._header)
        partition = partition_of(event.customer_id, self._partitions)
        while not self._queued(event.customer_id.encode(), value, partition):
            self._producer.poll(_FULL_QUEUE_S)
            self._raise_failure()
        self._sent += 1
        if self._sent % _POLL_EVERY == 0:
            self._producer.poll(0)
            self._raise_failure()

    def poll(self, seconds: float) -> None:
        """Wait, seeing to deliveries meanwhile."""
        self._producer.poll(seconds)

    def flush(self) -> None:
        """Wait until all are acknowledged. Raises `Unavailable` if they aren't within a minute."""
        left = self._producer.flush(_FLUSH_S)
        self._raise_failure()
        if left:
            raise Unavailable(f"{left} events weren't acknowledged within {_FLUSH_S:g} s")

    def _queued(self, key: bytes, value: bytes, partition: int) -> bool:
        try:
            self._producer.produce(
                self._topic, key=key, value=value, partition=partition, on_delivery=self._delivered
            )
        except BufferError:
            return False
        except KafkaException as error:
            raise UsageError(f"an event can't be sent: {error.args[0].str()}") from error
        return True

    def _delivered(self, error: KafkaError | None, _record: Message) -> None:
        if error is not None:
            self._failure = f"the broker didn't take an event: {error.str()}"
        else:
            self.delivered += 1

    def _raise_failure(self) -> None:
        if self._failure:
            raise Unavailable(self._failure)
