"""Periods: when recurring grants are due. Days, weeks, months and years in UTC."""

from calendar import monthrange, timegm
from datetime import UTC, datetime
from typing import Final

from drawdown.domain.entries import RecurringGrant
from drawdown.domain.numbers import DAY_US, SECOND_US

_LENGTH_US: Final = {"day": DAY_US, "week": 7 * DAY_US}
_MONTHS: Final = {"month": 1, "year": 12}


def start_of(grant: RecurringGrant, number: int) -> int:
    """The start (µs) of the period `number` periods after the anchor's.

    Months and years keep the anchor's day, or take the month's last: 31 → 28 → 31.
    """
    length = _LENGTH_US.get(grant.period)
    if length is not None:
        return grant.anchor + number * grant.every * length
    seconds, rest = divmod(grant.anchor, SECOND_US)
    anchor = datetime.fromtimestamp(seconds, UTC)
    months = anchor.year * 12 + anchor.month - 1 + number * grant.every * _MONTHS[grant.period]
    year, month = divmod(months, 12)
    day = min(anchor.day, monthrange(year, month + 1)[1])
    moved = anchor.replace(year=year, month=month + 1, day=day)
    return timegm(moved.timetuple()) * SECOND_US + rest


def next_start(grant: RecurringGrant, since: int, after: int) -> int:
    """The first start of a period that is at or after `since` and the anchor, and after `after`."""
    least = max(since, grant.anchor, after + 1)
    low = 0
    high = 1
    while start_of(grant, high) < least:
        low, high = high, high * 2
    if start_of(grant, low) >= least:
        return start_of(grant, low)
    while high - low > 1:
        middle = (low + high) // 2
        if start_of(grant, middle) < least:
            low = middle
        else:
            high = middle
    return start_of(grant, high)


def period_end(grant: RecurringGrant, start: int) -> int:
    """The start of the period that follows the one that starts at `start`."""
    return next_start(grant, 0, start)


def month_of(at: int) -> str:
    """The UTC month of an instant in microseconds, as `2026-01`."""
    return datetime.fromtimestamp(at // SECOND_US, UTC).strftime("%Y-%m")


def iso_of(at: int) -> str:
    """An instant in microseconds as ISO 8601, for ids that people read."""
    seconds, rest = divmod(at, SECOND_US)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{rest:06}Z" if rest else f"{text}Z"
