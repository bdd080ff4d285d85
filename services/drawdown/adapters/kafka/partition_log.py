"""One partition of a topic, read in order from its start to an end that is known beforehand."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from drawdown.adapters.kafka.clients import consumer
from drawdown.adapters.kafka.positions import span
from drawdown.adapters.kafka.quiet import LOGGER
from drawdown.adapters.kafka.records import is_barrier, offset_of, value_of
from drawdown.adapters.topics import OUTPUTS
from drawdown.clock import SYSTEM, Clock
from drawdown.errors import Unavailable
from drawdown.settings import Settings

__all__ = ["PartitionLog", "log_client", "offset_of", "value_of"]

_BATCH: Final = 5_000
_POLL_S: Final = 0.05
"""`consume` waits this long for a whole batch, also where the log ends before it is full."""
_FETCH_WAIT_MS: Final = 10
_SILENCE_S: Final = 60.0
"""Nothing for so long, before the end, says that the broker is away."""


class PartitionLog:
    """The committed records of one partition. A context manager.

    The end is where the broker says that the partition ends, never the last record's offset:
    transaction markers leave holes. Barriers in the ledger's outputs are skipped.
    """

    def __init__(
        self,
        settings: Settings,
        topic: str,
        partition: int,
        *,
        begin: int | None = None,
        end: int | None = None,
        client: Consumer | None = None,
        clock: Clock = SYSTEM,
    ) -> None:
        """`topic` is the full name; without a `begin`, all that is retained; without an `end`, the
        one it has now. Raises `Unavailable`.

        A `client` of `log_client` reads one log after another, and is closed by its owner.
        """
        self.topic: Final = topic
        self.partition: Final = partition
        self._is_output: Final = topic in {settings.topic(name) for name in OUTPUTS}
        self._owned: Final = client is None
        self._clock: Final = clock
        self._client: Final = client or log_client(settings, settings.group("readers"))
        self.start, now = self._watermarks()
        self.end = now if end is None else min(end, now)
        self.position = self.start if begin is None else max(begin, self.start)

    def __enter__(self) -> "PartitionLog":
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def extend(self) -> None:
        """Move the end to where the partition ends now."""
        _, self.end = self._watermarks()

    def records(self) -> Iterator[Message]:
        """The records from the position on; the position moves with each.

        Raises `Unavailable` if the broker falls silent.
        """
        for messages in self._consumed():
            yield from self._before_end(messages)

    def batches(self) -> Iterator[list[Message]]:
        """The same, as many at a time as there are; the position is behind them."""
        for messages in self._consumed():
            found = list(self._before_end(messages))
            if found:
                yield found

    def next(self, at_most: int, *, within_s: float) -> list[Message]:
        """The next records, as soon as there are any: so many at most; none: this is the end.

        Raises `Unavailable` if the broker is silent for so long.
        """

        def soon() -> list[Message]:
            # A batch is waited for until it is full: first for one record, then what came with it.
            return self._client.consume(1, _POLL_S) + self._client.consume(at_most - 1, 0.0)

        for messages in self._consumed(soon, within_s):
            if found := list(self._before_end(messages)):
                self._client.unassign()
                return found
        return []

    def _consumed(
        self, take: Callable[[], list[Message]] | None = None, silence_s: float = _SILENCE_S
    ) -> Iterator[list[Message]]:
        """What the client hands out from the position on, until that comes to the end."""
        if self.position >= self.end:
            return
        take = take or partial(self._client.consume, _BATCH, _POLL_S)
        self._client.assign([TopicPartition(self.topic, self.partition, self.position)])
        heard_at = self._clock.monotonic()
        while self.position < self.end:
            if messages := take():
                yield messages
                heard_at = self._clock.monotonic()
            elif self._clock.monotonic() - heard_at > silence_s:
                raise self._silent()
        self._client.unassign()

    def _silent(self) -> Unavailable:
        return Unavailable(f"{self.topic} [{self.partition}]: the broker is silent")

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
                if not (self._is_output and is_barrier(message)):
                    yield message
            elif error.code() == KafkaError._PARTITION_EOF:
                assert offset is not None
                self.position = max(self.position, offset)
            elif error.fatal() or not error.retriable():
                raise Unavailable(f"{self.topic} [{self.partition}]: {error.str()}")

    def _watermarks(self) -> tuple[int, int]:
        place = TopicPartition(self.topic, self.partition)
        try:
            return span(self._client, place, self._clock)
        except KafkaException as error:
            self._close()
            raise Unavailable(f"{self.topic} [{self.partition}]: {error.args[0].str()}") from error

    def _close(self) -> None:
        if self._owned:
            self._client.close()


def log_client(settings: Settings, group: str, **options: object) -> Consumer:
    """A client for `PartitionLog`; of the group it can only be asked what it has committed.
    Options are librdkafka's, dots as underscores."""
    return consumer(
        settings,
        group=group,
        # The end behind a transaction marker shows when a fetch finds nothing more.
        enable_partition_eof=True,
        fetch_wait_max_ms=_FETCH_WAIT_MS,
        logger=LOGGER,
        **options,
    )
