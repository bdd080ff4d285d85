"""Charges: what usage drew, kept for refunds, and the settlements that paid what was owed."""

from typing import Final, final

from mypy_extensions import mypyc_attr

from drawdown.domain.entries import Allocation, Charge


@mypyc_attr(acyclic=True)
@final
class Charged:
    """One event's charge: what a refund can give back, and how much it has given back so far."""

    def __init__(
        self, charge: Charge, allocations: list[Allocation], digest: bytes, occurred_at: int
    ) -> None:
        self.digest: Final = digest
        self.occurred_at: Final = occurred_at
        self.meter: Final = charge.meter
        self.status: Final = charge.status
        self.properties: Final = charge.properties
        self.rate_card: Final = charge.rate_card
        self.overdrawn: Final = charge.overdrawn
        self.overage: Final = charge.overage
        self.collected: Final = charge.rated - charge.uncovered
        self.allocations: Final = allocations
        self.returned = 0


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
