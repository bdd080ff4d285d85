"""Time, for what waits and measures; never for what is decided.

Loops and clients take a `Clock` rather than ask the machine, so that a simulator can run them by a
time of its own.
"""

import time
from typing import Final, Protocol


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
