"""Lots and holds, as plainly as they can be said."""

from dataclasses import dataclass, field
from fractions import Fraction

from drawdown.domain.inputs import PlaceHold

PENDING = ("payment_pending", "verification")


@dataclass(kw_only=True)
class Lot:
    """A lot: its terms, its interval, and what became of its credits."""

    lot_id: str
    number: int
    kind: str
    granted: int
    price_minor: int = 0
    currency: str = ""
    priority: int = 50
    meters: list[str] = field(default_factory=list)
    properties: dict[str, str] = field(default_factory=dict)
    start: int
    expires_at: int | None = None
    payment_id: str = ""
    opens_at: int | None = None
    voids_at: int | None = None
    period_at: int | None = None
    freezes: list[str] = field(default_factory=list)
    frozen_since: int | None = None
    closed: bool = False
    clawed: bool = False
    debt: int = 0
    active: bool = False
    """Whether its start has been looked at."""
    spent: int = 0
    expired: int = 0
    voided: int = 0
    clawed_back: int = 0

    @property
    def remaining(self) -> int:
        return self.granted - self.spent - self.expired - self.voided - self.clawed_back

    @property
    def released(self) -> int:
        return round(Fraction(self.price_minor * (self.granted - self.remaining), self.granted))

    @property
    def scoped(self) -> bool:
        return bool(self.meters or self.properties)

    @property
    def pending(self) -> bool:
        return any(reason in PENDING for reason in self.freezes)

    def usable(self, at: int) -> bool:
        """Effective, unexpired, not frozen."""
        in_time = self.expires_at is None or at < self.expires_at
        return self.start <= at and in_time and not self.freezes

    def past(self, at: int) -> bool:
        """Past its date, which stands still for a frozen lot."""
        return self.expires_at is not None and self.expires_at <= at and not self.freezes

    def gone(self, at: int) -> bool:
        """Past its date for good: it was so when it was frozen, if it is."""
        dated = self.expires_at is not None and self.expires_at <= at
        return dated and self.frozen_since is None

    def fits(self, meter: str, properties: dict[str, str]) -> bool:
        """Whether it may be drawn on for this."""
        in_scope = not self.meters or meter in self.meters
        return in_scope and self.properties.items() <= properties.items()

    def serves(self, occurred_at: int, at: int, grace: int) -> bool:
        """Whether it may pay for what occurred then and is recorded now."""
        end = self.expires_at
        in_time = end is None or (occurred_at < end and at < end + grace)
        return self.start <= at and in_time and not self.freezes

    def place(self) -> tuple[object, ...]:
        """Its place in the burn order."""
        cost = Fraction(self.price_minor, self.granted)
        return (
            self.priority,
            self.expires_at is None,
            self.expires_at or 0,
            cost > 0,
            self.currency if cost else "",
            cost,
            -(len(self.properties) + int(bool(self.meters))),
            self.start,
            self.number,
        )

    def freeze(self, reason: str, at: int) -> None:
        """Freeze it for a reason; the date of a lot that is past it never moves again."""
        if not self._stands_still:
            was_past = self.expires_at is not None and self.expires_at <= at
            self.frozen_since = None if was_past else at
        self.freezes = [*self.freezes, reason]

    def thaw(self, reasons: tuple[str, ...], at: int) -> None:
        """Lift reasons; with the last one its date moves by the time it was frozen."""
        self.freezes = [reason for reason in self.freezes if reason not in reasons]
        self._go_on(at)

    def lose(self, at: int) -> None:
        """Its payment is lost: the dispute's freeze ends, but its time still counts."""
        if not self._stands_still:
            was_past = self.expires_at is not None and self.expires_at <= at
            self.frozen_since = None if was_past else at
        self.clawed = True
        self.freezes = [reason for reason in self.freezes if reason != "dispute"]

    def reinstate(self, at: int) -> None:
        """Its payment is there again."""
        self.clawed = False
        self.thaw(("dispute",), at)

    def set_date(self, expires_at: int | None, at: int) -> None:
        """A date set while it is frozen moves only by the frozen time from then."""
        self.expires_at = expires_at
        self.frozen_since = at if self._stands_still else None

    @property
    def _stands_still(self) -> bool:
        return bool(self.freezes) or self.clawed

    def _go_on(self, at: int) -> None:
        if self._stands_still:
            return
        if self.frozen_since is not None and self.expires_at is not None:
            self.expires_at += at - self.frozen_since
        self.frozen_since = None


@dataclass(kw_only=True)
class Hold:
    """A hold: what it reserves, lot by lot in order, and in overdraft room."""

    terms: PlaceHold
    placed_at: int
    expires_at: int
    state: str = "open"
    reservations: list[tuple[Lot, int]] = field(default_factory=list)
    room: int = 0
    ended_at: int | None = None

    @property
    def reserved(self) -> int:
        return sum(amount for _, amount in self.reservations)

    def of(self, lot: Lot) -> int:
        """What it reserves of a lot."""
        return sum(amount for other, amount in self.reservations if other is lot)

    def reserve(self, lot: Lot, amount: int) -> None:
        """More of a lot: in its place while it has one, else last."""
        if self.of(lot):
            self.reservations = [
                (other, had + amount if other is lot else had) for other, had in self.reservations
            ]
        else:
            self.reservations = [*self.reservations, (lot, amount)]

    def give(self, lot: Lot, amount: int) -> None:
        """Less of a lot."""
        lowered = [
            (other, had - amount if other is lot else had) for other, had in self.reservations
        ]
        self.reservations = [(other, had) for other, had in lowered if had]
