"""Where partitions end for those who read what is committed, asked of the broker.

Apart from consumers: a question to one waits for its fetch, which stands at the broker until
something comes, and whoever consumes meanwhile waits for the question.
"""

from typing import Final

from confluent_kafka import IsolationLevel, TopicPartition
from confluent_kafka.admin import OffsetSpec  # type: ignore[attr-defined]

from drawdown.adapters.kafka.clients import admin
from drawdown.settings import Settings

LATEST: Final = OffsetSpec.latest()  # type: ignore[no-untyped-call]


class StableOffsets:
    """Asks the broker. For use by several threads: no question waits for another."""

    def __init__(self, settings: Settings) -> None:
        self._client = admin(settings)

    def last_stable(self, topic: str, partition: int, within_s: float) -> int:
        """The last stable offset of a partition: what stands before it is decided.

        `topic` is the full name. Raises `KafkaException`, also where no answer comes in time.
        """
        place = TopicPartition(topic, partition)
        answers = self._client.list_offsets(
            {place: LATEST},
            isolation_level=IsolationLevel.READ_COMMITTED,
            request_timeout=within_s,
        )
        return int(answers[place].result().offset)
