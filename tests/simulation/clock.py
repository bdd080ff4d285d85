"""Time that only the simulator moves."""

from typing import Final

START_US: Final = 1_767_225_600_000_000
"""2026-01-01T00:00:00Z."""


class Time:
    """The one true time: seconds since the start of the seed."""

    def __init__(self) -> None:
        self.elapsed_us = 0

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.elapsed_us += int(seconds * 1_000_000)


class MachineClock:
    """A machine's clock: monotonic as time is, and a time of day that may be wrong."""

    def __init__(self, time: Time) -> None:
        self._time = time
        self.wrong_us = 0

    def monotonic(self) -> float:
        """Seconds since the start, and some that went before it."""
        return 1_000 + self._time.elapsed_us / 1_000_000

    def now_us(self) -> int:
        """The time of day as this machine sees it, in µs."""
        return START_US + self._time.elapsed_us + self.wrong_us

    def sleep(self, seconds: float) -> None:
        """Nobody else runs meanwhile."""
        self._time.advance(seconds)
