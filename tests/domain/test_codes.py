"""Rejection codes: each has a meaning and a place."""

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from drawdown.domain.codes import MEANING, PRECEDENCE
from drawdown.domain.entries import PARTITION_CUSTOMER
from drawdown.domain.inputs import (
    Adjust,
    CaptureHold,
    ChangeExpiry,
    CommandBody,
    ExtendHold,
    Grant,
    PlaceHold,
    RefundPurchase,
    RefundUsage,
    ReleaseHold,
    Void,
)
from drawdown.domain.numbers import AMOUNT_MAX, DAY_US, MINUTE_US
from tests.domain.building import CREDIT, T, World, card, command, usage


def test_every_code_has_one_meaning_and_one_place() -> None:
    assert list(MEANING) == list(PRECEDENCE)
    assert len(set(PRECEDENCE)) == len(PRECEDENCE)
    assert all(sentence and not sentence.endswith(".") for sentence in MEANING.values())


OF_A_GRANT: list[tuple[str, dict[str, Any]]] = [
    ("invalid_id", {"campaign": "c" * 129}),
    ("out_of_range", {"amount": AMOUNT_MAX + 1}),
    ("invalid_amount", {"amount": 0}),
    ("invalid_currency", {"currency": "XYZ"}),
    ("invalid_price", {"price_minor": -1, "currency": "USD"}),
    ("invalid_priority", {"priority": 101}),
    ("invalid_period", {"expires_at": T}),
    ("invalid_freeze", {"freeze": "manual"}),
    ("lot_id_used", {"lot_id": "taken"}),
    ("payment_id_used", {"payment_id": "taken"}),
    ("referral_used", {"referral_id": "taken"}),
]
OF_A_HOLD: list[tuple[str, dict[str, Any]]] = [
    ("invalid_id", {"meter": ""}),
    ("out_of_range", {"amount": AMOUNT_MAX + 1}),
    ("invalid_amount", {"amount": 0}),
    ("invalid_period", {"expires_at": T}),
    ("hold_id_used", {"hold_id": "taken"}),
    ("insufficient_credits", {"amount": 9 * CREDIT}),
    ("hold_life_too_long", {"expires_at": T + DAY_US + 1}),
]
OF_AN_EXTENSION: list[tuple[str, dict[str, Any]]] = [
    ("out_of_range", {"amount": AMOUNT_MAX + 1}),
    ("invalid_amount", {"amount": -1}),
    ("insufficient_credits", {"amount": 9 * CREDIT}),
    ("unknown_hold", {"hold_id": "unknown"}),
    ("hold_not_open", {"hold_id": "ended"}),
    ("hold_life_too_long", {"expires_at": T + DAY_US + 1}),
]
OF_A_VOID: list[tuple[str, dict[str, Any]]] = [
    ("invalid_amount", {"amount": 0}),
    ("unknown_lot", {"lot_id": "unknown"}),
    ("nothing_to_void", {"amount": 9 * CREDIT}),
    ("lot_closed", {"lot_id": "closed"}),
]
OF_AN_EXPIRY: list[tuple[str, dict[str, Any]]] = [
    ("invalid_period", {"expires_at": T}),
    ("unknown_lot", {"lot_id": "unknown"}),
    ("lot_closed", {"lot_id": "closed"}),
]
OF_A_REFUND: list[tuple[str, dict[str, Any]]] = [
    ("invalid_id", {"refund_id": ""}),
    ("invalid_amount", {"amount": 0}),
    ("refund_id_used", {"refund_id": "taken"}),
    ("unknown_event", {"event_id": "unknown"}),
    ("exceeds_charge", {"amount": 9 * CREDIT}),
]
OF_A_PURCHASE: list[tuple[str, dict[str, Any]]] = [
    ("invalid_id", {"refund_id": ""}),
    ("invalid_amount", {"amount": -1}),
    ("invalid_price", {"money_minor": -1}),
    ("refund_id_used", {"refund_id": "taken"}),
    ("unknown_payment", {"payment_id": "unknown"}),
    ("nothing_to_void", {"amount": 9 * CREDIT}),
    ("exceeds_price", {"money_minor": 10_000}),
]


def busy_world() -> World:
    """An account that has one of everything."""
    world = World(card())
    terms = Grant(
        amount=4 * CREDIT,
        kind="purchased",
        price_minor=400,
        currency="USD",
        payment_id="taken",
        referral_id="taken",
    )
    world.accept(terms, "taken")
    world.grant("closed", CREDIT)
    world.accept(Void(lot_id="closed"))
    world.use("used", 1)
    world.use("refunded", 1)
    world.accept(RefundUsage(refund_id="taken", event_id="refunded"))
    world.hold("taken", 1)
    world.hold("ended", 1)
    world.accept(ReleaseHold(hold_id="ended"))
    return world


def body_of(make: Callable[..., CommandBody], fields: dict[str, Any]) -> CommandBody:
    return make(**fields)


@pytest.mark.parametrize(
    ("make", "sound", "faults"),
    [
        (Grant, {"amount": CREDIT, "kind": "purchased"}, OF_A_GRANT),
        (
            PlaceHold,
            {"hold_id": "new", "amount": CREDIT, "meter": "tokens", "expires_at": T + DAY_US},
            OF_A_HOLD,
        ),
        (ExtendHold, {"hold_id": "taken", "expires_at": T + DAY_US}, OF_AN_EXTENSION),
        (Void, {"lot_id": "taken", "amount": CREDIT}, OF_A_VOID),
        (ChangeExpiry, {"lot_id": "taken", "expires_at": T + DAY_US}, OF_AN_EXPIRY),
        (RefundUsage, {"refund_id": "r", "event_id": "used", "amount": CREDIT}, OF_A_REFUND),
        (
            RefundPurchase,
            {"refund_id": "r", "payment_id": "taken", "amount": CREDIT, "money_minor": 100},
            OF_A_PURCHASE,
        ),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_8_of_several_codes_the_first_in_precedence_is_given(
    make: Callable[..., CommandBody],
    sound: dict[str, Any],
    faults: list[tuple[str, dict[str, Any]]],
) -> None:
    wrong: list[str] = []
    for (one, fault), (other, another) in product(faults, faults):
        world = busy_world()
        codes = {one} if fault.keys() & another.keys() else {one, other}
        first = min(codes, key=PRECEDENCE.index)
        decision = world.ask(body_of(make, {**sound, **another, **fault}))
        if decision.code != first:
            wrong.append(f"{decision.code} was given for {one} and {other}")
    assert wrong == []
    assert busy_world().ask(body_of(make, sound)).outcome == "accepted"


def test_8_a_customer_comes_before_the_values_of_a_grant() -> None:
    decision = World().decide(
        command(Grant(amount=0, kind="purchased"), customer_id=PARTITION_CUSTOMER)
    )
    assert decision.code == "invalid_customer"


def test_8_the_form_of_a_capture_comes_before_the_state_of_its_hold() -> None:
    assert busy_world().refuse(CaptureHold(hold_id="unknown", amount=0)) == "invalid_amount"
    assert busy_world().refuse(CaptureHold(hold_id="ended", amount=-1)) == "invalid_amount"


@pytest.mark.parametrize(
    "body",
    [
        Void(lot_id="taken", amount=AMOUNT_MAX + 1),
        RefundUsage(refund_id="r", event_id="used", amount=AMOUNT_MAX + 1),
        RefundPurchase(refund_id="r", payment_id="taken", amount=AMOUNT_MAX + 1),
        Adjust(amount=AMOUNT_MAX + 1),
        Adjust(amount=-AMOUNT_MAX - 1),
        CaptureHold(hold_id="taken", amount=AMOUNT_MAX + 1),
    ],
    ids=lambda body: type(body).__name__,
)
def test_8_an_amount_beyond_two_to_the_62_is_out_of_range_whatever_is_asked(
    body: CommandBody,
) -> None:
    assert busy_world().refuse(body) == "out_of_range"


OF_USAGE: list[tuple[str, dict[str, Any]]] = [
    ("event_id_conflict", {"event_id": "used"}),
    ("too_old", {"occurred_at": T - 35 * DAY_US - 1}),
    ("in_future", {"occurred_at": T + 5 * MINUTE_US + 1}),
    ("invalid_quantity", {"quantities": {"tokens": -1}}),
    ("no_rate", {"meter": "unheard of"}),
    ("out_of_range", {"quantities": {"tokens": AMOUNT_MAX}}),
]


def test_8_of_usage_its_id_its_time_its_quantities_its_rate_its_range() -> None:
    order = [code for code, _ in OF_USAGE]
    wrong: list[str] = []
    for (one, fault), (other, another) in product(OF_USAGE, OF_USAGE):
        world = World(card("2", effective_from=T - 40 * DAY_US))
        world.decide(usage("used", properties={"first": "body"}))
        codes = {one} if fault.keys() & another.keys() else {one, other}
        decision = world.decide(usage(**{**another, **fault}))
        if decision.code != min(codes, key=order.index):
            wrong.append(f"{decision.code} was given for {one} and {other}")
    assert wrong == []


def test_8_of_a_command_its_id_its_age_its_customer_its_own() -> None:
    world = World()
    old = T - 35 * DAY_US - 1
    nothing = Grant(amount=0, kind="included")
    late = command(nothing, "k", customer_id=PARTITION_CUSTOMER, issued_at=old)
    assert world.decide(late).code == "too_old"
    other = command(replace(nothing, amount=-1), "k", customer_id=PARTITION_CUSTOMER, issued_at=old)
    assert world.decide(other).code == "command_id_conflict"
    in_time = command(nothing, "k2", customer_id=PARTITION_CUSTOMER)
    assert world.decide(in_time).code == "invalid_customer"
    assert world.decide(command(nothing, "k3")).code == "invalid_amount"
