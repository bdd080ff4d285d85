"""What if: the same terms make no difference, and other terms make the difference they should."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from drawdown.domain.entries import PARTITION_CUSTOMER, PolicyChange, RecurringGrant
from drawdown.domain.inputs import ApplyRateCard, ChangePolicy, Command, Grant, Tick, UsageEvent
from drawdown.domain.numbers import DAY_US, MINUTE_US
from drawdown.errors import LedgerCorrupt
from drawdown.whatif.change import Change
from drawdown.whatif.comparison import Comparison
from drawdown.whatif.deciding import redecide
from tests.domain.building import CREDIT, T, card
from tests.domain.streams import Recorded, streams
from tests.statements.recording import Recording, new_ledger


def asked(recording: Recording, change: Change) -> dict[str, Any]:
    inputs = {topic: iter(records) for topic, records in recording.inputs.items()}
    redecided = redecide(recording.entries, inputs, change, new_ledger(), new_ledger())
    comparison = Comparison()
    comparison.add(redecided)
    return comparison.document()


def row(document: dict[str, Any], table: str, customer: str, of: str = "") -> dict[str, str]:
    """A row's figures as `before → after`."""
    label = {"meters": "meter", "kinds": "kind", "accounts": "unit"}[table]
    [found] = [
        each
        for each in document[table]
        if each["customer_id"] == customer and (not of or each[label] == of)
    ]
    return {
        name: f"{value['before']} → {value['after']}"
        for name, value in found.items()
        if isinstance(value, dict)
    }


def granted(lot_id: str, credits: int, **terms: Any) -> Grant:
    return Grant(amount=credits * CREDIT, kind="included", lot_id=lot_id, **terms)


@pytest.fixture
def recording() -> Recording:
    """100 credits; 10 tokens on each of 20 days, the event ids of two of them sent again."""
    made = Recording()
    made.ask(granted("g", 100), "g", T)
    for day in range(20):
        made.use(f"e{day}", 10, T + day * DAY_US)
        if day % 10 == 9:
            made.use(f"e{day}", 10, T + day * DAY_US)
    return made


def test_a_card_at_half_the_price(recording: Recording) -> None:
    found = asked(recording, Change(since=T + 4 * DAY_US, card=card("0.5", version="new")))
    assert row(found, "meters", "acme") == {
        "charged": "60 → 60",
        "overage": "0 → 0",
        "uncovered": "100 → 20",
    }
    assert row(found, "kinds", "acme")["remaining"] == "0 → 0"


def test_a_card_at_a_tenth_of_the_price(recording: Recording) -> None:
    found = asked(recording, Change(since=T + 4 * DAY_US, card=card("0.1", version="new")))
    assert row(found, "kinds", "acme") == {
        "spent": "60 → 16",
        "expired": "0 → 0",
        "remaining": "0 → 44",
    }
    assert row(found, "accounts", "acme")["balance"] == "0 → 44"


def test_a_dearer_card_leaves_more_uncovered(recording: Recording) -> None:
    found = asked(recording, Change(since=T + 4 * DAY_US, card=card("2", version="new")))
    assert row(found, "meters", "acme")["uncovered"] == "100 → 260"
    assert found["differs"] is True
    assert row(found, "meters", "all")["uncovered"] == "100 → 260"


def test_cards_that_take_effect_since_are_replaced_too() -> None:
    made = Recording()
    second = card("3", version="2", effective_from=T + 2 * DAY_US)
    third = card("5", version="3", effective_from=T + 6 * DAY_US)
    made.ask(granted("g", 100), "g", T)
    made.ask(ApplyRateCard(card=second), "second", T, PARTITION_CUSTOMER)
    made.use("e1", 1, T + DAY_US)
    made.use("e3", 1, T + 3 * DAY_US)
    made.ask(ApplyRateCard(card=third), "third", T + 5 * DAY_US, PARTITION_CUSTOMER)
    made.use("e7", 1, T + 7 * DAY_US)
    found = asked(made, Change(since=T + DAY_US, card=card("1", version="1")))
    assert row(found, "meters", "acme")["charged"] == "9 → 3"
    assert found["inputs"] == 4


def test_the_same_card_makes_no_difference(recording: Recording) -> None:
    found = asked(recording, Change(since=T + 4 * DAY_US, card=card()))
    assert (found["differs"], found["inputs"]) == (False, 17)


def test_from_the_beginning(recording: Recording) -> None:
    found = asked(recording, Change(since=0))
    assert (found["differs"], found["inputs"]) == (False, 23)


def test_after_the_end_nothing_is_decided(recording: Recording) -> None:
    found = asked(recording, Change(since=T + 99 * DAY_US, card=card("9")))
    assert (found["differs"], found["inputs"]) == (False, 0)


def test_another_burn_order() -> None:
    made = Recording()
    policy = ChangePolicy(policy=PolicyChange(burn_order="default"))
    made.ask(policy, "own", T)
    paid = granted("paid", 10, price_minor=100, currency="USD", expires_at=T + DAY_US)
    made.ask(replace(paid, kind="purchased"), "paid", T)
    made.ask(granted("free", 10), "free", T)
    made.ask(policy, "again", T + MINUTE_US)
    made.use("e", 5, T + MINUTE_US)
    orders = {
        order: asked(made, Change(since=T + 1, burn_order=order))
        for order in ("default", "stripe", "orb", "metronome", "lago", "openmeter")
    }
    differing = [order for order, found in orders.items() if found["differs"]]
    assert "default" not in differing
    assert row(orders["lago"], "kinds", "acme", "purchased")["spent"] == "5 → 0"


def test_another_life_of_lots() -> None:
    made = Recording()
    made.ask(granted("open", 10), "open", T)
    made.ask(granted("since", 10, effective_at=T + 2 * DAY_US), "since", T + DAY_US)
    made.use("e1", 4, T + 3 * DAY_US)
    made.ask(Tick(), "tick", T + 30 * DAY_US, PARTITION_CUSTOMER)
    made.use("e2", 10, T + 31 * DAY_US)
    found = asked(made, Change(since=T + 1, expiry_days=10))
    assert row(found, "kinds", "acme") == {
        "spent": "14 → 14",
        "expired": "0 → 6",
        "remaining": "6 → 0",
    }


def test_another_life_of_recurring_lots() -> None:
    made = Recording()
    allowance = RecurringGrant(amount=10 * CREDIT, anchor=T, period="month")
    made.ask(ChangePolicy(policy=PolicyChange(recurring=allowance)), "policy", T)
    made.use("e1", 1, T + DAY_US)
    made.use("e2", 1, T + 20 * DAY_US)
    found = asked(made, Change(since=T, expiry_days=5))
    assert row(found, "meters", "acme")["uncovered"] == "0 → 1"


def test_an_input_that_is_missing_is_said(recording: Recording) -> None:
    del recording.inputs["usage_events"][-3]
    with pytest.raises(LedgerCorrupt, match="usage_events offset 19 was decided, but isn't in"):
        asked(recording, Change(since=T))


def test_ledgers_of_several_partitions_add_up(recording: Recording) -> None:
    comparison = Comparison()
    for _ in range(2):
        inputs = {topic: iter(records) for topic, records in recording.inputs.items()}
        change = Change(since=T, card=card("0.1"))
        comparison.add(redecide(recording.entries, inputs, change, new_ledger(), new_ledger()))
    assert row(comparison.document(), "meters", "all")["charged"] == "200 → 40"


@settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
@given(streams(40))
def test_no_change_makes_no_difference(stream: list[Recorded]) -> None:
    made = Recording()
    at = T
    for number, each in enumerate(stream):
        at = max(at, each.at)
        made.decide(each.given, at)
        if number == len(stream) // 2:
            half = at
    assert asked(made, Change(since=0))["differs"] is False
    assert asked(made, Change(since=half))["differs"] is False


def test_the_stream_has_commands_and_usage(recording: Recording) -> None:
    kinds = {type(each.given) for records in recording.inputs.values() for each in records}
    assert kinds == {Command, UsageEvent}
