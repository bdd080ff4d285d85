"""Where partitions end for those who read what is committed, asked of the broker.

Apart from the consumers that read: a question to one waits for its fetch, which stands at the
broker until something comes, and whoever consumes meanwhile waits for the question.
"""

import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final, Protocol

from confluent_kafka import OFFSET_END, KafkaError, KafkaException, TopicPartition

from drawdown.adapters.kafka.clients import reader
from drawdown.adapters.kafka.contacts import Client
from drawdown.settings import Settings

_LEAST_S: Final = 0.01


class Offsets(Client, Protocol):
    """Where partitions end; `StableOffsets` asks the broker. For use by several threads."""

    def last_stable(self, topics: Sequence[str], partition: int, within_s: float) -> list[int]: ...


class StableOffsets:
    """Asks the broker, by a committed-only consumer that reads nothing. For use by several threads:
    no question waits for another."""

    def __init__(self, settings: Settings) -> None:
        # It is never polled, so what a logger of its own was told would only pile up.
        self._client = reader(settings)

    def last_stable(self, topics: Sequence[str], partition: int, within_s: float) -> list[int]:
        """The last stable offset of a partition of each topic: what stands before it is decided.

        `topics` are full names. Raises `KafkaException`, also where no answer comes in time.
        """
        deadline = time.monotonic() + within_s
        with suppress(KafkaException):
            return self._asked(topics, partition, within_s / 2)
        for topic in topics:
            # Who leads a partition now, the client learns when metadata are read.
            self.list_topics(topic, timeout=max(deadline - time.monotonic(), _LEAST_S))
        return self._asked(topics, partition, max(deadline - time.monotonic(), _LEAST_S))

    def list_topics(self, topic: str = "", timeout: float = -1) -> Any:
        """What the client knows of a topic."""
        return self._client.list_topics(topic, timeout=timeout)

    def _asked(self, topics: Sequence[str], partition: int, within_s: float) -> list[int]:
        # One call, in which the client waits without the interpreter's lock.
        answers = self._client.offsets_for_times(
            [TopicPartition(topic, partition, OFFSET_END) for topic in topics], timeout=within_s
        )
        for answer in answers:
            if answer.error is not None:
                raise KafkaException(answer.error)
            if answer.offset < 0:
                raise KafkaException(KafkaError(KafkaError.LEADER_NOT_AVAILABLE))
        return [int(answer.offset) for answer in answers]
