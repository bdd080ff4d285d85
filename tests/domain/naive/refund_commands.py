"""Refunds of usage and of purchases, and why they're refused."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from drawdown.domain.inputs import RefundPurchase, RefundUsage
from tests.domain.naive.accounts import Account
from tests.domain.naive.booked import Charge
from tests.domain.naive.lots import Lot
from tests.domain.naive.returning import refund_usage


@dataclass(frozen=True, kw_only=True)
class Refunded:
    """A refund that was made."""

    customer_id: str
    refund_id: str
    payment_id: str = ""
    money: int = 0


def refuse_usage_refund(account: Account, body: RefundUsage) -> Iterator[str]:
    if body.amount is not None and body.amount <= 0:
        yield "invalid_amount"
    charge = charge_of(account, body.event_id)
    if charge is None:
        yield "unknown_event"
    elif (charge.left if body.amount is None else body.amount) > charge.left or not charge.left:
        yield "exceeds_charge"


def charge_of(account: Account, event_id: str) -> Charge | None:
    charges = [each for each in account.charges if each.used.event_id == event_id]
    return charges[-1] if charges else None


def give_back(account: Account, body: RefundUsage) -> None:
    charge = charge_of(account, body.event_id)
    assert charge is not None
    refund_usage(account, charge, charge.left if body.amount is None else body.amount)


def lot_of(account: Account, payment_id: str) -> Lot | None:
    return next((lot for lot in account.lots if payment_id and lot.payment_id == payment_id), None)


def money_of(lot: Lot, body: RefundPurchase) -> int:
    """What it returns: as said, or what voiding the credits releases of the price."""
    if body.money_minor is not None:
        return body.money_minor
    gone = lot.granted - lot.remaining + body.amount
    return round(Fraction(lot.price_minor * gone, lot.granted)) - lot.released


def refuse_purchase_refund(
    account: Account, body: RefundPurchase, before: list[Refunded]
) -> Iterator[str]:
    if body.amount < 0 or (body.amount == 0 and body.money_minor is None):
        yield "invalid_amount"
    lot = lot_of(account, body.payment_id)
    if lot is None:
        yield "unknown_payment"
        return
    if body.amount > account.free(lot):
        yield "nothing_to_void"
    returned = sum(each.money for each in before if each.payment_id == body.payment_id)
    left = 0 if lot.clawed else lot.price_minor - returned
    if money_of(lot, body) > left:
        yield "exceeds_price"


def refund_purchase(account: Account, body: RefundPurchase) -> int:
    """Void the credits; the money that is returned."""
    lot = lot_of(account, body.payment_id)
    assert lot is not None
    money = money_of(lot, body)
    part = account.move(lot, "voided", body.amount)
    lot.closed = lot.closed or lot.remaining == 0
    account.book("void", account.now, amount=-body.amount, parts=[part], money=money)
    return money
