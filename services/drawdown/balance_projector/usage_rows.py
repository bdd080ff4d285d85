"""Usage by meter and day, as rows that entries add to."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from drawdown.adapters.postgres.connections import Cursor
from drawdown.adapters.postgres.unnested import Unnested
from drawdown.domain.entries import LedgerEntry
from drawdown.domain.numbers import MINUTE_US, SECOND_US

UsageKey = tuple[str, str, str, str]
"""Customer, unit, meter, day (ISO 8601)."""

_QUARTER_US: Final = 15 * MINUTE_US
"""Every zone's days begin at a whole quarter of an hour UTC."""

_USAGE: Final = Unnested(
    customer_id="text",
    unit="text",
    meter="text",
    day="date",
    events="bigint",
    rated="bigint",
    drawn="bigint",
    overdrawn="bigint",
    overage="bigint",
    uncovered="bigint",
)
_ADD: Final = f"""
INSERT INTO usage_daily ({_USAGE.names}) SELECT {_USAGE.names} FROM {_USAGE.rows}
ON CONFLICT (customer_id, unit, meter, day) DO UPDATE SET
    events = usage_daily.events + excluded.events, rated = usage_daily.rated + excluded.rated,
    drawn = usage_daily.drawn + excluded.drawn,
    overdrawn = usage_daily.overdrawn + excluded.overdrawn,
    overage = usage_daily.overage + excluded.overage,
    uncovered = usage_daily.uncovered + excluded.uncovered
"""


def add_usage(cursor: Cursor, entries: Sequence[LedgerEntry], zone: ZoneInfo) -> None:
    """Add what the entries charged, and take off what they refund, by days of `zone`.

    Usage counts on the day on which it occurred, a refund on its own.
    """
    totals = usage_totals(entries, zone)
    if totals:
        cursor.execute(_ADD, _USAGE.arrays((*key, *total) for key, total in totals.items()))


def usage_totals(entries: Sequence[LedgerEntry], zone: ZoneInfo) -> dict[UsageKey, list[int]]:
    """Events, rated, drawn, overdrawn, overage and uncovered, summed by key."""
    totals: dict[UsageKey, list[int]] = {}
    for entry in entries:
        facts = entry.facts
        charge = facts.charge
        if charge is None:
            continue
        day = _day(facts.occurred_at // _QUARTER_US, zone)
        key = (facts.customer_id, facts.unit, charge.meter, day)
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
    return totals


@lru_cache(maxsize=4_096)
def _day(quarter: int, zone: ZoneInfo) -> str:
    at = datetime.fromtimestamp(quarter * (_QUARTER_US // SECOND_US), UTC)
    return at.astimezone(zone).date().isoformat()
