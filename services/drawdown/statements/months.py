"""Months and days of the reporting zone, in which a day may have 23 or 25 hours."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from drawdown.errors import UsageError

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_MONTH: Final = re.compile(r"(\d{4})-(\d{2})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """A month of a zone: `[starts_at, ends_at)`, in µs."""

    name: str
    """Such as `2026-11`."""
    starts_at: int
    ends_at: int


def month_of(text: str, zone: ZoneInfo) -> Month:
    """The month that `text` names, such as `2026-11`. Raises `UsageError`."""
    found = _MONTH.fullmatch(text)
    try:
        first = date(int(found[1]), int(found[2]), 1) if found else None
        following = None if first is None else (first + timedelta(days=31)).replace(day=1)
    except (ValueError, OverflowError):
        first = following = None
    if first is None or following is None:
        raise UsageError(f"{text!r} is no month: write 2026-11")
    return Month(name=text, starts_at=_midnight(first, zone), ends_at=_midnight(following, zone))


def day_of(at: int, zone: ZoneInfo) -> str:
    """The day of an instant (µs), as `2026-11-25`."""
    return (_EPOCH + timedelta(microseconds=at)).astimezone(zone).date().isoformat()


def _midnight(day: date, zone: ZoneInfo) -> int:
    return (datetime.combine(day, time(), zone) - _EPOCH) // _MICROSECOND
