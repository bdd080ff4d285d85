"""What an entry must say, and the events that are charged."""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TypeAlias

MINUTE = 60 * 10**6
DAY = 24 * 60 * MINUTE
DAYS_35 = 35 * DAY
MOST = 2**62

Part: TypeAlias = tuple[str, int, int, bool]
"""Lot, credits, minor units released, whether a hold had reserved them."""


@dataclass(frozen=True, kw_only=True)
class Booked:
    """What an entry must say. Credits in micro-credits, the residue as a fraction of one."""

    customer: str
    type: str
    amount: int = 0
    balance: int
    held: int
    available: int
    overdraft: int
    debt: int
    overage_total: int
    residue: Fraction
    effective_at: int
    parts: list[Part] = field(default_factory=list)
    charge: tuple[int, int, int, int] | None = None
    """Rated, overdrawn, overage, uncovered."""
    hold: tuple[str, str, int, int, int] | None = None
    """The hold after it: id, state, reserved in lots, reserved room, expiry."""
    code: str = ""
    money: int = 0
    """Minor units that a refund returns."""


@dataclass(frozen=True, kw_only=True)
class Used:
    """Usage, whether it came as an event or with a capture."""

    customer_id: str
    unit: str
    event_id: str
    meter: str
    occurred_at: int
    status: str
    properties: dict[str, str]
    quantities: dict[str, int]
    hold_id: str
    final: bool

    @property
    def body(self) -> tuple[object, ...]:
        """What tells a repeat from a conflict."""
        what = (self.unit, self.meter, self.occurred_at, self.status)
        return *what, self.properties, self.quantities


@dataclass(kw_only=True)
class Charge:
    """What an event was charged, and what of it is left to refund."""

    used: Used
    for_ever: bool
    overage: int
    overdrawn: int
    drawn: list[tuple[str, int]]
    """Lot and credits, in the order they were drawn."""

    @property
    def left(self) -> int:
        return self.overage + self.overdrawn + sum(amount for _, amount in self.drawn)
