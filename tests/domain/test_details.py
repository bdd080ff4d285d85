"""The sentence that each refusal carries: it says what is wrong, in the customer's own figures."""

import pytest

from drawdown.domain.entries import PARTITION_CUSTOMER, PolicyChange
from drawdown.domain.inputs import (
    Adjust,
    Batch,
    CaptureHold,
    ChangeExpiry,
    ChangePolicy,
    ClosePeriod,
    CommandBody,
    ExtendHold,
    Freeze,
    Grant,
    HoldUsage,
    NoteDispute,
    ParkRecord,
    PlaceHold,
    RedriveRejected,
    RefundPurchase,
    RefundUsage,
    ReleaseHold,
    Tick,
    Unfreeze,
    UsageEvent,
    Void,
)
from drawdown.domain.numbers import AMOUNT_MAX, DAY_US, NEVER
from tests.domain.building import CREDIT, HOUR_US, UNIT, T, World, card, usage


def furnished() -> World:
    world = World(card())
    world.grant("lot", 5 * CREDIT)
    world.grant("frozen", 5 * CREDIT)
    world.accept(Freeze(lot_id="frozen"))
    world.accept(
        Grant(
            amount=CREDIT,
            kind="purchased",
            lot_id="bought",
            price_minor=100,
            currency="USD",
            payment_id="payment",
        )
    )
    world.grant("closed", CREDIT)
    world.accept(Void(lot_id="closed"))
    world.use("e", 1)
    world.accept(RefundUsage(refund_id="r", event_id="e", amount=CREDIT // 2))
    world.hold("open", 1)
    world.hold("released", 1)
    world.accept(ReleaseHold(hold_id="released"))
    world.accept(NoteDispute(dispute_id="d", payment_id="payment", state="opened"))
    return world


def grant(
    amount: int = CREDIT,
    *,
    lot_id: str = "",
    price_minor: int = 0,
    currency: str = "",
    priority: int = 50,
    campaign: str = "",
    payment_id: str = "",
    effective_at: int | None = None,
    expires_at: int | None = None,
    freeze: str = "",
    opens_at: int | None = None,
    voids_at: int | None = None,
) -> Grant:
    return Grant(
        amount=amount,
        kind="promotional",
        lot_id=lot_id,
        price_minor=price_minor,
        currency=currency,
        priority=priority,
        campaign=campaign,
        payment_id=payment_id,
        effective_at=effective_at,
        expires_at=expires_at,
        freeze=freeze,
        opens_at=opens_at,
        voids_at=voids_at,
    )


def hold(
    hold_id: str = "new", amount: int = CREDIT, meter: str = "tokens", expires_at: int = T + HOUR_US
) -> PlaceHold:
    return PlaceHold(hold_id=hold_id, amount=amount, meter=meter, expires_at=expires_at)


def captured(event_id: str, tokens: int = 1) -> HoldUsage:
    return HoldUsage(
        event_id=event_id,
        meter="tokens",
        occurred_at=T,
        status="succeeded",
        properties={},
        quantities={"tokens": tokens * UNIT},
        digest=b"another",
    )


REFUSED: list[tuple[CommandBody, str, str]] = [
    (grant(0), "invalid_amount", "0 micro-credits can't be granted"),
    (
        grant(AMOUNT_MAX),
        "out_of_range",
        "4611686018427387904 micro-credits, to a balance of 4611686018437887904",
    ),
    (grant(campaign="c" * 129), "invalid_id", "campaign must be 1–128 bytes without NUL"),
    (grant(currency="XYZ"), "invalid_currency", "'XYZ' is no ISO 4217 currency"),
    (grant(price_minor=-1, currency="USD"), "invalid_price", "-1 minor units"),
    (
        grant(price_minor=1, currency="USD"),
        "invalid_price",
        "a promotional grant has no price, only a list price",
    ),
    (grant(priority=101), "invalid_priority", "101 is outside 0–100"),
    (grant(freeze="manual"), "invalid_freeze", "'manual' is none of payment_pending, verification"),
    (grant(effective_at=NEVER), "invalid_period", "it would start after the end of time"),
    (
        grant(freeze="verification", opens_at=T),
        "invalid_period",
        "it would have been opened before it is accepted",
    ),
    (
        grant(freeze="verification", voids_at=T),
        "invalid_period",
        "it would have been voided before it is accepted",
    ),
    (grant(expires_at=T), "invalid_period", "it would have expired before it is accepted"),
    (
        grant(expires_at=NEVER),
        "invalid_period",
        "leave expires_at out for credits that never expire",
    ),
    (
        grant(effective_at=T + 2, expires_at=T + 2),
        "invalid_period",
        "its start isn't before its expiry",
    ),
    (grant(lot_id="lot"), "lot_id_used", "lot lot exists"),
    (grant(payment_id="payment"), "payment_id_used", "payment:payment was granted before"),
    (Void(lot_id="lot", amount=0), "invalid_amount", "0 micro-credits can't be voided"),
    (Void(lot_id="nowhere"), "unknown_lot", "there is no lot nowhere"),
    (Void(lot_id="closed"), "lot_closed", "lot closed is closed"),
    (Void(lot_id="lot", amount=6 * CREDIT), "nothing_to_void", "lot lot has 3500000 unreserved"),
    (
        RefundUsage(refund_id="", event_id="e"),
        "invalid_id",
        "refund_id must be 1–128 bytes without NUL",
    ),
    (
        RefundUsage(refund_id="r2", event_id="e", amount=0),
        "invalid_amount",
        "0 micro-credits can't be refunded",
    ),
    (RefundUsage(refund_id="r", event_id="e"), "refund_id_used", "refund r was made before"),
    (RefundUsage(refund_id="r2", event_id="nowhere"), "unknown_event", "nowhere wasn't charged"),
    (
        RefundUsage(refund_id="r2", event_id="e", amount=CREDIT),
        "exceeds_charge",
        "500000 micro-credits are left of the charge",
    ),
    (
        RefundPurchase(refund_id="", payment_id="payment", amount=1),
        "invalid_id",
        "refund_id must be 1–128 bytes without NUL",
    ),
    (
        RefundPurchase(refund_id="r2", payment_id="payment", amount=0),
        "invalid_amount",
        "0 micro-credits can't be refunded",
    ),
    (
        RefundPurchase(refund_id="r2", payment_id="payment", amount=1, money_minor=-1),
        "invalid_price",
        "-1 minor units can't be returned",
    ),
    (
        RefundPurchase(refund_id="r", payment_id="payment", amount=1),
        "refund_id_used",
        "refund r was made before",
    ),
    (
        RefundPurchase(refund_id="r2", payment_id="nowhere", amount=1),
        "unknown_payment",
        "payment nowhere bought no lot here",
    ),
    (
        RefundPurchase(refund_id="r2", payment_id="payment", amount=2 * CREDIT),
        "nothing_to_void",
        "lot bought has 1000000 unreserved",
    ),
    (
        RefundPurchase(refund_id="r2", payment_id="payment", amount=1, money_minor=101),
        "exceeds_price",
        "100 minor units are left of the price",
    ),
    (Adjust(amount=0), "invalid_amount", "an adjustment of 0 changes nothing"),
    (Adjust(amount=AMOUNT_MAX), "out_of_range", "4611686018427387904 micro-credits"),
    (
        Adjust(amount=1, expires_at=T),
        "invalid_period",
        "it would have expired before it is accepted",
    ),
    (Adjust(amount=-1, expires_at=T + 1), "invalid_period", "what is taken has no expiry"),
    (Adjust(amount=-6 * CREDIT), "insufficient_credits", "3500000 are free"),
    (
        ChangeExpiry(lot_id="lot", expires_at=T),
        "invalid_period",
        "a lot can't be made to expire in the past",
    ),
    (ChangeExpiry(lot_id="nowhere", expires_at=T + 1), "unknown_lot", "there is no lot nowhere"),
    (ChangeExpiry(lot_id="closed", expires_at=T + 1), "lot_closed", "lot closed is closed"),
    (Freeze(lot_id="nowhere"), "unknown_lot", "there is no lot nowhere"),
    (Freeze(lot_id="frozen"), "already_frozen", "lot frozen is frozen by hand"),
    (Unfreeze(), "not_frozen", "the account isn't frozen"),
    (Unfreeze(lot_id="nowhere"), "unknown_lot", "there is no lot nowhere"),
    (Unfreeze(lot_id="lot"), "not_frozen", "no freeze of lot lot could be lifted"),
    (
        NoteDispute(dispute_id="", payment_id="payment", state="won"),
        "invalid_id",
        "dispute_id and payment_id must be 1–128 bytes without NUL",
    ),
    (
        NoteDispute(dispute_id="d", payment_id="another", state="won"),
        "dispute_id_used",
        "d disputes payment",
    ),
    (
        NoteDispute(dispute_id="d2", payment_id="payment", state="opened"),
        "dispute_state",
        "payment is disputed by d",
    ),
    (hold(meter=""), "invalid_id", "hold_id and meter must be 1–128 bytes without NUL"),
    (hold(amount=0), "invalid_amount", "0 micro-credits can't be held"),
    (hold(expires_at=T), "invalid_period", "it would expire before it is placed"),
    (hold("open"), "hold_id_used", "hold open exists"),
    (hold(expires_at=T + 2 * DAY_US), "hold_life_too_long", "at most 86400000000 µs"),
    (hold(amount=6 * CREDIT), "insufficient_credits", "2500000 micro-credits are missing"),
    (Batch(holds=[]), "invalid_amount", "a batch has 1–1000 holds"),
    (Batch(holds=[hold("a"), hold("open")]), "hold_id_used", "open: hold open exists"),
    (Batch(holds=[hold("a"), hold("a")]), "hold_id_used", "a: hold a exists"),
    (
        Batch(holds=[hold("a", 3 * CREDIT), hold("b", 3 * CREDIT)]),
        "insufficient_credits",
        "b: 2500000 micro-credits are missing",
    ),
    (
        Batch(holds=[hold("open"), hold("a", 0)]),
        "invalid_amount",
        "a: 0 micro-credits can't be held",
    ),
    (ExtendHold(hold_id="open", amount=-1), "invalid_amount", "-1 micro-credits can't be added"),
    (ExtendHold(hold_id="open"), "nothing_to_extend", "neither more credits nor a later expiry"),
    (ExtendHold(hold_id="nowhere", amount=1), "unknown_hold", "there is no hold nowhere"),
    (ExtendHold(hold_id="released", amount=1), "hold_not_open", "hold released is released"),
    (
        ExtendHold(hold_id="open", amount=6 * CREDIT),
        "insufficient_credits",
        "2500000 micro-credits are missing",
    ),
    (
        ExtendHold(hold_id="open", expires_at=T + 2 * DAY_US),
        "hold_life_too_long",
        "at most 86400000000 µs",
    ),
    (
        ExtendHold(hold_id="open", amount=AMOUNT_MAX),
        "out_of_range",
        "4611686018427387904 micro-credits more",
    ),
    (CaptureHold(hold_id="open", amount=0), "invalid_amount", "0 micro-credits can't be captured"),
    (CaptureHold(hold_id="nowhere"), "unknown_hold", "there is no hold nowhere"),
    (CaptureHold(hold_id="released"), "hold_not_open", "hold released is released"),
    (
        CaptureHold(hold_id="open", amount=1, usage=captured("e")),
        "invalid_amount",
        "a capture has an amount or usage, not both",
    ),
    (
        CaptureHold(hold_id="open", usage=captured("e")),
        "event_id_conflict",
        "e was charged with another body by u-3-0-0",
    ),
    (ReleaseHold(hold_id="released"), "hold_not_open", "hold released is released"),
    (RedriveRejected(event_id="e"), "not_rejected", "no rejected event e is here"),
    (
        ChangePolicy(policy=PolicyChange(grace_us=-1)),
        "invalid_policy",
        "grace_us -1 is outside 0–10 years",
    ),
    (Tick(), "invalid_customer", "this is asked of $partition, not of a customer"),
    (
        ParkRecord(topic="usage-events", partition=3, offset=1),
        "invalid_customer",
        "this is asked of $partition, not of a customer",
    ),
]


@pytest.mark.parametrize(("body", "code", "detail"), REFUSED)
def test_a_refused_command_says_what_is_wrong(body: CommandBody, code: str, detail: str) -> None:
    decision = furnished().ask(body, "new")
    assert (decision.code, decision.detail) == (code, detail)


def test_an_adjustment_under_a_used_id_names_the_lot() -> None:
    assert furnished().ask(Adjust(amount=1), "lot").code == "command_id_conflict"
    assert furnished().ask(Adjust(amount=1), "bought").detail == "lot bought exists"


def test_a_frozen_account_says_so() -> None:
    world = furnished()
    world.accept(Freeze())
    assert world.ask(Freeze()).detail == "the account is frozen"


def test_a_lot_that_has_expired_says_so() -> None:
    world = World(card())
    world.grant("lot", CREDIT, expires_at=T + 1)
    moved = ChangeExpiry(lot_id="lot", expires_at=T + 3)
    assert world.ask(moved, "", T + 1).detail == "lot lot has expired"
    earlier = ChangeExpiry(lot_id="later", expires_at=T + HOUR_US)
    world.grant("later", CREDIT, T + 1, effective_at=T + HOUR_US)
    assert world.ask(earlier, "", T + 1).detail == "a lot can't expire before it starts"


@pytest.mark.parametrize(
    ("event", "code", "detail"),
    [
        (usage("q", quantities={}), "invalid_quantity", "there is no quantity"),
        (
            usage("q", quantities={"tokens": -1}),
            "invalid_quantity",
            "tokens is -1 micro-units",
        ),
        (usage("q", unit="token"), "no_rate", "no rate card for token was in force"),
        (usage("q", meter="m"), "no_rate", "card@1 has no line for all of m: ['tokens']"),
        (
            usage("e", quantities={"tokens": 2}),
            "event_id_conflict",
            "e was charged with another body by u-3-0-0",
        ),
    ],
)
def test_refused_usage_says_what_is_wrong(event: UsageEvent, code: str, detail: str) -> None:
    decision = furnished().decide(event)
    assert (decision.code, decision.detail) == (code, detail)


def test_what_is_asked_of_the_wrong_account_says_of_which_to_ask_it() -> None:
    world = furnished()
    closing = world.ask(ClosePeriod(closed_until=T), customer_id=PARTITION_CUSTOMER, unit="token")
    assert closing.detail == "$partition has one account, in credit"
    granting = world.ask(grant(), customer_id=PARTITION_CUSTOMER)
    assert granting.detail == "this is asked of a customer, not of $partition"
    assert world.ask(Tick()).detail == "this is asked of $partition, not of a customer"
    closing = world.ask(ClosePeriod(closed_until=T + 1), customer_id=PARTITION_CUSTOMER)
    assert closing.detail == "a period is closed once, and after it has ended"
    assert world.ask(grant(), unit="").detail == "unit must be 1–128 bytes without NUL"


def test_a_redriven_event_says_why_it_is_refused_again() -> None:
    world = furnished()
    world.decide(usage("q", meter="m"))
    again = world.ask(RedriveRejected(event_id="q", rate_card="card@9"))
    assert again.detail == "no rate card card@9 for credit was applied"
