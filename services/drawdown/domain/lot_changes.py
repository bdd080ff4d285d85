"""Changes of a lot's terms, as entries carry them: the values after the entry.

A lot's expiry stands still while it is frozen or its payment is lost: when that ends, the time
moves the expiry. What changes meanwhile counts from then (`rulings.md` 4, 26, 36).
"""

from dataclasses import replace

from drawdown.domain.entries import LotChange
from drawdown.domain.lots import Lot
from drawdown.domain.numbers import NEVER


def frozen(lot: Lot, reason: str, at: int) -> LotChange:
    """Frozen for one more reason from `at` (µs)."""
    return replace(
        unchanged(lot), freezes=[*lot.freezes, reason], frozen_since=_still_since(lot, at)
    )


def thawed(lot: Lot, freezes: list[str], at: int) -> LotChange:
    """Frozen for no other reasons than `freezes` from `at` (µs) on."""
    change = replace(unchanged(lot), freezes=freezes)
    return change if freezes or lot.clawed else _going_on(lot, change, at)


def lost(lot: Lot, freezes: list[str], at: int) -> LotChange:
    """Its payment is lost at `at` (µs), and what it had paid became debt."""
    since = _still_since(lot, at)
    change = unchanged(lot)
    return replace(change, freezes=freezes, frozen_since=since, clawed=True, debt=lot.spent)


def reinstated(lot: Lot, at: int) -> LotChange:
    """Its payment came back at `at` (µs)."""
    change = replace(unchanged(lot), clawed=False, debt=0)
    return change if lot.freezes else _going_on(lot, change, at)


def indebted(lot: Lot, debt: int) -> LotChange:
    """A lot whose payment is lost, with another part of what it paid become debt."""
    return replace(unchanged(lot), debt=debt)


def dated(lot: Lot, expires_at: int, at: int) -> LotChange:
    """With another expiry, set at `at` (µs)."""
    since = at if lot.stands_still else None
    return replace(unchanged(lot), expires_at=_or_none(expires_at), frozen_since=since)


def reopened(change: LotChange, expires_at: int, at: int) -> LotChange:
    """Open again until `expires_at`, for credits that come back at `at` (µs)."""
    still = bool(change.freezes) or change.clawed
    return replace(change, expires_at=expires_at, frozen_since=at if still else None, closed=False)


def closed(lot: Lot) -> LotChange:
    """Closed: what returns to it is voided."""
    return replace(unchanged(lot), closed=True)


def unchanged(lot: Lot) -> LotChange:
    """Its terms as they are."""
    return LotChange(
        lot_id=lot.lot_id,
        expires_at=_or_none(lot.expires_at),
        freezes=lot.freezes,
        frozen_since=lot.frozen_since,
        closed=lot.closed,
        clawed=lot.clawed,
        debt=lot.debt,
    )


def _still_since(lot: Lot, at: int) -> int | None:
    """Since when its expiry stands still, if it does from `at` on; the date of a lot that is past
    it doesn't move."""
    if lot.stands_still:
        return lot.frozen_since
    return at if lot.expires_at > at else None


def _going_on(lot: Lot, change: LotChange, at: int) -> LotChange:
    """With its expiry moved by the time that it stood still."""
    expires_at = lot.expires_at
    if lot.frozen_since is not None and expires_at < NEVER:
        expires_at = min(NEVER - 1, expires_at + at - lot.frozen_since)
    return replace(change, expires_at=_or_none(expires_at), frozen_since=None)


def _or_none(expires_at: int) -> int | None:
    return None if expires_at == NEVER else expires_at
