"""Notices a partition of which a consumer hears nothing, though there is something to hear.

After a broker was killed, a client of librdkafka has been seen not to fetch some of its partitions
any more, for as long as it lived, while it was polled and others of its partitions went on. A new
client reads them. What says that there is something to hear are records, and of a partition that
was never heard of its end, which the client tells in any case.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from confluent_kafka import KafkaException, Message

from drawdown.adapters.kafka.records import offset_of
from drawdown.adapters.kafka.stable_offsets import Offsets
from drawdown.clock import Clock
from drawdown.errors import Unavailable

DEAF_S: Final = 60.0
"""Longer than a broker takes to come back, and than what a client has fetched takes to be read."""
_EVERY_S: Final = 1.0
_STOOD_STILL_S: Final = 10.0
"""Who didn't look for so long couldn't hear either."""


class Hearing:
    """One topic's partitions that a consumer reads, and how far each was heard."""

    def __init__(self, offsets: Offsets, topic: str, clock: Clock, *, within_s: float) -> None:
        """`offsets` answer within so many seconds, and by another client than the consumer, which
        may be deaf; `topic` is the full name."""
        self._offsets: Final = offsets
        self._topic: Final = topic
        self._within_s: Final = within_s
        self._clock: Final = clock
        self._next: Final[dict[int, int]] = {}
        self._heard_at: Final[dict[int, float]] = {}
        self._unheard: Final[dict[int, int]] = {}
        """Partitions of which nothing has come yet, not even an end, and how often the broker
        answered meanwhile: it may have come back only just before."""
        self._looked_at = clock.monotonic()

    def reads(self, number: int, offset: int) -> None:
        """A partition is read from this offset on."""
        self._next[number] = offset
        self._heard_at[number] = self._clock.monotonic()
        self._unheard[number] = 0

    def next_offset(self, number: int) -> int | None:
        """Behind what was heard of a partition; None where it isn't read."""
        return self._next.get(number)

    def ends(self, numbers: Iterable[int]) -> None:
        """These aren't read any more."""
        for number in numbers:
            self._next.pop(number, None)
            self._heard_at.pop(number, None)
            self._unheard.pop(number, None)

    def heard(self, batches: Mapping[int, Sequence[Message]], ended: Mapping[int, int]) -> None:
        """Records have come, by partition, and ends of partitions, by their offsets."""
        for number, batch in batches.items():
            self._note(number, offset_of(batch[-1]) + 1)
        for number, offset in ended.items():
            self._note(number, offset)

    def _note(self, number: int, offset: int) -> None:
        # What was fetched before the partition was taken away may still be handed out.
        if number in self._next:
            self._next[number] = max(offset, self._next[number])
            self._heard_at[number] = self._clock.monotonic()
            self._unheard.pop(number, None)

    def look(self, resting: Collection[int] = ()) -> None:
        """Raises `Unavailable` where nothing is heard of a partition that goes on.

        `resting` are those that aren't to be heard of for now.
        """
        now = self._clock.monotonic()
        since_s = now - self._looked_at
        if since_s < _EVERY_S:
            return
        self._looked_at = now
        quiet = list(self._heard_at) if since_s > _STOOD_STILL_S else resting
        self._heard_at.update((number, now) for number in quiet if number in self._heard_at)
        for number, heard_at in self._heard_at.items():
            if now - heard_at > DEAF_S:
                self._ask(number, now)
                # One question at a time.
                return

    def _ask(self, number: int, now: float) -> None:
        self._heard_at[number] = now
        try:
            [end] = self._offsets.last_stable([self._topic], number, self._within_s)
        except KafkaException:
            return
        said = f"though it goes on to {end}" if end > self._next[number] else ""
        if number in self._unheard:
            self._unheard[number] += 1
            if not said and self._unheard[number] > 1:
                said = "not even that it ends there"
        if said:
            raise Unavailable(
                f"nothing was heard of {self._topic} [{number}] for {DEAF_S:.0f} s behind offset "
                f"{self._next[number]}, {said}: this process ends, start it again"
            )
