"""Grants: what they open, and why they are refused (ruling 27)."""

from typing import Any

import pytest

from drawdown.domain.entries import PARTITION_CUSTOMER, LotTerms
from drawdown.domain.grants import business_keys
from drawdown.domain.ids import valid_id
from drawdown.domain.inputs import Grant
from drawdown.domain.numbers import AMOUNT_MAX, DAY_US, NEVER
from tests.domain.building import CREDIT, T, World, card, command


def test_a_grant_opens_a_lot_with_its_terms() -> None:
    world = World()
    body = Grant(
        amount=7 * CREDIT,
        kind="purchased",
        lot_id="lot",
        campaign="spring",
        price_minor=900,
        currency="USD",
        list_price_minor=1000,
        priority=20,
        meters=["tokens"],
        properties={"model": "sage"},
        effective_at=T + 5,
        expires_at=T + DAY_US,
        payment_id="pay",
        referral_id="ref",
    )
    decision = world.decide(
        command(body, "k", reason="milestone", actor="sales", issued_at=T - 3), at=T + 1
    )
    (facts,) = decision.facts
    assert (decision.outcome, decision.code, decision.first_entry_id) == ("accepted", "", "")
    assert (facts.type, facts.account_seq, facts.namespace) == ("grant", 1, "test")
    assert (facts.customer_id, facts.unit) == ("acme", "credit")
    assert (facts.amount, facts.balance, facts.held) == (7 * CREDIT, 7 * CREDIT, 0)
    assert facts.available == 0, "it starts later"
    assert (facts.cause, facts.cause_id, facts.reason, facts.actor) == (
        "command",
        "k",
        "milestone",
        "sales",
    )
    assert (facts.occurred_at, facts.recorded_at, facts.effective_at) == (T - 3, T + 1, T + 5)
    assert facts.burn_order_version == 1
    assert facts.charge is None
    (part,) = facts.allocations
    assert (part.lot_id, part.amount, part.kind) == ("lot", 7 * CREDIT, "purchased")
    assert (part.released_minor, part.currency, part.reserved) == (0, "USD", False)
    assert facts.details is not None
    assert facts.details.lot == LotTerms(
        lot_id="lot",
        lot_seq=1,
        kind="purchased",
        campaign="spring",
        price_minor=900,
        currency="USD",
        list_price_minor=1000,
        priority=20,
        meters=["tokens"],
        properties={"model": "sage"},
        effective_at=T + 5,
        expires_at=T + DAY_US,
        payment_id="pay",
        referral_id="ref",
        opens_at=None,
        voids_at=None,
        freezes=[],
    )
    lot = world.account().lots["lot"]
    assert (lot.granted, lot.remaining, lot.spent, lot.reserved) == (7 * CREDIT, 7 * CREDIT, 0, 0)
    assert (lot.reason, lot.accepted_at, lot.released_minor) == ("milestone", T + 1, 0)


def test_a_lot_without_an_id_has_that_of_its_command() -> None:
    world = World(card())
    world.grant("k1", CREDIT)
    world.use("e", 1)
    world.grant("k2", CREDIT)
    assert [(lot.lot_id, lot.lot_seq) for lot in world.account().lots.values()] == [
        ("k1", 1),
        ("k2", 2),
    ]


@pytest.mark.parametrize("start", [None, T - DAY_US, T])
def test_a_grant_without_a_start_or_with_a_past_one_counts_from_its_acceptance(
    start: int | None,
) -> None:
    world = World()
    (facts,) = world.grant("lot", CREDIT, T, effective_at=start, expires_at=T + 1).facts
    assert (facts.effective_at, facts.available) == (T, CREDIT)
    assert world.account().lots["lot"].effective_at == T


def test_a_grant_without_an_expiry_never_expires() -> None:
    world = World()
    world.grant("lot", CREDIT)
    assert world.account().lots["lot"].expires_at == NEVER


def test_units_are_accounts_apart() -> None:
    world = World()
    world.grant("lot", CREDIT)
    world.grant("lot 2", 2 * CREDIT, unit="token")
    assert world.account().balance == CREDIT
    assert world.account(unit="token").balance == 2 * CREDIT
    assert world.account(unit="token").account_seq == 1


REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("invalid_id", {"lot_id": "x" * 129}),
    ("invalid_id", {"lot_id": "é" * 65}),
    ("invalid_id", {"lot_id": "nul\0"}),
    ("invalid_id", {"payment_id": "x" * 129}),
    ("invalid_id", {"campaign": "x" * 129}),
    ("invalid_id", {"referral_id": "x" * 129}),
    ("out_of_range", {"amount": AMOUNT_MAX + 1}),
    ("invalid_freeze", {"freeze": "manual"}),
    ("invalid_freeze", {"opens_at": T + 1}),
    ("invalid_freeze", {"voids_at": T + 1}),
    ("invalid_amount", {"amount": 0}),
    ("invalid_amount", {"amount": -1}),
    ("invalid_currency", {"price_minor": 1}),
    ("invalid_currency", {"list_price_minor": 1}),
    ("invalid_currency", {"currency": "XYZ"}),
    ("invalid_currency", {"price_minor": 1, "currency": "usd"}),
    ("invalid_price", {"price_minor": -1, "currency": "USD"}),
    ("invalid_price", {"price_minor": AMOUNT_MAX + 1, "currency": "USD"}),
    ("invalid_price", {"list_price_minor": -1, "currency": "USD"}),
    ("invalid_price", {"kind": "promotional", "price_minor": 1, "currency": "USD"}),
    ("invalid_priority", {"priority": -1}),
    ("invalid_priority", {"priority": 101}),
    ("invalid_period", {"expires_at": T - 1}),
    ("invalid_period", {"expires_at": T}),
    ("invalid_period", {"effective_at": T + 2, "expires_at": T + 1}),
    ("invalid_period", {"effective_at": T + 2, "expires_at": T + 2}),
    ("invalid_period", {"effective_at": NEVER}),
    ("invalid_period", {"expires_at": NEVER}),
    ("invalid_period", {"freeze": "verification", "opens_at": T}),
    ("invalid_period", {"freeze": "verification", "voids_at": T}),
    ("invalid_period", {"freeze": "verification", "voids_at": NEVER}),
]


@pytest.mark.parametrize(("code", "terms"), REFUSED)
def test_a_grant_is_refused(code: str, terms: dict[str, Any]) -> None:
    world = World()
    decision = world.decide(command(Grant(**{"amount": CREDIT, "kind": "purchased", **terms})))
    assert (decision.outcome, decision.code) == ("rejected", code)
    assert decision.detail
    (facts,) = decision.facts
    assert (facts.type, facts.amount, facts.balance) == ("rejected", 0, 0)
    assert (facts.effective_at, facts.allocations) == (T, [])
    assert facts.details is not None
    rejection = facts.details.rejection
    assert rejection is not None
    assert (rejection.code, rejection.detail) == (code, decision.detail)
    assert (rejection.first_entry_id, rejection.input) == ("", b"raw command 0")
    assert world.account().lots == {}


@pytest.mark.parametrize(
    "terms",
    [
        {"lot_id": "x" * 128},
        {"lot_id": "é" * 64},
        {"amount": 1},
        {"amount": AMOUNT_MAX},
        {"price_minor": AMOUNT_MAX, "currency": "JPY"},
        {"price_minor": 1, "currency": "KWD"},
        {"kind": "promotional", "list_price_minor": 1, "currency": "USD"},
        {"kind": "included", "currency": "USD"},
        {"priority": 0},
        {"priority": 100},
        {"expires_at": T + 1},
        {"effective_at": T + 1, "expires_at": T + 2},
        {"effective_at": NEVER - 2, "expires_at": NEVER - 1},
        {"freeze": "payment_pending"},
        {"freeze": "verification", "opens_at": T + 1, "voids_at": T + 1},
    ],
)
def test_a_grant_at_the_edge_is_accepted(terms: dict[str, Any]) -> None:
    world = World()
    decision = world.decide(command(Grant(**{"amount": CREDIT, "kind": "purchased", **terms})))
    assert (decision.outcome, decision.detail) == ("accepted", "")


def test_the_reserved_account_gets_no_credits() -> None:
    decision = World().decide(
        command(Grant(amount=CREDIT, kind="included"), customer_id=PARTITION_CUSTOMER)
    )
    assert (decision.code, decision.detail) == (
        "invalid_customer",
        "this is asked of a customer, not of $partition",
    )


def test_a_balance_ends_at_two_to_the_62() -> None:
    world = World()
    world.grant("most", AMOUNT_MAX - 1)
    over = world.decide(command(Grant(amount=2, kind="included"), "over"))
    assert (over.code, over.detail) == (
        "out_of_range",
        f"2 micro-credits, to a balance of {AMOUNT_MAX + 1}",
    )
    world.grant("last", 1)
    assert world.account().balance == AMOUNT_MAX


def test_a_lot_id_is_used_once_in_an_account() -> None:
    world = World()
    world.grant("lot", CREDIT)
    again = world.decide(command(Grant(amount=CREDIT, kind="included", lot_id="lot"), "k"))
    assert (again.code, again.detail) == ("lot_id_used", "lot lot exists")
    world.grant("lot", CREDIT, unit="token", customer_id="other")
    in_unit = Grant(amount=CREDIT, kind="included", lot_id="lot")
    assert world.decide(command(in_unit, "k2", unit="token")).outcome == "accepted"


@pytest.mark.parametrize(
    ("code", "terms"),
    [
        ("payment_id_used", {"payment_id": "p"}),
        ("campaign_used", {"campaign": "p"}),
        ("referral_used", {"referral_id": "p"}),
    ],
)
def test_a_business_key_is_granted_once_to_a_customer_in_any_unit(
    code: str, terms: dict[str, Any]
) -> None:
    world = World()
    body = Grant(**{"amount": CREDIT, "kind": "purchased", **terms})
    assert world.decide(command(body, "k1")).outcome == "accepted"
    again = world.decide(command(body, "k2", unit="token"))
    assert (again.outcome, again.code) == ("rejected", code)
    assert again.detail.endswith(":p was granted before")
    assert world.decide(command(body, "k3", customer_id="other")).outcome == "accepted"


def test_a_refused_grant_uses_no_business_key() -> None:
    world = World()
    wrong = Grant(amount=0, kind="purchased", payment_id="p")
    assert world.decide(command(wrong, "k1")).code == "invalid_amount"
    right = Grant(amount=1, kind="purchased", payment_id="p")
    assert world.decide(command(right, "k2")).outcome == "accepted"


def test_business_keys_of_different_kinds_are_apart() -> None:
    grant = Grant(amount=1, kind="purchased", payment_id="x", campaign="x", referral_id="x")
    assert business_keys(grant) == [
        ("payment_id_used", "payment:x"),
        ("campaign_used", "campaign:x"),
        ("referral_used", "referral:x"),
    ]
    assert business_keys(Grant(amount=1, kind="purchased")) == []


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("a", True),
        ("", False),
        ("a" * 128, True),
        ("a" * 129, False),
        ("é" * 64, True),
        ("é" * 65, False),
        ("😀" * 32, True),
        ("😀" * 33, False),
    ],
)
def test_ids_are_1_to_128_bytes(text: str, valid: bool) -> None:
    assert valid_id(text) is valid


def test_a_later_start_counts_in_the_balance_and_is_available_from_its_moment() -> None:
    world = World(card())
    world.grant("now", 3 * CREDIT)
    (facts,) = world.grant("later", 5 * CREDIT, effective_at=T + 10).facts
    assert (facts.balance, facts.available) == (8 * CREDIT, 3 * CREDIT)
    before, at = world.use("e1", 1, T + 9), world.use("e2", 1, T + 10)
    assert (before.balance, before.available) == (7 * CREDIT, 2 * CREDIT)
    assert (at.balance, at.available) == (6 * CREDIT, 6 * CREDIT)
