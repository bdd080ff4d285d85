"""Days: on which day of the reporting zone an amount falls."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from drawdown.domain.numbers import MINUTE_US, SECOND_US

_QUARTER_US: Final = 15 * MINUTE_US
"""Every zone's days begin at a whole quarter of an hour UTC."""


class OpenDays:
    """The days of a zone that are open: those that end after `closed_until` (µs)."""

    def __init__(self, zone: ZoneInfo, closed_until: int) -> None:
        self._zone = zone
        self.closed_until = closed_until
        """Moves on with each period that is closed."""

    def of(self, effective_at: int) -> str:
        """The day (ISO 8601) of an instant, or the first open one."""
        at = effective_at if effective_at > self.closed_until else self.closed_until
        return _day(at // _QUARTER_US, self._zone)


@lru_cache(maxsize=8_192)
def _day(quarter: int, zone: ZoneInfo) -> str:
    at = datetime.fromtimestamp(quarter * (_QUARTER_US // SECOND_US), UTC)
    return at.astimezone(zone).date().isoformat()
