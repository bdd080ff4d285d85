"""Refunds: usage given back the way it came, and purchases (`rulings.md` 23, 25, 38)."""

from collections.abc import Container

from drawdown.domain.charges import Refundable, WayBack, way_back
from drawdown.domain.drafts import Draft, allocation
from drawdown.domain.entries import Charge, EntryDetails, Refund
from drawdown.domain.ids import valid_id
from drawdown.domain.inputs import RefundPurchase, RefundUsage
from drawdown.domain.lot_changes import closed
from drawdown.domain.numbers import AMOUNT_MAX
from drawdown.domain.refusals import Refusal, wrong_amount
from drawdown.domain.returns import Returns


def refund_key(refund_id: str) -> str:
    """The business key of a refund, of usage or of a purchase."""
    return f"refund:{refund_id}"


def refund_usage(draft: Draft, body: RefundUsage, used: Container[str]) -> Refusal | None:
    """Give back what is left of a charge, or an amount of it; whole or refused."""
    account = draft.account
    if not valid_id(body.refund_id):
        return Refusal("invalid_id", "refund_id must be 1–128 bytes without NUL")
    if body.amount is not None and not 0 < body.amount <= AMOUNT_MAX:
        return wrong_amount(body.amount, "refunded")
    if refund_key(body.refund_id) in used:
        return Refusal("refund_id_used", f"refund {body.refund_id} was made before")
    charged = account.charges.in_unit(body.event_id, account.unit)
    if charged is None:
        return Refusal("unknown_event", f"{body.event_id} wasn't charged")
    refundable = account.charges.refundable(charged)
    left = refundable.collected - charged.returned
    amount = left if body.amount is None else body.amount
    if amount > left or amount == 0:
        return Refusal("exceeds_charge", f"{left} micro-credits are left of the charge")
    back = way_back(refundable, charged.returned, amount)
    returns = Returns(account)
    returns.lower_overdraft(back.overdrawn)
    returns.to_lots(back.lots)
    if account.balance + returns.amount > AMOUNT_MAX:
        return Refusal("out_of_range", f"{amount} micro-credits")
    returns.expire_first(draft)
    _book(draft, body, refundable, back, returns, amount)
    return None


def _book(
    draft: Draft,
    body: RefundUsage,
    refundable: Refundable,
    back: WayBack,
    returns: Returns,
    amount: int,
) -> None:
    refund = Refund(
        refund_id=body.refund_id,
        event_id=body.event_id,
        payment_id="",
        amount=amount,
        money_minor=0,
        currency="",
    )
    draft.book(
        "refund",
        amount=returns.amount,
        allocations=returns.allocations(),
        charge=Charge(
            meter=refundable.meter,
            status=refundable.status,
            properties=refundable.properties,
            rate_card=refundable.rate_card,
            lines=[],
            rated=-amount,
            overdrawn=-back.overdrawn,
            overage=-back.overage,
            uncovered=0,
            hold_id="",
            hold_ended=False,
            charged_before=False,
        ),
        details=EntryDetails(refund=refund, lot_changes=returns.lot_changes(draft.at)),
        overdraft=-returns.off_overdraft,
        debt=-returns.off_debt,
        overage=-back.overage,
    )


def refund_purchase(draft: Draft, body: RefundPurchase, used: Container[str]) -> Refusal | None:
    """Void credits of a payment and return their share of its price, or the money named."""
    account = draft.account
    if not valid_id(body.refund_id):
        return Refusal("invalid_id", "refund_id must be 1–128 bytes without NUL")
    money = body.money_minor
    if not 0 <= body.amount <= AMOUNT_MAX or (body.amount == 0 and money is None):
        return wrong_amount(body.amount, "refunded")
    if money is not None and not 0 <= money <= AMOUNT_MAX:
        return Refusal("invalid_price", f"{money} minor units can't be returned")
    if refund_key(body.refund_id) in used:
        return Refusal("refund_id_used", f"refund {body.refund_id} was made before")
    payment = account.payments.get(body.payment_id)
    if payment is None or not payment.lot_id:
        return Refusal("unknown_payment", f"payment {body.payment_id} bought no lot here")
    lot = account.lots[payment.lot_id]
    if body.amount > lot.unreserved:
        return Refusal("nothing_to_void", f"lot {lot.lot_id} has {lot.unreserved} unreserved")
    share = lot.released_by(body.amount)
    if money is None:
        money = share
    lost = payment.dispute is not None and payment.dispute.state == "lost"
    left = 0 if lost else lot.price_minor - payment.returned_minor
    if money > left:
        return Refusal("exceeds_price", f"{left} minor units are left of the price")
    refund = Refund(
        refund_id=body.refund_id,
        event_id="",
        payment_id=body.payment_id,
        amount=body.amount,
        money_minor=money,
        currency=lot.currency,
    )
    emptied = lot.remaining == body.amount and not lot.closed
    draft.book(
        "void",
        amount=-body.amount,
        allocations=[allocation(lot, body.amount)] if body.amount else [],
        details=EntryDetails(refund=refund, lot_changes=[closed(lot)] if emptied else []),
    )
    return None
