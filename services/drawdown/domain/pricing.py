"""Pricing: whether usage can be charged, and what it costs (`rulings.md` 8, 10, 13)."""

from typing import Final

from drawdown.domain.accounts import Account
from drawdown.domain.entries import PARTITION_CUSTOMER
from drawdown.domain.inputs import UsageEvent
from drawdown.domain.memory import WINDOW_US
from drawdown.domain.numbers import AMOUNT_MAX, MINUTE_US
from drawdown.domain.rating import FREE, Price, RateBook
from drawdown.domain.refusals import Refusal

FUTURE_US: Final = 5 * MINUTE_US
"""Usage that occurred further ahead of its own recording is refused."""


def form_refusal(event: UsageEvent, first_recorded_at: int, recorded_at: int) -> Refusal | None:
    """Why usage can't be charged whatever it costs, or None.

    Its age is judged by when it was recorded first, which a redrive doesn't change.
    """
    if first_recorded_at - event.occurred_at > WINDOW_US:
        return Refusal("too_old", "")
    if event.occurred_at - recorded_at > FUTURE_US:
        return Refusal("in_future", "")
    if not event.quantities:
        return Refusal("invalid_quantity", "there is no quantity")
    for name, quantity in event.quantities.items():
        if quantity < 0 or quantity > AMOUNT_MAX:
            return Refusal("invalid_quantity", f"{name} is {quantity} micro-units")
    if event.customer_id == PARTITION_CUSTOMER:
        return Refusal("invalid_customer", "")
    return None


def price_of(
    rate_book: RateBook, account: Account, event: UsageEvent, label: str = ""
) -> Price | Refusal:
    """What usage costs by the card in force when it occurred, or by the card of a label."""
    if event.status == "failed":
        return FREE
    card = rate_book.labelled(label) if label else rate_book.in_force(event.unit, event.occurred_at)
    if card is None or card.card.unit != event.unit:
        if label:
            return Refusal("no_rate", f"no rate card {label} for {event.unit} was applied")
        return Refusal("no_rate", f"no rate card for {event.unit} was in force")
    if not card.check(event.meter, event.quantities):
        return Refusal("invalid_quantity", "the quantities don't add up to the stated total")
    price = card.rate(
        event.customer_id,
        event.meter,
        event.properties,
        event.quantities,
        event.occurred_at,
        account.month_totals,
    )
    if price is None:
        detail = f"{card.label} has no line for all of {event.meter}: {list(event.quantities)}"
        return Refusal("no_rate", detail)
    return price
