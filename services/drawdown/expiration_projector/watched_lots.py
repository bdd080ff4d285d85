"""Lots taken through a batch entry by entry: those whose dates change, or ask for something in it.

A reminder that becomes due between two entries is told as the lot stood then, so that only the
entries in between, and no batch, decide what is told.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from drawdown.domain.entries import LedgerEntry
from drawdown.domain.numbers import NEVER
from drawdown.domain.reminders import WeekOf, dues, pending
from drawdown.projection.lot_movements import LotKey, LotMovements, Movement

Told = tuple[str, str, str, int, int, int, int, int, int]
"""A row of `reminders_told`."""


@dataclass(slots=True)
class WatchedLot:
    """What of a lot tells when and whether it expires."""

    remaining: int
    reserved: int
    released_minor: int
    expires_at: int | None
    freezes: list[str]
    frozen_since: int | None
    next_due_at: int | None
    week_starts_at: int | None


class WatchedLots:
    """Takes entries in order; holds the lots as they stand, and what became due on the way."""

    def __init__(self, lots: dict[LotKey, WatchedLot], week_of: WeekOf) -> None:
        """`lots` as they stand before the entries; those that entries open join them."""
        self.lots: Final = lots
        self.told: Final[list[Told]] = []
        self._week_of = week_of

    def take(self, entries: Sequence[LedgerEntry]) -> None:
        """Take the next entries."""
        for entry in entries:
            if self._concerned(entry):
                self._take(entry)

    def _concerned(self, entry: LedgerEntry) -> bool:
        facts = entry.facts
        if facts.details is not None and (facts.details.lot or facts.details.lot_changes):
            return True
        customer_id, unit = facts.customer_id, facts.unit
        return any((customer_id, unit, part.lot_id) in self.lots for part in facts.allocations)

    def _take(self, entry: LedgerEntry) -> None:
        movements = LotMovements()
        movements.take([entry])
        for key in movements.opened:
            self.lots[key] = self._opened(entry)
        for key, movement in movements.moved.items():
            lot = self.lots.get(key)
            if lot is not None:
                self._tell(key, lot, entry)
                self._move(lot, movement, entry.facts.recorded_at)

    def _opened(self, entry: LedgerEntry) -> WatchedLot:
        facts = entry.facts
        assert facts.details is not None
        terms = facts.details.lot
        assert terms is not None
        accepted_at = min(facts.recorded_at, facts.effective_at)
        lot = WatchedLot(
            remaining=facts.amount,
            reserved=0,
            released_minor=0,
            expires_at=None,
            freezes=terms.freezes,
            frozen_since=accepted_at if terms.freezes else None,
            next_due_at=None,
            week_starts_at=None,
        )
        self._set_date(lot, terms.expires_at, facts.recorded_at)
        return lot

    def _move(self, lot: WatchedLot, movement: Movement, at: int) -> None:
        lot.remaining -= movement.gone
        lot.reserved += movement.reserved
        lot.released_minor += movement.released_minor
        change = movement.change
        if change is not None:
            lot.freezes, lot.frozen_since = change.freezes, change.frozen_since
            self._set_date(lot, change.expires_at, at)

    def _set_date(self, lot: WatchedLot, expires_at: int | None, at: int) -> None:
        """A date that stays asks for nothing anew."""
        if expires_at == lot.expires_at:
            return
        lot.expires_at = expires_at
        week = None if expires_at is None else self._week_of(expires_at)
        lot.week_starts_at = None if week is None else week.starts_at
        asked = pending(NEVER if expires_at is None else expires_at, week, at)
        lot.next_due_at = asked[0][0] if asked else None

    def _tell(self, key: LotKey, lot: WatchedLot, entry: LedgerEntry) -> None:
        """Tell what became due before the entry."""
        before, next_due_at, expires_at = entry.facts.recorded_at, lot.next_due_at, lot.expires_at
        if next_due_at is None or next_due_at >= before:
            return
        assert expires_at is not None
        unreserved = lot.remaining - lot.reserved
        lot.next_due_at = None
        for due_at, days in dues(expires_at, self._week_of(expires_at)):
            if due_at >= before:
                lot.next_due_at = due_at
                break
            if due_at >= next_due_at and unreserved > 0 and not lot.freezes:
                place = (entry.source_partition, entry.partition_seq)
                self.told.append((*key, expires_at, days, due_at, unreserved, *place))
