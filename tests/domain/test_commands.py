"""Commands: rate cards, and which account a command is for."""

import pytest

from drawdown.domain.entries import PARTITION_CUSTOMER, PolicyChange
from drawdown.domain.inputs import (
    Adjust,
    ApplyRateCard,
    Batch,
    CaptureHold,
    ChangeExpiry,
    ChangePolicy,
    ClosePeriod,
    CommandBody,
    ExtendHold,
    Freeze,
    Grant,
    NoteDispute,
    ParkRecord,
    PlaceHold,
    RedriveRejected,
    RefundPurchase,
    RefundUsage,
    ReleaseHold,
    Tick,
    Unfreeze,
    Void,
)
from drawdown.domain.numbers import SECOND_US
from drawdown.domain.rate_cards import RateCard
from tests.domain import cards
from tests.domain.building import CREDIT, LEAD_US, T, World, card, command, usage


def apply(world: World, each: RateCard, at: int, command_id: str = "apply") -> tuple[str, str]:
    """Try to apply a card; the decision's code and detail."""
    given = command(ApplyRateCard(card=each), command_id, customer_id=PARTITION_CUSTOMER)
    decision = world.decide(given, at)
    return decision.code, decision.detail


def test_a_rate_card_is_an_entry_of_the_reserved_account() -> None:
    world = World()
    each = card(effective_from=T + LEAD_US)
    decision = world.apply(each)
    (facts,) = decision.facts
    assert (facts.type, facts.customer_id, facts.unit) == (
        "rate_card_applied",
        PARTITION_CUSTOMER,
        "credit",
    )
    assert (facts.amount, facts.balance, facts.allocations) == (0, 0, [])
    assert (facts.effective_at, facts.recorded_at) == (T, T)
    assert facts.details is not None
    assert facts.details.rate_card == each
    assert world.ledger.rate_book.cards() == [each]


@pytest.mark.parametrize(
    ("at", "code"), [(T - LEAD_US, ""), (T - LEAD_US + 1, "invalid_rate_card")]
)
def test_a_card_is_applied_its_lead_ahead(at: int, code: str) -> None:
    got, detail = apply(World(), card(effective_from=T), at)
    assert got == code
    assert detail in ("", "effective_from must be 60 s or more after it is recorded")


def test_the_lead_is_a_setting() -> None:
    world = World(lead_us=7 * SECOND_US)
    assert apply(world, card(effective_from=T), T - 6 * SECOND_US, "late") == (
        "invalid_rate_card",
        "effective_from must be 7 s or more after it is recorded",
    )
    assert apply(world, card(effective_from=T), T - 7 * SECOND_US) == ("", "")


def test_a_card_that_breaks_a_rule_is_refused_with_the_first_five() -> None:
    wrong = cards.card(
        *(cards.meter(cards.line("q", "-1", line_id=f"l{n}"), name=f"m{n}") for n in range(6)),
        effective_from=T + LEAD_US,
    )
    code, detail = apply(World(), wrong, T)
    assert code == "invalid_rate_card"
    assert [part[:3] for part in detail.split("; ")] == ["met"] * 5
    assert "meters.m0.lines[0].rate: must be 0 or more" in detail


def test_a_version_is_applied_once() -> None:
    world = World(card(version="1"))
    code, detail = apply(world, card("2", version="1", effective_from=T + 2 * LEAD_US), T)
    assert (code, detail) == (
        "invalid_rate_card",
        "card@1 was applied before: name a new version",
    )
    assert apply(world, card("2", version="2", effective_from=T + 2 * LEAD_US), T, "k2")[0] == ""


def test_a_refused_card_is_not_in_force() -> None:
    world = World()
    apply(world, card(effective_from=T), T)
    assert world.ledger.rate_book.cards() == []
    assert world.decide(usage()).code == "no_rate"


def test_a_card_is_not_applied_to_a_customer() -> None:
    each = ApplyRateCard(card=card(effective_from=T + LEAD_US))
    decision = World().decide(command(each))
    assert (decision.code, decision.detail) == (
        "invalid_customer",
        "this is asked of $partition, not of a customer",
    )


def test_an_override_is_one_customers_own_price() -> None:
    prices = cards.card(
        cards.meter(cards.line("tokens", "1"), name="tokens"),
        overrides=(
            cards.override("acme", cards.line("tokens", "0.5", line_id="own"), of="tokens"),
        ),
        effective_from=T,
    )
    world = World(prices)
    for customer, price in (("acme", CREDIT // 2), ("other", CREDIT)):
        world.grant("lot", 5 * CREDIT, customer_id=customer)
        (facts,) = world.decide(usage(customer_id=customer)).facts
        assert facts.amount == -price


PARKED = ParkRecord(topic="usage-events", partition=3, offset=7)
OF_A_CUSTOMER: list[CommandBody] = [
    Adjust(amount=1),
    Batch(holds=[]),
    CaptureHold(hold_id="h"),
    ChangeExpiry(lot_id="lot"),
    ExtendHold(hold_id="h", amount=1),
    Freeze(),
    Grant(amount=1, kind="included"),
    NoteDispute(dispute_id="d", payment_id="p", state="opened"),
    PlaceHold(hold_id="h", amount=1, meter="m", expires_at=T + 1),
    RedriveRejected(event_id="e"),
    RefundPurchase(refund_id="r", payment_id="p", amount=1),
    RefundUsage(refund_id="r", event_id="e"),
    ReleaseHold(hold_id="h"),
    Unfreeze(),
    Void(lot_id="lot"),
]


@pytest.mark.parametrize("body", OF_A_CUSTOMER, ids=lambda body: type(body).__name__)
def test_8_what_is_asked_of_a_customer_is_refused_for_the_reserved_account(
    body: CommandBody,
) -> None:
    assert World(card()).refuse(body, customer_id=PARTITION_CUSTOMER) == "invalid_customer"


@pytest.mark.parametrize(
    "body",
    [
        ApplyRateCard(card=card(effective_from=T + LEAD_US)),
        ClosePeriod(closed_until=T),
        PARKED,
        Tick(),
    ],
    ids=lambda body: type(body).__name__,
)
def test_8_what_is_about_no_customer_is_refused_for_a_customer(body: CommandBody) -> None:
    assert World(card()).refuse(body) == "invalid_customer"


@pytest.mark.parametrize("unit", ["", "u" * 129, "nul\0"])
def test_a_unit_is_an_id(unit: str) -> None:
    decision = World().decide(command(Grant(amount=1, kind="included"), unit=unit))
    assert decision.code == "invalid_id"


def test_partition_has_one_account() -> None:
    world = World()
    given = command(
        ChangePolicy(policy=PolicyChange(overage_mode="overage")),
        customer_id=PARTITION_CUSTOMER,
        unit="gpu-minute",
    )
    decision = world.decide(given)
    assert (decision.outcome, decision.code) == ("rejected", "invalid_customer")
    assert world.ledger.default_policy.overage_mode == "hard_stop"
