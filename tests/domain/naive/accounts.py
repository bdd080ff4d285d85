"""An account: what a customer has, owes and has reserved in one unit, and how it is drawn on."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction

from drawdown.domain.inputs import PlaceHold
from tests.domain.naive.booked import Booked, Charge, Part
from tests.domain.naive.lots import Hold, Lot
from tests.domain.naive.policies import Policy


@dataclass(kw_only=True)
class Account:
    """Its state, and its log. `now` and `policy` are those of the decision under way."""

    customer_id: str
    now: int = 0
    policy: Policy = field(default_factory=Policy)
    began: int | None = None
    frozen: bool = False
    lots: list[Lot] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)
    charges: list[Charge] = field(default_factory=list)
    overdraft: int = 0
    debt: int = 0
    settled: list[tuple[str, Lot, int]] = field(default_factory=list)
    """What settlements took and nothing gave back: debt or overdraft, the lot, the credits."""
    overage: int = 0
    exact: Fraction = Fraction(0)
    """All that was ever rated, in micro-credits."""
    rated: int = 0
    months: dict[tuple[str, str], int] = field(default_factory=dict)
    """By line and month: quantity in micro-units."""
    log: list[Booked] = field(default_factory=list)

    @property
    def owed(self) -> int:
        return self.overdraft + self.debt

    @property
    def room(self) -> int:
        """Overdraft room that nothing uses or reserves; none where the policy gives none."""
        if self.policy.mode != "overdraft" or self.frozen:
            return 0
        reserved = sum(hold.room for hold in self.holds)
        return max(0, self.policy.limit - self.overdraft - reserved)

    def reserved(self, lot: Lot) -> int:
        return sum(hold.of(lot) for hold in self.holds)

    def free(self, lot: Lot) -> int:
        return lot.remaining - self.reserved(lot)

    def lot(self, lot_id: str) -> Lot | None:
        return next((lot for lot in self.lots if lot.lot_id == lot_id), None)

    def hold(self, hold_id: str) -> Hold | None:
        return next((hold for hold in self.holds if hold.terms.hold_id == hold_id), None)

    def open_hold(self, hold_id: str) -> Hold | None:
        """The hold, if it is open now."""
        hold = self.hold(hold_id)
        is_open = hold is not None and hold.state == "open" and hold.expires_at > self.now
        return hold if is_open else None

    def book(
        self,
        kind: str,
        effective_at: int,
        *,
        amount: int = 0,
        parts: Iterable[Part] = (),
        charge: tuple[int, int, int, int] | None = None,
        hold: Hold | None = None,
        code: str = "",
        money: int = 0,
    ) -> None:
        """Write an entry with the figures as they are now."""
        if self.began is None:
            self.began = self.now
        usable = [lot for lot in self.lots if lot.usable(self.now)]
        self.log.append(
            Booked(
                customer=self.customer_id,
                type=kind,
                amount=amount,
                balance=sum(lot.remaining for lot in self.lots) - self.owed,
                held=sum(hold.reserved for hold in self.holds),
                available=sum(self.free(lot) for lot in usable) - self.owed,
                overdraft=self.overdraft,
                debt=self.debt,
                overage_total=self.overage,
                residue=self.exact - self.rated,
                effective_at=effective_at,
                parts=[part for part in parts if part[1]],
                charge=charge,
                hold=None if hold is None else _after(hold),
                code=code,
                money=money,
            )
        )

    def move(self, lot: Lot, into: str, amount: int, *, reserved: bool = False) -> Part:
        """Move credits of a lot from what remains into what was spent, expired, …"""
        before = lot.released
        setattr(lot, into, getattr(lot, into) + amount)
        return lot.lot_id, amount, lot.released - before, reserved

    def draw(self, wanted: int, lots: Iterable[Lot], into: str) -> list[Part]:
        """Free credits of lots, in burn order, as many as are wanted and there."""
        parts = []
        for lot in sorted(lots, key=Lot.place):
            amount = min(wanted, self.free(lot))
            if amount:
                parts.append(self.move(lot, into, amount))
                wanted -= amount
        return parts

    def settle(self, at: int) -> None:
        """What is owed is paid by free credits that any usage might have."""
        usable = [lot for lot in self.lots if lot.usable(at) and not lot.scoped]
        parts = []
        for lot in sorted(usable, key=Lot.place):
            to_debt = min(self.debt, self.free(lot))
            to_overdraft = min(self.overdraft, self.free(lot) - to_debt)
            if to_debt + to_overdraft:
                parts.append(self.move(lot, "spent", to_debt + to_overdraft))
                self.debt -= to_debt
                self.overdraft -= to_overdraft
                self.settled += [("debt", lot, to_debt), ("overdraft", lot, to_overdraft)]
        if parts:
            self.book("overdraft_settled", at, parts=parts)

    def reserve(self, hold: Hold, amount: int) -> list[Part] | None:
        """Reserve credits lot by lot, then room; None, and nothing, where they aren't there."""
        terms = hold.terms
        fitting = [lot for lot in self.lots if lot.fits(terms.meter, terms.properties)]
        lots = sorted((lot for lot in fitting if lot.usable(self.now)), key=Lot.place)
        if sum(self.free(lot) for lot in lots) + self.room < amount:
            return None
        parts = []
        for lot in lots:
            taken = min(amount, self.free(lot))
            if taken:
                hold.reserve(lot, taken)
                parts.append((lot.lot_id, taken, 0, True))
                amount -= taken
        hold.room += amount
        return parts

    def place(self, terms: PlaceHold) -> list[Part] | None:
        """A new hold, or None where the credits aren't there."""
        hold = Hold(terms=terms, placed_at=self.now, expires_at=terms.expires_at)
        self.holds.append(hold)
        parts = self.reserve(hold, terms.amount)
        if parts is None:
            self.holds.remove(hold)
        return parts

    def end(self, hold: Hold, state: str, at: int, captured: list[tuple[Lot, int]]) -> None:
        """End a hold: its rest goes back to its lots, and meets what befell them."""
        returned = hold.reservations
        hold.reservations, hold.room, hold.state, hold.ended_at = [], 0, state, at
        parts = [(lot.lot_id, amount, 0, True) for lot, amount in returned]
        self.book(f"hold_{state}", at, parts=parts, hold=hold)
        self.meet_fates(returned, captured, at)

    def meet_fates(
        self, returned: list[tuple[Lot, int]], captured: list[tuple[Lot, int]], at: int
    ) -> None:
        """What comes back to a lot that is gone, or was captured from one that was clawed back."""
        # Lots are captured in the order of their reservation, so those come first.
        lots = [lot for lot, _ in captured]
        lots += [lot for lot, _ in returned if not any(lot is other for other in lots)]
        for lot in lots:
            back = sum(amount for other, amount in returned if other is lot)
            used = sum(amount for other, amount in captured if other is lot)
            if lot.clawed:
                part = self.move(lot, "clawed_back", back)
                lot.debt += used
                self.debt += used
                self.book("clawback", at, amount=-(back + used), parts=[part])
            elif back and lot.closed:
                self.book("void", at, amount=-back, parts=[self.move(lot, "voided", back)])
            elif back and lot.past(at):
                self.expire(lot, back)

    def expire(self, lot: Lot, amount: int) -> None:
        """Credits of a lot expire, as of its date."""
        assert lot.expires_at is not None
        if amount:
            part = self.move(lot, "expired", amount)
            self.book("expiration", lot.expires_at, amount=-amount, parts=[part])

    def open(self, lot: Lot, at: int) -> None:
        """Add a lot that is accepted at `at`; in a frozen account it is frozen."""
        lot.active = lot.start <= at
        if lot.freezes:
            lot.frozen_since = at
        if self.frozen:
            lot.freeze("account", at)
        self.lots.append(lot)

    def void_rest(self, lot: Lot, at: int) -> None:
        """Take what is unreserved, and close the lot."""
        amount = self.free(lot)
        lot.closed = True
        self.book("void", at, amount=-amount, parts=[self.move(lot, "voided", amount)])


def _after(hold: Hold) -> tuple[str, str, int, int, int]:
    return hold.terms.hold_id, hold.state, hold.reserved, hold.room, hold.expires_at
