"""Charging usage and captures: what a hold reserved first, then by the account's policy."""

from fractions import Fraction

from tests.domain.naive.accounts import Account
from tests.domain.naive.booked import Charge, Part, Used
from tests.domain.naive.lots import Hold, Lot


def charge_usage(account: Account, used: Used, exact: Fraction, *, for_ever: bool) -> None:
    """A deduction, and the end of the hold if the usage is its last."""
    account.exact += exact
    rated = int(account.exact) - account.rated
    account.rated += rated
    hold = account.open_hold(used.hold_id)
    grace = account.policy.grace
    lots = [
        lot
        for lot in account.lots
        if lot.serves(used.occurred_at, account.now, grace)
        and lot.fits(used.meter, used.properties)
    ]
    parts, captured, charge = _pay(account, rated, hold, lots)
    drawn = [(lot_id, amount) for lot_id, amount, _, _ in parts]
    account.charges.append(
        Charge(used=used, for_ever=for_ever, overage=charge[2], overdrawn=charge[1], drawn=drawn)
    )
    paid = sum(amount for _, amount in drawn) + charge[1]
    account.book("deduction", used.occurred_at, amount=-paid, parts=parts, charge=charge, hold=hold)
    _go_on(account, hold, captured, final=used.final)


def capture_credits(account: Account, hold: Hold, amount: int | None, *, final: bool) -> None:
    """A capture without usage: an amount, or all that is reserved."""
    rated = hold.reserved + hold.room if amount is None else amount
    meter, properties = hold.terms.meter, hold.terms.properties
    lots = [lot for lot in account.lots if lot.usable(account.now) and lot.fits(meter, properties)]
    parts, captured, charge = _pay(account, rated, hold, lots)
    paid = sum(amount for _, amount, _, _ in parts) + charge[1]
    account.book("hold_captured", account.now, amount=-paid, parts=parts, charge=charge, hold=hold)
    _go_on(account, hold, captured, final=final)


def _go_on(
    account: Account, hold: Hold | None, captured: list[tuple[Lot, int]], *, final: bool
) -> None:
    if hold is not None and final:
        account.end(hold, "released", account.now, captured)
    else:
        account.meet_fates([], captured, account.now)


def _pay(
    account: Account, rated: int, hold: Hold | None, lots: list[Lot]
) -> tuple[list[Part], list[tuple[Lot, int]], tuple[int, int, int, int]]:
    """Parts, what was captured of which lot, and rated, overdrawn, overage, uncovered."""
    rest, parts, captured = rated, [], []
    for lot, reserved in [] if hold is None else hold.reservations:
        amount = min(rest, reserved)
        if amount and hold is not None:
            hold.give(lot, amount)
            parts.append(account.move(lot, "spent", amount, reserved=True))
            captured.append((lot, amount))
            rest -= amount
    more = account.draw(rest, lots, "spent")
    rest -= sum(amount for _, amount, _, _ in more)
    overdrawn = 0
    if hold is not None:
        overdrawn = min(rest, hold.room)
        hold.room -= overdrawn
        account.overdraft += overdrawn
    given = min(rest - overdrawn, account.room)
    account.overdraft += given
    overdrawn += given
    rest -= overdrawn
    overage = rest if account.policy.mode == "overage" and not account.frozen else 0
    account.overage += overage
    return parts + more, captured, (rated, overdrawn, overage, rest - overage)
