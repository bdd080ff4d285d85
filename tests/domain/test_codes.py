"""Rejection codes: each has a meaning and a place."""

from itertools import product
from typing import Any

from drawdown.domain.codes import MEANING, PRECEDENCE
from drawdown.domain.entries import PARTITION_CUSTOMER
from drawdown.domain.inputs import Grant
from drawdown.domain.numbers import AMOUNT_MAX
from tests.domain.building import CREDIT, T, World, command


def test_every_code_has_one_meaning_and_one_place() -> None:
    assert list(MEANING) == list(PRECEDENCE)
    assert len(set(PRECEDENCE)) == len(PRECEDENCE)
    assert all(sentence and not sentence.endswith(".") for sentence in MEANING.values())


FAULTS: list[tuple[str, dict[str, Any]]] = [
    ("invalid_id", {"campaign": "c" * 129}),
    ("out_of_range", {"amount": AMOUNT_MAX + 1}),
    ("unsupported_command", {"freeze": "verification"}),
    ("invalid_amount", {"amount": 0}),
    ("invalid_currency", {"currency": "XYZ"}),
    ("invalid_price", {"price_minor": -1, "currency": "USD"}),
    ("invalid_priority", {"priority": 101}),
    ("invalid_period", {"expires_at": T}),
    ("lot_id_used", {"lot_id": "taken"}),
    ("payment_id_used", {"payment_id": "taken"}),
    ("referral_used", {"referral_id": "taken"}),
]


def test_of_several_codes_the_first_in_precedence_is_given() -> None:
    world = World()
    first = Grant(amount=CREDIT, kind="purchased", payment_id="taken", referral_id="taken")
    world.decide(command(first, "taken"))
    for number, ((one, fault), (other, another)) in enumerate(product(FAULTS, FAULTS)):
        body = Grant(**{"amount": CREDIT, "kind": "purchased", **another, **fault})
        codes = {one} if fault.keys() & another.keys() else {one, other}
        decision = world.decide(command(body, f"both {number}"))
        assert decision.code == min(codes, key=PRECEDENCE.index), (one, other)


def test_a_customer_comes_before_the_values_of_a_grant() -> None:
    decision = World().decide(
        command(Grant(amount=0, kind="purchased"), customer_id=PARTITION_CUSTOMER)
    )
    assert decision.code == "invalid_customer"
