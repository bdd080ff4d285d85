"""Usage by meter, day and hour, summed from the entries, to be held against the read model."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from drawdown.domain.entries import EntryFacts
from drawdown.domain.numbers import MINUTE_US, SECOND_US
from drawdown.verification.checkpoint import Period

SUMS: Final = ("events", "rated", "drawn", "overdrawn", "overage", "uncovered")
"""What is summed, in the order of its figures."""
_QUARTER_US: Final = 15 * MINUTE_US
"""Every zone's days begin at a whole quarter of an hour UTC."""


class UsageSums:
    """What entries add to the sums, by days of the reporting zone and by hours UTC."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self.added: Final[dict[Period, list[int]]] = {}

    def add(self, facts: EntryFacts) -> None:
        """Add an entry's charge; a refund's is negative, and counts when it was given itself."""
        charge = facts.charge
        if charge is None:
            return
        drawn = charge.rated - charge.overdrawn - charge.overage - charge.uncovered
        used = int(facts.type == "deduction")
        figures = (used, charge.rated, drawn, charge.overdrawn, charge.overage, charge.uncovered)
        for period in _periods_of(facts.occurred_at // _QUARTER_US, self._zone):
            key = (facts.customer_id, facts.unit, charge.meter, period)
            sums = self.added.setdefault(key, [0] * len(figures))
            for place, figure in enumerate(figures):
                sums[place] += figure


def is_day(period: Period) -> bool:
    """Whether it is a day; else it is an hour."""
    return len(period[3]) == len("2026-01-01")


@lru_cache(maxsize=4_096)
def _periods_of(quarter: int, zone: ZoneInfo) -> tuple[str, str]:
    """The day and the hour of a quarter of an hour since 1970, as the database writes them."""
    at = datetime.fromtimestamp(quarter * (_QUARTER_US // SECOND_US), UTC)
    return at.astimezone(zone).date().isoformat(), f"{at:%Y-%m-%d %H}:00:00"
