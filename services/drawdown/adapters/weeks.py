"""ISO weeks in a zone, in which a day may have 23 or 25 hours."""

from datetime import UTC, datetime, time, timedelta
from typing import Final

from drawdown.adapters.zones import zone_named
from drawdown.domain.numbers import DAY_US
from drawdown.domain.reminders import Week

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_WEEKS_END_AT: Final = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND - 14 * DAY_US
"""The calendar ends with the year 9999; a date beyond it lies in no week."""


class Weeks:
    """The weeks of one zone."""

    def __init__(self, zone: str) -> None:
        """Raises `InvalidSetting` for an unknown zone."""
        self._zone: Final = zone_named(zone)

    def __call__(self, at: int) -> Week | None:
        """The week that a moment (µs) lies in; None beyond the calendar's end."""
        if at >= _WEEKS_END_AT:
            return None
        day = (_EPOCH + timedelta(microseconds=at)).astimezone(self._zone).date()
        monday = day - timedelta(days=day.weekday())
        starts_at, ends_at = (
            (datetime.combine(each, time(), self._zone) - _EPOCH) // _MICROSECOND
            for each in (monday, monday + timedelta(days=7))
        )
        year, week, _ = monday.isocalendar()
        return Week(name=f"{year}-W{week:02}", starts_at=starts_at, ends_at=ends_at)
