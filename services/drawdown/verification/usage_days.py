"""Usage by meter and day, summed from the entries, to be held against the read model."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from drawdown.domain.entries import EntryFacts
from drawdown.domain.numbers import MINUTE_US, SECOND_US
from drawdown.verification.checkpoint import Day

SUMS: Final = ("events", "rated", "drawn", "overdrawn", "overage", "uncovered")
"""What is summed, in the order of its figures."""
_QUARTER_US: Final = 15 * MINUTE_US
"""Every zone's days begin at a whole quarter of an hour UTC."""


class UsageDays:
    """What entries add to the sums, by days of the reporting zone."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self.added: Final[dict[Day, list[int]]] = {}

    def add(self, facts: EntryFacts) -> None:
        """Add an entry's charge; a refund's is negative, and counts on the refund's own day."""
        charge = facts.charge
        if charge is None:
            return
        day = _day_of(facts.occurred_at // _QUARTER_US, self._zone)
        sums = self.added.setdefault((facts.customer_id, facts.unit, charge.meter, day), [0] * 6)
        drawn = charge.rated - charge.overdrawn - charge.overage - charge.uncovered
        figures = (charge.rated, drawn, charge.overdrawn, charge.overage, charge.uncovered)
        sums[0] += facts.type == "deduction"
        for place, figure in enumerate(figures, start=1):
            sums[place] += figure


@lru_cache(maxsize=4_096)
def _day_of(quarter: int, zone: ZoneInfo) -> str:
    at = datetime.fromtimestamp(quarter * (_QUARTER_US // SECOND_US), UTC)
    return at.astimezone(zone).date().isoformat()
