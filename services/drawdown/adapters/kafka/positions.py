"""How far the readers of a namespace's topics are."""

from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from drawdown.adapters.kafka.clients import consumer
from drawdown.adapters.kafka.quiet import LOGGER
from drawdown.adapters.kafka.topics import TIMEOUT_S
from drawdown.adapters.topics import load_topics
from drawdown.clock import SYSTEM, Clock
from drawdown.errors import Unavailable
from drawdown.settings import Settings

READERS: Final = {
    "usage-events": ("ledger_processor",),
    "ledger-commands": ("ledger_processor",),
    "ledger-entries": ("balance_projector", "expiration_projector", "revenue_projector"),
}
"""The services that read a topic to its end."""
_NOBODY: Final = "readers"
_LEADER_S: Final = 15.0
_NO_LEADER_YET: Final = frozenset(
    (
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._UNKNOWN_PARTITION,
    )
)
"""The client marks none of them as retriable here."""
_LEADER_POLL_S: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """A topic, and how many of its records one of its readers hasn't got to.

    Both count offsets, so transaction markers are included. `lag` is None where no service reads
    the topic to its end, or none has committed a position.
    """

    topic: str
    partitions: int
    records: int
    group: str
    lag: int | None


class Positions:
    """Looks positions up; joins no group. Raises `Unavailable` if the broker doesn't answer."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._clients: dict[str, Consumer] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    def backlogs(self) -> list[Backlog]:
        """The namespace's topics that exist, each once for each service that reads it."""
        try:
            existing = self._client(_NOBODY).list_topics(timeout=TIMEOUT_S).topics
        except KafkaException as error:
            raise _unavailable(error) from error
        names = {self._settings.topic(name): name for name in load_topics()}
        found: list[Backlog] = []
        for full, name in names.items():
            if full in existing:
                spans = self._spans(full, len(existing[full].partitions))
                found += [self._backlog(full, spans, each) for each in READERS.get(name, ("",))]
        return found

    def backlog(self, name: str, partitions: int, service: str) -> Backlog:
        """One topic, by its short name, with so many partitions, as read by a service or none."""
        topic = self._settings.topic(name)
        return self._backlog(topic, self._spans(topic, partitions), service)

    def _spans(self, topic: str, partitions: int) -> list[tuple[int, int]]:
        """The first offset of each partition and the one after its last."""
        client = self._client(_NOBODY)
        try:
            return [span(client, TopicPartition(topic, each)) for each in range(partitions)]
        except KafkaException as error:
            raise _unavailable(error) from error

    def _backlog(self, topic: str, spans: list[tuple[int, int]], service: str) -> Backlog:
        places = [TopicPartition(topic, each) for each in range(len(spans))]
        client = self._client(service or _NOBODY)
        try:
            read = [place.offset for place in client.committed(places, timeout=TIMEOUT_S)]
        except KafkaException as error:
            raise _unavailable(error) from error
        lag = None
        if service and any(offset >= 0 for offset in read):
            lag = sum(
                max(0, high - max(low, got)) for (low, high), got in zip(spans, read, strict=True)
            )
        return Backlog(
            topic=topic,
            partitions=len(spans),
            records=sum(high - low for low, high in spans),
            group=self._settings.group(service) if service else "",
            lag=lag,
        )

    def _client(self, service: str) -> Consumer:
        if service not in self._clients:
            group = self._settings.group(service)
            self._clients[service] = consumer(self._settings, group=group, logger=LOGGER)
        return self._clients[service]


def span(client: Consumer, place: TopicPartition, clock: Clock = SYSTEM) -> tuple[int, int]:
    """The first offset of a partition and the one after its last.

    A partition that was created a moment ago has no leader yet: it is asked again. Raises
    `KafkaException` when that doesn't help.
    """
    deadline = clock.monotonic() + _LEADER_S
    while True:
        try:
            low, high = client.get_watermark_offsets(place, timeout=TIMEOUT_S)
            return int(low), int(high)
        except KafkaException as error:
            if error.args[0].code() not in _NO_LEADER_YET or clock.monotonic() > deadline:
                raise
            clock.sleep(_LEADER_POLL_S)


def _unavailable(error: KafkaException) -> Unavailable:
    return Unavailable(f"the broker doesn't answer: {error.args[0].str()}")
