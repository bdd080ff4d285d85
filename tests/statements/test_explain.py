"""Explanations: every step can be redone, and ends where the ledger does."""

from dataclasses import replace
from typing import Any

import pytest

from drawdown.cli.proofs import story_lines
from drawdown.domain.entries import PolicyChange
from drawdown.domain.inputs import ChangePolicy, Grant, PlaceHold, RefundUsage
from drawdown.domain.numbers import DAY_US
from drawdown.domain.rating import charge_atto
from drawdown.statements.arithmetic import atto, month_steps_of, steps_of
from drawdown.statements.explaining import Explanation, charges, concerns, money
from tests.domain import cards
from tests.domain.building import CREDIT, UNIT, T, usage
from tests.statements.recording import Recording

LINES = {
    "linear": cards.line("n", "0.3"),
    "package up": cards.line("n", "0.5", package=("3", "up")),
    "package down": cards.line("n", "0.5", package=("3", "down")),
    "package half up": cards.line("n", "0.5", package=("3", "half_up")),
    "graduated": cards.line(
        "n", mode="graduated", tiers=(("2", "1", "0.5"), ("5", "0.7", "0"), (None, "0.1", "0"))
    ),
    "volume": cards.line("n", mode="volume", tiers=(("2", "1", "0.5"), (None, "0.7", "0"))),
    "minimum": cards.line("n", "0.3", minimum="1"),
}


@pytest.mark.parametrize("name", LINES)
@pytest.mark.parametrize("quantity", [0, 1, 1_499_999, 1_500_000, 2 * UNIT, 4 * UNIT, 7_500_000])
def test_the_last_step_is_the_price(name: str, quantity: int) -> None:
    line = LINES[name]
    steps = steps_of(line, quantity)
    assert steps[-1].rpartition(" = ")[2] == atto(charge_atto(line, quantity))
    month = month_steps_of(line, "2026-01", quantity, quantity + UNIT)
    more = charge_atto(line, quantity + UNIT) - charge_atto(line, quantity)
    assert month[-1].rpartition(" = ")[2] == atto(more)


@pytest.mark.parametrize(
    ("name", "quantity", "steps"),
    [
        ("linear", 7, ["7 × 0.3 = 2.1"]),
        ("package up", 7, ["7 ÷ 3, rounded up = 3", "3 × 0.5 = 1.5"]),
        (
            "graduated",
            7,
            [
                "tier 1 (up to 2): 2 × 1 + 0.5 flat = 2.5",
                "tier 2 (up to 5): 3 × 0.7 = 2.1",
                "tier 3 (no end): 2 × 0.1 = 0.2",
                "all tiers = 4.8",
            ],
        ),
        ("volume", 7, ["tier 2 (no end) takes all: 7 × 0.7 = 4.9"]),
        ("minimum", 2, ["2 × 0.3 = 0.6", "at least 1: max(0.6, 1) = 1"]),
    ],
)
def test_steps_as_they_are_read(name: str, quantity: int, steps: list[str]) -> None:
    assert steps_of(LINES[name], quantity * UNIT) == steps


def test_rates_are_shown_as_the_card_states_them() -> None:
    stated = cards.line("n", "0.00025")
    per = replace(stated, per=1000)
    assert steps_of(per, 1374 * UNIT) == ["1374 × 0.25 ÷ 1000 = 0.3435"]


def test_money() -> None:
    assert money(49, "USD") == "0.49 USD"
    assert money(-1234, "KWD") == "-1.234 KWD"
    assert money(7, "JPY") == "7 JPY"


def story(recording: Recording, event_id: str) -> dict[str, Any]:
    told = Explanation("acme", event_id)
    for entry in recording.entries:
        if entry.facts.customer_id in ("acme", "$partition"):
            told.look_at(entry)
    assert told.known
    return told.document([])


def paid(lot_id: str, credits: int, price: int, currency: str = "USD") -> Grant:
    return Grant(
        amount=credits * CREDIT,
        kind="purchased",
        lot_id=lot_id,
        price_minor=price,
        currency=currency,
    )


@pytest.fixture
def recording() -> Recording:
    priced = cards.meter(cards.line("tokens", "0.1234567"), name="tokens")
    return Recording(cards.card(priced, version="7", effective_from=T))


def test_a_charge_from_two_lots(recording: Recording) -> None:
    recording.ask(paid("a", 10, 999), "a")
    recording.ask(paid("b", 3, 100, "EUR"), "b")
    recording.use("first", 1, T)
    recording.use("e", 100, T + 1)
    told = story(recording, "e")
    charge = told["charge"]
    assert told["outcome"] == "charged"
    assert charge["rate_card"]["label"] == "card@7"
    [line] = charge["lines"]
    assert line["steps"] == ["100 × 0.1234567 = 12.34567"]
    assert charge["sum"]["steps"] == [
        "12.34567 + 0.0000007 left from before = 12.3456707",
        "cut to whole millionths of a credit = 12.34567",
        "12.3456707 − 12.34567 = 0.0000007 stays",
    ]
    assert charge["sum"]["adds_up"] is True
    first, second = charge["lots"]
    assert (first["lot_id"], first["amount"], first["remaining_after"]) == (
        "b",
        "2.876544",
        "0",
    ) or (first["lot_id"] == "b")
    assert second["cost_per_credit"] == "0.999 USD"
    assert first["cost_per_credit"] == "≈ 0.333333333 EUR"
    assert first["released_minor"] == charge["revenue"][0]["released_minor"]
    assert [each["currency"] for each in charge["revenue"]] == ["EUR", "USD"]
    assert charge["split"]["drawn"] == "12.34567"
    assert charge["balance"]["before"] == "12.876544"
    assert charge["balance"]["after"] == "0.530874"
    assert "Balance 12.876544 → 0.530874" in story_lines(told)


def test_refunds_since_are_told(recording: Recording) -> None:
    recording.ask(paid("a", 10, 1000), "a")
    recording.use("e", 10, T)
    recording.ask(RefundUsage(refund_id="r", event_id="e", amount=CREDIT), "r1", T + 1)
    told = story(recording, "e")
    assert told["left"] == {"charged": "1.234567", "given_back": "1", "stands": "0.234567"}
    [refund] = told["refunds"]
    assert (refund["refund_id"], refund["revenue"][0]["released"]) == ("r", "-1.00 USD")
    assert not any(name.startswith("_") for name in (*told["charge"], *refund))
    assert any(line.startswith("Given back: 1 ") for line in story_lines(told))


def test_overage_and_uncovered_are_told(recording: Recording) -> None:
    recording.ask(paid("a", 1, 100), "a")
    recording.use("e", 10, T)
    assert story(recording, "e")["charge"]["split"]["uncovered"] == "0.234567"
    recording.ask(ChangePolicy(policy=PolicyChange(overage_mode="overage")), "p", T + 1)
    recording.use("f", 10, T + 1)
    told = story(recording, "f")["charge"]
    assert (told["split"]["overage"], told["lots"], told["revenue"]) == ("1.234567", [], [])


def test_usage_of_a_hold_tells_what_was_reserved_and_what_ended(recording: Recording) -> None:
    recording.ask(paid("a", 10, 1000), "a")
    hold = PlaceHold(hold_id="h", amount=5 * CREDIT, meter="tokens", expires_at=T + DAY_US)
    recording.ask(hold, "hold", T)
    event = usage("e", occurred_at=T + 1, quantities={"tokens": 10 * UNIT}, hold_id="h")
    recording.decide(event, T + 1)
    charge = story(recording, "e")["charge"]
    assert (charge["hold_id"], charge["hold_ended"]) == ("h", False)
    assert [lot["reserved"] for lot in charge["lots"]] == [True]
    assert [each["type"] for each in charge["decision"]] == ["deduction"]


def test_a_refused_event_says_why_and_since_when(recording: Recording) -> None:
    event = usage("bad", meter="unpriced")
    recording.decide(event, T + 5)
    recording.decide(event, T + 6)
    told = story(recording, "bad")
    assert told["outcome"] == "rejected"
    [rejection] = told["rejections"]
    assert (rejection["code"], rejection["recorded_at"]) == (
        "no_rate",
        "2026-01-01T00:00:00.000005Z",
    )
    assert "no rate card in force" in rejection["meaning"]
    assert story_lines(told)[1].startswith("Refused at 2026-01-01T00:00:00.000005Z")


def test_an_event_of_which_nothing_is_known() -> None:
    assert not Explanation("acme", "none").known


def test_a_line_priced_over_the_month_shows_both_totals() -> None:
    line = cards.line("tokens", mode="graduated", tiers=(("15", "1", "0"), (None, "0.5", "0")))
    made = Recording(
        cards.card(cards.meter(replace(line, over="month"), name="tokens"), effective_from=T)
    )
    made.ask(paid("a", 100, 1000), "a")
    made.use("e", 10, T)
    made.use("f", 10, T + DAY_US)
    charge = story(made, "f")["charge"]
    assert charge["lines"][0]["steps"] == [
        "over 2026-01: 10 before, 20 after",
        "price after: tier 1 (up to 15): 15 × 1 = 15",
        "price after: tier 2 (no end): 5 × 0.5 = 2.5",
        "price after: all tiers = 17.5",
        "price before: tier 1 (up to 15): 10 × 1 = 10",
        "17.5 − 10 = 7.5",
    ]
    assert (charge["amount"], charge["lines"][0]["amount"]) == ("-7.5", "7.5")


def test_failed_usage_costs_nothing(recording: Recording) -> None:
    recording.decide(usage("e", status="failed"), T)
    charge = story(recording, "e")["charge"]
    assert (charge["amount"], charge["lines"], charge["rate_card"]) == ("0", [], None)


def test_what_concerns_an_event(recording: Recording) -> None:
    recording.ask(paid("a", 10, 1000), "a")
    recording.use("e", 10, T)
    recording.decide(usage("bad", meter="unpriced"), T)
    facts = [each.facts for each in recording.entries]
    assert [each.type for each in facts if charges(each, "e")] == ["deduction"]
    assert [each.type for each in facts if concerns(each, "bad")] == ["rejected"]
    assert not any(charges(each, "a") for each in facts)
