"""Notices a member of a group that was left without partitions, and never hears of the group again.

A client whose session ended while calls to the broker failed has been seen not to join again: it
goes on being polled, says nothing, and the group stays empty.
"""

from typing import Final

from confluent_kafka import KafkaException

from drawdown.adapters.kafka.clients import POLL_INTERVAL_MAX_MS, SESSION_TIMEOUT_MS
from drawdown.adapters.kafka.stable_offsets import Offsets
from drawdown.clock import Clock
from drawdown.errors import Unavailable

SILENT_S: Final = (POLL_INTERVAL_MAX_MS + 2 * SESSION_TIMEOUT_MS) / 1_000
"""Longer than a group waits for its slowest member before it says who gets what."""
_STOOD_STILL_S: Final = 10.0
"""Who didn't look for so long couldn't hear either."""


class Silence:
    """Counts from when the last partition was taken away to the group's next word."""

    def __init__(self, offsets: Offsets, topic: str, clock: Clock, *, within_s: float) -> None:
        """`offsets` answer within so many seconds, and by another client than the member, which may
        be deaf; `topic` is any, by its full name."""
        self._offsets: Final = offsets
        self._topic: Final = topic
        self._within_s: Final = within_s
        self._clock: Final = clock
        self._since: float | None = None
        self._looked_at = clock.monotonic()

    def taken(self, left: int) -> None:
        """Partitions were taken away, and so many are left."""
        self._since = None if left else self._clock.monotonic()

    def assigned(self) -> None:
        """The group has said what this member gets, be it nothing."""
        self._since = None

    def look(self) -> None:
        """Raises `Unavailable` where the group has been silent for too long, and the broker isn't.

        While the broker doesn't answer either, there is nothing that a new client could do better.
        """
        now = self._clock.monotonic()
        looked_at, self._looked_at = self._looked_at, now
        if self._since is not None and now - looked_at > _STOOD_STILL_S:
            self._since += now - max(looked_at, self._since)
        if self._since is None or now - self._since <= SILENT_S:
            return
        try:
            self._offsets.last_stable([self._topic], 0, self._within_s)
        except KafkaException:
            self._since = self._clock.monotonic()
            return
        raise Unavailable(
            f"the group took all partitions away and has said nothing for {SILENT_S:.0f} s, though "
            "the broker answers: this process ends, start it again"
        )
