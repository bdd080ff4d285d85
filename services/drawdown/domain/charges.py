"""Charges: what usage drew, kept to be charged once and to be refunded, and the settlements that
paid what was owed."""

from typing import Final, final

from mypy_extensions import mypyc_attr

from drawdown.domain.entries import (
    Allocation,
    Charge,
    EntryFacts,
    InputTopic,
    LedgerEntry,
    entry_id_of,
)
from drawdown.domain.memory import WINDOW_US
from drawdown.domain.numbers import NEVER


@mypyc_attr(acyclic=True)
@final
class Charged:
    """One event's charge: what a refund can give back, and how much it has given back so far.

    The same event, recorded up to `until` (µs), is charged already: 35 days after it occurred, and
    for ever where it was redriven. The entry is kept by its place, since most are never asked for.
    """

    def __init__(
        self, unit: str, charge: Charge, allocations: list[Allocation], digest: bytes, until: int
    ) -> None:
        self.unit: Final = unit
        self.digest: Final = digest
        self.until: Final = until
        self.meter: Final = charge.meter
        self.status: Final = charge.status
        self.properties: Final = charge.properties
        self.rate_card: Final = charge.rate_card
        self.overdrawn: Final = charge.overdrawn
        self.overage: Final = charge.overage
        self.collected: Final = charge.rated - charge.uncovered
        self.allocations: Final = allocations
        self.returned = 0
        self.before: Charged | None = None
        """The charge of the same id before it, whose time had ended."""
        self._topic: InputTopic = "usage_events"
        self._partition = 0
        self._offset = 0
        self._index = 0

    def stands_in(self, entry: LedgerEntry) -> None:
        """Note where its entry stands."""
        self._topic = entry.source_topic
        self._partition = entry.source_partition
        self._offset = entry.source_offset
        self._index = entry.index

    @property
    def entry_id(self) -> str:
        """The id of the entry that charged it."""
        return entry_id_of(self._topic, self._partition, self._offset, self._index)


def charged_by(facts: EntryFacts) -> tuple[str, Charged]:
    """The event that a deduction charged, and its charge."""
    charge, details = facts.charge, facts.details
    assert charge is not None, "a deduction says what was charged"
    event_id, digest, until = facts.cause_id, facts.cause_digest, facts.occurred_at + WINDOW_US
    if details is not None and details.event_id:
        event_id, digest = details.event_id, details.event_digest
        if details.first_recorded_at is not None:
            until = NEVER
    return event_id, Charged(facts.unit, charge, facts.allocations, digest, until)


@final
class Charges:
    """The charges of one customer by event, whose ids are the customer's, whatever the unit."""

    def __init__(self) -> None:
        self._latest: Final[dict[str, Charged]] = {}

    def standing(self, event_id: str, recorded_at: int) -> Charged | None:
        """The charge that stands for the same event recorded then (µs), or None."""
        charged = self._latest.get(event_id)
        return charged if charged is not None and recorded_at <= charged.until else None

    def in_unit(self, event_id: str, unit: str) -> Charged | None:
        """The latest charge of an event in one unit, or None; refunds give it back."""
        charged = self._latest.get(event_id)
        while charged is not None and charged.unit != unit:
            charged = charged.before
        return charged

    def keep(self, event_id: str, charged: Charged) -> None:
        """Keep a charge; it stands for its event from now on."""
        latest = self._latest.setdefault(event_id, charged)
        if latest is not charged:
            charged.before = latest
            self._latest[event_id] = charged


@final
class WayBack:
    """What a refund gives back, by where it came from; `lots` in the order of their return."""

    def __init__(self, overage: int, overdrawn: int, lots: list[tuple[str, int]]) -> None:
        self.overage: Final = overage
        self.overdrawn: Final = overdrawn
        self.lots: Final = lots


def way_back(charged: Charged, amount: int) -> WayBack:
    """The next `amount` of a charge on its way back: overage, the overdrawn part, then lots in
    reverse (`rulings.md` 23)."""
    skipped, left = charged.returned, amount
    taken: list[int] = []
    lots: list[tuple[str, int]] = []
    for whole in (charged.overage, charged.overdrawn):
        part = min(left, max(0, whole - skipped))
        taken.append(part)
        skipped = max(0, skipped - whole)
        left -= part
    for allocation in reversed(charged.allocations):
        part = min(left, max(0, allocation.amount - skipped))
        skipped = max(0, skipped - allocation.amount)
        if part:
            lots.append((allocation.lot_id, part))
            left -= part
    return WayBack(taken[0], taken[1], lots)


@final
class Settled:
    """Credits of a lot that paid what was owed, on top of those that did before."""

    def __init__(self, lot_id: str, amount: int, before: "Settled | None") -> None:
        self.lot_id: Final = lot_id
        self.amount: Final = amount
        self.before: Final = before


def taken_back(
    settled: Settled | None, amount: int
) -> tuple[list[tuple[str, int]], Settled | None]:
    """The latest `amount` of settlements, by lot, and what stands below it."""
    parts: list[tuple[str, int]] = []
    while amount > 0:
        assert settled is not None, f"{amount} more are taken back than were settled"
        part = min(amount, settled.amount)
        parts.append((settled.lot_id, part))
        amount -= part
        if part < settled.amount:
            settled = Settled(settled.lot_id, settled.amount - part, settled.before)
        else:
            settled = settled.before
    return parts, settled
