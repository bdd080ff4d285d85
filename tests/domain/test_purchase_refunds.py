"""Refunds of purchases: credits voided, money returned up to the price (rulings 25, 38)."""

import pytest

from drawdown.domain.entries import EntryFacts, Refund
from drawdown.domain.inputs import Grant, NoteDispute, RefundPurchase, ReleaseHold, Void
from drawdown.domain.numbers import AMOUNT_MAX
from tests.domain.building import CREDIT, T, World, card, moved, told


def bought(credits: int = 10, price_minor: int = 1_000) -> World:
    """A lot `lot` bought by the payment `p`."""
    world = World(card())
    body = Grant(
        amount=credits * CREDIT,
        kind="purchased",
        price_minor=price_minor,
        currency="USD",
        payment_id="p",
    )
    world.accept(body, "lot")
    return world


def refund(credits: int, money_minor: int | None = None, refund_id: str = "r") -> RefundPurchase:
    return RefundPurchase(
        refund_id=refund_id, payment_id="p", amount=credits * CREDIT, money_minor=money_minor
    )


def refund_of(facts: EntryFacts) -> Refund:
    assert facts.details is not None
    assert facts.details.refund is not None
    return facts.details.refund


def test_25_without_money_it_returns_the_share_of_its_credits() -> None:
    world = bought()
    world.use("e", 2)
    (facts,) = world.accept(refund(3), "", T + 5)
    assert (facts.type, facts.amount, facts.balance) == ("void", -3 * CREDIT, 5 * CREDIT)
    assert (moved(facts), facts.effective_at) == ([("lot", 3, 300, False)], T + 5)
    assert refund_of(facts) == Refund(
        refund_id="r",
        event_id="",
        payment_id="p",
        amount=3 * CREDIT,
        money_minor=300,
        currency="USD",
    )
    lot = world.account().lots["lot"]
    assert (lot.voided, lot.released_minor, lot.closed) == (3 * CREDIT, 500, False)
    assert world.account().payments["p"].returned_minor == 300


def test_25_with_money_that_much() -> None:
    world = bought()
    (facts,) = world.accept(refund(3, 250))
    assert (refund_of(facts).money_minor, moved(facts)) == (250, [("lot", 3, 300, False)])
    (more,) = world.accept(refund(1, 750, "s"))
    assert refund_of(more).money_minor == 750


def test_25_credits_may_be_0_with_money() -> None:
    world = bought()
    (facts,) = world.accept(refund(0, 400))
    assert (facts.type, facts.amount, facts.allocations) == ("void", 0, [])
    assert refund_of(facts).money_minor == 400
    assert world.account().lots["lot"].released_minor == 0
    assert world.refuse(refund(0, None, "s")) == "invalid_amount"


def test_25_the_sum_of_money_is_capped_at_the_price() -> None:
    world = bought()
    world.accept(refund(1, 600))
    decision = world.ask(refund(1, 401, "s"))
    assert (decision.code, decision.detail) == (
        "exceeds_price",
        "400 minor units are left of the price",
    )
    world.accept(refund(1, 400, "s"))
    assert world.refuse(refund(0, 1, "t")) == "exceeds_price"
    world.accept(refund(1, 0, "t"))


def test_38_a_share_beyond_the_cap_is_refused() -> None:
    world = bought()
    world.accept(refund(1, 950))
    assert world.refuse(refund(1, None, "s")) == "exceeds_price"


def test_25_it_closes_the_lot_when_nothing_is_left() -> None:
    world = bought()
    world.use("e", 2)
    (facts,) = world.accept(refund(8))
    assert facts.details is not None
    (change,) = facts.details.lot_changes
    assert (change.lot_id, change.closed) == ("lot", True)
    assert world.account().lots["lot"].closed


def test_38_nothing_left_includes_what_is_reserved() -> None:
    world = bought()
    world.hold("h", 2)
    assert world.refuse(refund(9)) == "nothing_to_void"
    (facts,) = world.accept(refund(8))
    assert facts.details is not None
    assert facts.details.lot_changes == []
    assert told(world.accept(ReleaseHold(hold_id="h"))) == [("hold_released", 0)]


def test_38_a_lost_payment_counts_as_returned_whole() -> None:
    world = bought()
    world.use("e", 2)
    world.accept(NoteDispute(dispute_id="d", payment_id="p", state="lost"))
    assert world.refuse(refund(0, 1)) == "exceeds_price"
    assert world.refuse(refund(1)) == "nothing_to_void"
    world.accept(NoteDispute(dispute_id="d", payment_id="p", state="reinstated"))
    world.accept(refund(1))


def test_credits_beyond_the_unreserved_are_refused() -> None:
    world = bought()
    decision = world.ask(refund(11))
    assert (decision.code, decision.detail) == (
        "nothing_to_void",
        "lot lot has 10000000 unreserved",
    )


@pytest.mark.parametrize(
    ("code", "body"),
    [
        ("invalid_id", RefundPurchase(refund_id="", payment_id="p", amount=1)),
        ("invalid_amount", RefundPurchase(refund_id="r", payment_id="p", amount=-1)),
        ("invalid_amount", RefundPurchase(refund_id="r", payment_id="p", amount=0)),
        ("invalid_price", RefundPurchase(refund_id="r", payment_id="p", amount=1, money_minor=-1)),
        (
            "invalid_price",
            RefundPurchase(refund_id="r", payment_id="p", amount=1, money_minor=AMOUNT_MAX + 1),
        ),
        ("unknown_payment", RefundPurchase(refund_id="r", payment_id="unknown", amount=1)),
    ],
)
def test_it_is_refused(code: str, body: RefundPurchase) -> None:
    assert bought().refuse(body) == code


def test_a_payment_that_is_only_disputed_bought_nothing() -> None:
    world = World(card())
    world.accept(NoteDispute(dispute_id="d", payment_id="p", state="opened"))
    assert world.refuse(refund(1)) == "unknown_payment"


def test_9_a_refund_id_is_used_once_for_usage_or_purchases() -> None:
    world = bought()
    world.accept(refund(1))
    assert world.refuse(refund(1)) == "refund_id_used"


def test_a_closed_lot_may_still_return_money() -> None:
    world = bought()
    world.accept(Void(lot_id="lot"))
    (facts,) = world.accept(refund(0, 1_000))
    assert (facts.amount, refund_of(facts).money_minor) == (0, 1_000)
    assert facts.details is not None
    assert facts.details.lot_changes == []
