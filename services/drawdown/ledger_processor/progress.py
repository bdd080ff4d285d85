"""How far the recovery of a partition has come: in the log, as a metric, and when to leave off."""

from typing import Final

import structlog

from drawdown.clock import Clock
from drawdown.errors import RetryableError
from drawdown.metrics import RECOVERY_LEFT, RECOVERY_RATE

LOG_INTERVAL_S: Final = 5.0

_log = structlog.get_logger()


class Abandoned(RetryableError):
    """The partition isn't wanted here any more; its recovery left off."""


class Progress:
    """Told by one recovery, in its thread; `abandon` is another thread's."""

    def __init__(self, number: int, clock: Clock) -> None:
        self._number: Final = number
        self._clock: Final = clock
        self._began_at: Final = clock.monotonic()
        self._said_at = self._began_at
        self._abandoned = False

    def abandon(self) -> None:
        """Make the recovery leave off where it next tells of itself."""
        self._abandoned = True

    def go_on(self) -> None:
        """Raises `Abandoned` if it should leave off."""
        if self._abandoned:
            RECOVERY_LEFT.labels(str(self._number)).set(0)
            raise Abandoned(f"partition {self._number} isn't wanted here any more")

    def __call__(self, folded: int, total: int) -> None:
        """So many of the ledger's records are folded. Raises `Abandoned` if that's enough."""
        self.go_on()
        now = self._clock.monotonic()
        rate = folded / max(0.001, now - self._began_at)
        RECOVERY_LEFT.labels(str(self._number)).set(max(0, total - folded))
        RECOVERY_RATE.labels(str(self._number)).set(rate)
        if now - self._said_at >= LOG_INTERVAL_S:
            self._said_at = now
            _log.info(
                "recovering",
                partition=self._number,
                folded=folded,
                total=total,
                per_second=round(rate),
            )
