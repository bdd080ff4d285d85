"""Giving credits back: refunds of usage, and the settlements that a debt's end undoes."""

from dataclasses import dataclass, field

from tests.domain.naive.accounts import Account
from tests.domain.naive.booked import Charge, Part
from tests.domain.naive.lots import Lot
from tests.domain.naive.trying import tried


@dataclass(kw_only=True)
class Returning:
    """One entry that gives credits back, in the making."""

    account: Account
    parts: list[Part] = field(default_factory=list)
    touched: list[str] = field(default_factory=list)
    """Lots that get credits back, in that order."""

    def to_lot(self, lot: Lot, amount: int) -> None:
        """Spent credits go back to their lot; of a clawed-back one the debt falls."""
        if not amount:
            return
        if lot.clawed:
            lot.spent -= amount
            lot.clawed_back += amount
            lot.debt -= amount
            self.lower("debt", amount)
            return
        self.take_from(lot, "spent", amount)
        self.reopen(lot)

    def take_from(self, lot: Lot, bucket: str, amount: int) -> None:
        """Credits remain again; one part a lot."""
        lot_id, _, released, _ = self.account.move(lot, bucket, -amount)
        before = [part for part in self.parts if part[0] == lot_id]
        if before:
            (had,) = before
            merged = (lot_id, had[1] + amount, had[2] + released, False)
            self.parts[self.parts.index(had)] = merged
        else:
            self.parts.append((lot_id, amount, released, False))
        self.touched.append(lot_id)

    def reopen(self, lot: Lot) -> None:
        """What has expired or is closed lives again, for a while."""
        if lot.closed or lot.gone(self.account.now):
            lot.closed = False
            lot.set_date(self.account.now + self.account.policy.refund_grace, self.account.now)

    def lower(self, what: str, amount: int) -> None:
        """Debt or overdraft falls: what is outstanding, then what was settled, latest first."""
        account = self.account
        if what == "debt" and amount:
            self.undo()
        outstanding = min(amount, account.debt if what == "debt" else account.overdraft)
        if what == "debt":
            account.debt -= outstanding
        else:
            account.overdraft -= outstanding
        rest = amount - outstanding
        for settled in reversed(account.settled):
            kind, lot, had = settled
            if kind == what and rest and had:
                back = min(rest, had)
                rest -= back
                place = next(n for n, each in enumerate(account.settled) if each is settled)
                account.settled[place] = (kind, lot, had - back)
                self.to_lot(lot, back)
        assert rest == 0, "more was settled than was ever owed"

    def undo(self) -> None:
        """What lots had settled whose own payment was lost since isn't settled by them any more."""
        for place, (kind, lot, had) in enumerate(self.account.settled):
            if kind == "debt" and lot.clawed:
                lot.spent -= had
                lot.clawed_back += had
                lot.debt -= had
                self.account.settled[place] = (kind, lot, 0)


def refund_usage(account: Account, charge: Charge, amount: int) -> None:
    """Give back usage the way it went: overage, the overdrawn part, then lots in reverse."""
    number = account.charges.index(charge)
    trial = tried(account)
    _expire_first(account, _give_back(trial, trial.charges[number], amount)[0])
    returning, overage, overdrawn = _give_back(account, charge, amount)
    account.book(
        "refund",
        account.now,
        amount=amount - overage,
        parts=returning.parts,
        charge=(-amount, -overdrawn, -overage, 0),
    )


def _give_back(account: Account, charge: Charge, amount: int) -> tuple[Returning, int, int]:
    returning = Returning(account=account)
    overage = min(amount, charge.overage)
    charge.overage -= overage
    account.overage -= overage
    overdrawn = min(amount - overage, charge.overdrawn)
    charge.overdrawn -= overdrawn
    returning.lower("overdraft", overdrawn)
    rest = amount - overage - overdrawn
    for number, (lot_id, drawn) in reversed([*enumerate(charge.drawn)]):
        back = min(rest, drawn)
        rest -= back
        charge.drawn[number] = (lot_id, drawn - back)
        lot = account.lot(lot_id)
        assert lot is not None
        returning.to_lot(lot, back)
    return returning, overage, overdrawn


def _expire_first(account: Account, trial: Returning) -> None:
    """What of the lots concerned has expired is booked before credits come back to them."""
    for lot_id in dict.fromkeys(trial.touched):
        lot = account.lot(lot_id)
        assert lot is not None
        if lot.past(account.now):
            account.expire(lot, account.free(lot))


def reinstate(account: Account, lot: Lot) -> None:
    """A lost payment is there again: its credits, and what its debt was settled with."""
    trial = tried(account)
    again = trial.lot(lot.lot_id)
    assert again is not None
    touched = _reinstated(trial, again)
    touched.touched = [lot_id for lot_id in touched.touched if lot_id != lot.lot_id]
    _expire_first(account, touched)
    amount = lot.clawed_back + lot.debt
    returning = _reinstated(account, lot)
    account.book("clawback", account.now, amount=amount, parts=returning.parts)


def _reinstated(account: Account, lot: Lot) -> Returning:
    returning = Returning(account=account)
    lot.reinstate(account.now)
    if lot.clawed_back:
        returning.take_from(lot, "clawed_back", lot.clawed_back)
        if lot.closed:
            returning.reopen(lot)
    debt, lot.debt = lot.debt, 0
    returning.lower("debt", debt)
    return returning
