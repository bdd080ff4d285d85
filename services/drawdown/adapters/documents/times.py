"""Instants and durations as people write them ↔ integer UTC microseconds."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_UNITS_US: Final = {
    "us": 1,
    "ms": 1_000,
    "s": 1_000_000,
    "m": 60_000_000,
    "h": 3_600_000_000,
    "d": 86_400_000_000,
}
_DURATION: Final = re.compile(r"(\d+)\s*(us|ms|s|m|h|d)")


def parse_time(value: object) -> int:
    """An ISO 8601 instant with a zone, or an integer of microseconds, as microseconds.

    A fraction of a second beyond six digits is cut. Raises `ValueError`.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    try:
        instant = datetime.fromisoformat(str(value))
    except ValueError as error:
        raise ValueError(
            f"{value!r} is no time: write 2026-01-31T12:00:00Z or integer microseconds"
        ) from error
    if instant.tzinfo is None:
        raise ValueError(f"{value!r} has no zone: write {value}Z if it is UTC")
    return (instant - _EPOCH) // _MICROSECOND


def format_time(us: int) -> str:
    """Microseconds as ISO 8601 in UTC; an instant outside the years 1–9999 stays a number."""
    try:
        instant = _EPOCH + timedelta(microseconds=us)
    except OverflowError:
        return str(us)
    return instant.isoformat().removesuffix("+00:00") + "Z"


def parse_duration(value: object) -> int:
    """`90s`, `5m`, `24h`, `30d` or an integer of microseconds, as microseconds.

    Raises `ValueError`.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    found = _DURATION.fullmatch(str(value).strip())
    if found is None:
        raise ValueError(f"{value!r} is no duration: write 90s, 5m, 24h or 30d")
    return int(found[1]) * _UNITS_US[found[2]]


def format_duration(us: int) -> str:
    """Microseconds in the largest unit that divides them."""
    for unit, size in reversed(_UNITS_US.items()):
        if us % size == 0 and us:
            return f"{us // size}{unit}"
    return "0s"
