"""Where partitions end for those who read what is committed, asked of the broker.

Apart from consumers: a question to one waits for its fetch, which stands at the broker until
something comes, and whoever consumes meanwhile waits for the question.
"""

import time
from contextlib import suppress
from typing import Any, Final, Protocol

from confluent_kafka import IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import OffsetSpec  # type: ignore[attr-defined]

from drawdown.adapters.kafka.clients import admin
from drawdown.adapters.kafka.contacts import Client
from drawdown.settings import Settings

LATEST: Final = OffsetSpec.latest()  # type: ignore[no-untyped-call]
_LEAST_S: Final = 0.01


class Offsets(Client, Protocol):
    """Where partitions end; `StableOffsets` asks the broker. For use by several threads."""

    def last_stable(self, topic: str, partition: int, within_s: float) -> int: ...


class StableOffsets:
    """Asks the broker. For use by several threads: no question waits for another."""

    def __init__(self, settings: Settings) -> None:
        self._client = admin(settings)

    def last_stable(self, topic: str, partition: int, within_s: float) -> int:
        """The last stable offset of a partition: what stands before it is decided.

        `topic` is the full name. Raises `KafkaException`, also where no answer comes in time.
        """
        deadline = time.monotonic() + within_s
        with suppress(KafkaException):
            return self._asked(topic, partition, within_s / 2)
        # librdkafka goes on asking the broker that led the partition at first, be it gone: it takes
        # "not the leader" for an answer, and learns of leaders only when metadata are read.
        self._client.list_topics(topic, timeout=max(deadline - time.monotonic(), _LEAST_S))
        return self._asked(topic, partition, max(deadline - time.monotonic(), _LEAST_S))

    def list_topics(self, topic: str = "", timeout: float = -1) -> Any:
        """What the client knows of a topic."""
        return self._client.list_topics(topic, timeout=timeout)

    def _asked(self, topic: str, partition: int, within_s: float) -> int:
        place = TopicPartition(topic, partition)
        answers = self._client.list_offsets(
            {place: LATEST},
            isolation_level=IsolationLevel.READ_COMMITTED,
            request_timeout=within_s,
        )
        offset = int(answers[place].result().offset)
        if offset < 0:
            # So it answers, without an error, for a leader that it doesn't reach.
            raise KafkaException(KafkaError(KafkaError.LEADER_NOT_AVAILABLE))
        return offset
