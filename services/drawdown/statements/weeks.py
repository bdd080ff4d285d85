"""ISO weeks in a zone, in which a day may have 23 or 25 hours."""

from datetime import UTC, datetime, time, timedelta

from drawdown.domain.reminders import Week
from drawdown.statements.months import zone_named

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def weeks_between(start: int, until: int, zone: str) -> list[Week]:
    """The weeks whose Monday begins in `[start, until)` (µs). Raises `InvalidSetting`."""
    local = zone_named(zone)
    day = (_EPOCH + timedelta(microseconds=start)).astimezone(local).date()
    monday = day - timedelta(days=day.weekday())
    found: list[Week] = []
    while True:
        begins, ends = (
            (datetime.combine(each, time(), local) - _EPOCH) // _MICROSECOND
            for each in (monday, monday + timedelta(days=7))
        )
        if begins >= until:
            return found
        if begins >= start:
            year, week, _ = monday.isocalendar()
            found.append(Week(name=f"{year}-W{week:02}", starts_at=begins, ends_at=ends))
        monday += timedelta(days=7)
