"""Usage by meter and hour, and by meter and day, as rows that entries add to."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from drawdown.adapters.postgres.connections import Cursor
from drawdown.adapters.postgres.unnested import Unnested
from drawdown.domain.entries import LedgerEntry
from drawdown.domain.numbers import MINUTE_US, SECOND_US

UsageKey = tuple[str, str, str, int]
"""Customer, unit, meter, quarter of an hour since 1970."""
Totals = dict[UsageKey, list[int]]
"""Events, rated, drawn, overdrawn, overage and uncovered, summed by key."""

_QUARTER_US: Final = 15 * MINUTE_US
"""Every zone's days begin at a whole quarter of an hour UTC."""

_SUMS: Final = ("events", "rated", "drawn", "overdrawn", "overage", "uncovered")


class _Table:
    """A table of sums by customer, unit, meter and period."""

    def __init__(self, name: str, period: str, kind: str) -> None:
        types = {"customer_id": "text", "unit": "text", "meter": "text", period: kind}
        self._rows: Final = Unnested(**types, **dict.fromkeys(_SUMS, "bigint"))
        added = ", ".join(f"{each} = {name}.{each} + excluded.{each}" for each in _SUMS)
        self._add: Final = (
            f"INSERT INTO {name} ({self._rows.names}) SELECT {self._rows.names} "
            f"FROM {self._rows.rows} "
            f"ON CONFLICT (customer_id, unit, meter, {period}) DO UPDATE SET {added}"
        )

    def add(self, cursor: Cursor, totals: Totals, period_of: Callable[[int], str]) -> None:
        """Add sums by quarters to those by longer periods."""
        sums: dict[tuple[str, str, str, str], list[int]] = {}
        for (customer_id, unit, meter, quarter), total in totals.items():
            key = (customer_id, unit, meter, period_of(quarter))
            before = sums.get(key)
            sums[key] = total if before is None else _sum(before, total)
        rows = ((*key, *total) for key, total in sums.items())
        cursor.execute(self._add.encode(), self._rows.arrays(rows))


_DAILY: Final = _Table("usage_daily", "day", "date")
_HOURLY: Final = _Table("usage_hourly", "hour", "timestamp")


class UsageRows:
    """What entries charge, less what they refund.

    Usage counts when it occurred, a refund when it was given.
    """

    def __init__(self) -> None:
        self._totals: Final[Totals] = {}

    def take(self, entries: Sequence[LedgerEntry]) -> None:
        """Take the next entries, by quarters of an hour."""
        totals = self._totals
        for entry in entries:
            facts = entry.facts
            charge = facts.charge
            if charge is None:
                continue
            key = (facts.customer_id, facts.unit, charge.meter, facts.occurred_at // _QUARTER_US)
            total = totals.get(key)
            if total is None:
                total = totals[key] = [0] * 6
            # A refund gives back credits of usage that happened; a capture without usage is none.
            total[0] += facts.type == "deduction"
            total[1] += charge.rated
            total[2] += charge.rated - charge.overdrawn - charge.overage - charge.uncovered
            total[3] += charge.overdrawn
            total[4] += charge.overage
            total[5] += charge.uncovered

    def write(self, cursor: Cursor, zone: ZoneInfo) -> None:
        """Add it up by hours UTC, and by days of `zone`."""
        if self._totals:
            _HOURLY.add(cursor, self._totals, _hour)
            _DAILY.add(cursor, self._totals, lambda quarter: _day(quarter, zone))


def _sum(one: list[int], other: list[int]) -> list[int]:
    return [a + b for a, b in zip(one, other, strict=True)]


def _at(quarter: int) -> datetime:
    return datetime.fromtimestamp(quarter * (_QUARTER_US // SECOND_US), UTC)


@lru_cache(maxsize=4_096)
def _hour(quarter: int) -> str:
    return _at(quarter).strftime("%Y-%m-%d %H:00:00")


@lru_cache(maxsize=4_096)
def _day(quarter: int, zone: ZoneInfo) -> str:
    return _at(quarter).astimezone(zone).date().isoformat()
