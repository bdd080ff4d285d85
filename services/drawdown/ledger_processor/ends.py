"""Ends: where an input's partitions were read to their end, and whether that still holds.

What a client says of an end is as old as its fetch, and the process may have stood still since. A
record that has come meanwhile may stand before what the other input's are about to bring about. So
before something that is due is booked because an input has ended, the broker is asked.
"""

from collections.abc import Iterable
from typing import Final

from confluent_kafka import KafkaException

from drawdown.adapters.kafka.stable_offsets import Offsets
from drawdown.clock import Clock
from drawdown.domain.entries import InputTopic
from drawdown.ledger_processor.partition import Deciding

ANSWER_S: Final = 1.0
"""How long the broker's answer is waited for; without one, what is due waits a little longer."""
REST: Final = 10
"""So many times as long as an answer took, no other is asked for: what is due costs a tenth."""


class Ends:
    """The ends of one input's partitions."""

    def __init__(self, offsets: Offsets, topic: str, source: InputTopic, clock: Clock) -> None:
        """`topic` is the input's full name."""
        self._offsets: Final = offsets
        self._topic: Final = topic
        self._source: Final[InputTopic] = source
        self._clock: Final = clock
        self._ends: Final[dict[int, int]] = {}
        self._ask_at = 0.0

    def reached(self, number: int, offset: int) -> None:
        """Every record before this offset, at which the partition ended, has been decided."""
        self._ends[number] = offset

    def forget(self, numbers: Iterable[int]) -> None:
        """There are records of these that haven't been decided, or may be."""
        for number in numbers:
            self._ends.pop(number, None)

    def confirm(self, number: int, decider: Deciding, until_us: int) -> None:
        """Tell the watermark whether this input has ended, for records of the other one that were
        appended by `until_us` (µs) and are decided next."""
        end = self._ends.get(number)
        due = end is not None and decider.ledger.next_due_at() <= until_us
        if end is not None and due and self._stands(number, end):
            decider.watermark.ended(self._source)
        else:
            decider.watermark.waiting(self._source)

    def _stands(self, number: int, end: int) -> bool:
        """Whether the partition still ends there; a doubt is a no."""
        asked_at = self._clock.monotonic()
        if asked_at < self._ask_at:
            return False
        try:
            [now] = self._offsets.last_stable([self._topic], number, ANSWER_S)
        except KafkaException:
            return False
        finally:
            answered_at = self._clock.monotonic()
            # A process that stood still meanwhile needn't rest for that.
            self._ask_at = answered_at + REST * min(answered_at - asked_at, ANSWER_S)
        return now <= end
