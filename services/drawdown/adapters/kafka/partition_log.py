"""One partition of a topic, read in order from its start to an end that is known beforehand."""

import time
from collections.abc import Iterator
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from drawdown.adapters.kafka.clients import reader
from drawdown.adapters.kafka.positions import span
from drawdown.adapters.kafka.quiet import LOGGER
from drawdown.errors import Unavailable
from drawdown.settings import Settings

_BATCH: Final = 5_000
_POLL_S: Final = 0.05
"""`consume` waits this long for a whole batch, also where the log ends before it is full."""
_FETCH_WAIT_MS: Final = 10
_SILENCE_S: Final = 60.0
"""Nothing for so long, before the end, says that the broker is away."""


class PartitionLog:
    """The committed records of one partition. A context manager.

    The end is where the broker says that the partition ends, never the last record's offset:
    transaction markers leave holes.
    """

    def __init__(
        self, settings: Settings, topic: str, partition: int, *, end: int | None = None
    ) -> None:
        """`topic` is the full name; without an `end`, the one it has now. Raises `Unavailable`."""
        self.topic: Final = topic
        self.partition: Final = partition
        # The end behind a transaction marker shows when a fetch finds nothing more.
        self._client: Final[Consumer] = reader(
            settings,
            enable_partition_eof=True,
            fetch_wait_max_ms=_FETCH_WAIT_MS,
            logger=LOGGER,
        )
        self.start, now = self._watermarks()
        self.end = now if end is None else min(end, now)
        self.position = self.start

    def __enter__(self) -> "PartitionLog":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def extend(self) -> None:
        """Move the end to where the partition ends now."""
        _, self.end = self._watermarks()

    def records(self) -> Iterator[Message]:
        """The records from the position on; the position moves with each.

        Raises `Unavailable` if the broker falls silent.
        """
        if self.position >= self.end:
            return
        self._client.assign([TopicPartition(self.topic, self.partition, self.position)])
        heard_at = time.monotonic()
        while self.position < self.end:
            messages = self._client.consume(_BATCH, _POLL_S)
            if messages:
                yield from self._before_end(messages)
                heard_at = time.monotonic()
            elif time.monotonic() - heard_at > _SILENCE_S:
                raise Unavailable(f"{self.topic} [{self.partition}]: the broker is silent")
        self._client.unassign()

    def _before_end(self, messages: list[Message]) -> Iterator[Message]:
        for message in messages:
            error, offset = message.error(), message.offset()
            if error is None:
                assert offset is not None
                if offset >= self.end:
                    # A record of a later transaction; everything before the end was seen.
                    self.position = self.end
                    return
                self.position = offset + 1
                yield message
            elif error.code() == KafkaError._PARTITION_EOF:
                assert offset is not None
                self.position = max(self.position, offset)
            elif error.fatal() or not error.retriable():
                raise Unavailable(f"{self.topic} [{self.partition}]: {error.str()}")

    def _watermarks(self) -> tuple[int, int]:
        place = TopicPartition(self.topic, self.partition)
        try:
            return span(self._client, place)
        except KafkaException as error:
            self._client.close()
            raise Unavailable(f"{self.topic} [{self.partition}]: {error.args[0].str()}") from error


def offset_of(record: Message) -> int:
    """The offset of a record that was read."""
    offset = record.offset()
    assert offset is not None
    return offset


def value_of(record: Message) -> bytes:
    """The value of a record; no bytes where it has none."""
    value = record.value()
    return value if isinstance(value, bytes) else b""
