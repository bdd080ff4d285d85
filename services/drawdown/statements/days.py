"""The days of a report, as they are asked for: a month, or from one day to another."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from drawdown.adapters.zones import zone_named
from drawdown.errors import UsageError
from drawdown.settings import Settings
from drawdown.statements.months import month_of
from drawdown.statements.rollforward import Span

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def span_of(month: str, start: str, until: str, customer_id: str, settings: Settings) -> Span:
    """The days of a month, or from `start` to `until`, which counts; none named: this month.

    Raises `UsageError`, `InvalidSetting`.
    """
    zone = zone_named(settings.reporting_zone)
    if start or until:
        if month or not (start and until):
            raise UsageError("say --month MONTH, or both --from DAY and --to DAY")
        first, last = day_named(start, "--from"), day_named(until, "--to")
        if first > last:
            raise UsageError("--to is before --from")
        return Span(start=first, until=last + timedelta(days=1), customer_id=customer_id)
    chosen = month_of(month or datetime.now(UTC).astimezone(zone).strftime("%Y-%m"), zone)
    first = date.fromisoformat(f"{chosen.name}-01")
    following = (first + timedelta(days=31)).replace(day=1)
    return Span(start=first, until=following, customer_id=customer_id)


def day_named(text: str, option: str) -> date:
    """The day that an option names. Raises `UsageError`."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{option}: {text!r} is no day: write 2026-11-30") from error


def closing_instant(day: date, settings: Settings) -> int:
    """The moment (µs) at which a day of the reporting zone begins."""
    midnight = datetime.combine(day, time(), zone_named(settings.reporting_zone))
    return (midnight - _EPOCH) // _MICROSECOND
