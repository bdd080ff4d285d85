"""Time, for what waits and measures; never for what is decided.

Loops and clients take a `Clock` rather than ask the machine, so that a simulator can run them by a
time of its own.
"""

import time
from typing import Final, Protocol

from drawdown.domain.numbers import SECOND_US
from drawdown.errors import Unavailable

STEP_S: Final = 5.0
"""What a clock is moved by in one go that is merely kept right is less."""


class Clock(Protocol):
    """What tells the time to a loop."""

    def monotonic(self) -> float:
        """Seconds since some moment; never goes back."""

    def now_us(self) -> int:
        """The time of day, in UTC microseconds; may jump when the machine's clock is set."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


class SystemClock:
    """This machine's clock."""

    def monotonic(self) -> float:
        """Seconds since some moment."""
        return time.monotonic()

    def now_us(self) -> int:
        """The time of day, in UTC microseconds."""
        return time.time_ns() // 1_000

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


SYSTEM: Final[Clock] = SystemClock()


class Steadiness:
    """Notices when the time of day is set back while a process runs.

    librdkafka waits until a time of day: set back by an hour, a client of the broker may sleep for
    an hour, and say nothing. New clients count from the time as it is now. Set forward, as it looks
    when a machine was suspended, waits only end early.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock: Final = clock
        self._apart_s = self._apart()

    def look(self) -> None:
        """Raises `Unavailable` where it was set back since the last look."""
        before, self._apart_s = self._apart_s, self._apart()
        step_s = self._apart_s - before
        if step_s < -STEP_S:
            raise Unavailable(
                f"this machine's clock was set back by {-step_s:.0f} s, and clients of the broker "
                "wait until a time of day: this process ends, start it again"
            )

    def _apart(self) -> float:
        return self._clock.now_us() / SECOND_US - self._clock.monotonic()
