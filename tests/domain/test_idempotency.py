"""Idempotency: an id is decided once, for as long as its window lasts."""

import pytest

from drawdown.domain.entries import PolicyChange
from drawdown.domain.inputs import ChangePolicy, Command, Grant, UsageEvent
from drawdown.domain.numbers import DAY_US, MICRO, MINUTE_US
from tests.domain.building import CREDIT, T, World, card, command, usage

WINDOW_US = 35 * DAY_US


def charged_world() -> World:
    world = World(card(effective_from=T - 100 * DAY_US))
    world.grant("lot", 100 * CREDIT)
    world.decide(usage("e"))
    return world


def test_a_charge_that_is_repeated_books_nothing_and_names_the_first() -> None:
    world = charged_world()
    before = len(world.log)
    again = world.decide(usage("e"), T + DAY_US)
    assert (again.outcome, again.code, again.facts) == ("duplicate", "", [])
    assert again.first_entry_id == "u-3-0-0"
    assert len(world.log) == before
    assert world.account().balance == 99 * CREDIT


@pytest.mark.parametrize(
    "other",
    [
        usage("e", unit="token"),
        usage("e", meter="other"),
        usage("e", occurred_at=T - 1),
        usage("e", status="failed"),
        usage("e", status="partial"),
        usage("e", properties={"a": "b"}),
        usage("e", quantities={"tokens": 2 * MICRO}),
    ],
)
def test_the_same_id_with_another_body_is_refused_naming_the_first(other: UsageEvent) -> None:
    world = charged_world()
    decision = world.decide(other)
    assert (decision.outcome, decision.code) == ("rejected", "event_id_conflict")
    assert decision.first_entry_id == "u-3-0-0"
    assert decision.detail == "e was charged with another body by u-3-0-0"
    (facts,) = decision.facts
    assert facts.details is not None
    assert facts.details.rejection is not None
    assert facts.details.rejection.first_entry_id == "u-3-0-0"
    again = world.decide(other)
    assert (again.outcome, again.code) == ("duplicate", "event_id_conflict")
    assert again.first_entry_id == "u-3-1-0"


def test_event_ids_are_per_customer() -> None:
    world = charged_world()
    assert world.decide(usage("e", customer_id="other")).outcome == "accepted"


def test_an_id_comes_before_its_time() -> None:
    world = charged_world()
    wrong = usage("e", occurred_at=T - 40 * DAY_US)
    assert world.decide(wrong).code == "event_id_conflict"


def test_an_id_is_kept_until_35_days_after_it_occurred() -> None:
    world = charged_world()
    assert world.decide(usage("e"), T + WINDOW_US).outcome == "duplicate"
    late = world.decide(usage("e"), T + WINDOW_US + 1)
    assert (late.outcome, late.code) == ("rejected", "too_old")


def test_an_id_may_be_used_anew_once_its_window_has_ended() -> None:
    world = charged_world()
    last, first = T + WINDOW_US, T + WINDOW_US + 1
    assert world.decide(usage("e", occurred_at=last), last).code == "event_id_conflict"
    anew = usage("e", occurred_at=first)
    assert world.decide(anew, first).outcome == "accepted"
    for at in (first, first + 3 * DAY_US, first + WINDOW_US):
        assert world.decide(anew, at).outcome == "duplicate"
        world.decide(usage(f"other {at}", occurred_at=at), at)


def test_the_window_of_an_id_counts_from_when_it_occurred_not_from_when_it_was_recorded() -> None:
    world = World(card())
    world.decide(usage("e", occurred_at=T), T + DAY_US)
    first = T + WINDOW_US + 1
    assert world.decide(usage("e", occurred_at=first), first).outcome == "accepted"


def test_a_refusal_is_decided_again_and_charged_when_it_can_be() -> None:
    world = World()
    event = usage("e", occurred_at=T + MINUTE_US)
    assert world.decide(event, T).code == "no_rate"
    again = world.decide(event, T + 1)
    assert (again.outcome, again.code, again.first_entry_id) == ("duplicate", "no_rate", "u-3-0-0")
    assert again.detail == "no rate card for credit was in force"
    world.apply(card(effective_from=T + MINUTE_US))
    assert world.decide(event, T + 2).outcome == "accepted"
    assert world.decide(event, T + 3).outcome == "duplicate"


def test_a_refusal_for_another_reason_or_of_another_body_is_recorded_too() -> None:
    world = World(card())
    event = usage("e", occurred_at=T + 6 * MINUTE_US, meter="m")
    assert world.decide(event, T).code == "in_future"
    assert world.decide(event, T + MINUTE_US).code == "no_rate"
    other = usage("e", occurred_at=T + 6 * MINUTE_US, meter="n")
    assert world.decide(other, T + MINUTE_US).outcome == "rejected"
    assert world.decide(event, T).outcome == "duplicate"


def test_a_refusal_is_remembered_for_35_days_from_the_first() -> None:
    world = World(card(effective_from=T))
    event = usage("e", meter="m", occurred_at=T - WINDOW_US)
    assert world.decide(event, T).code == "no_rate"
    assert world.decide(event, T + 1).code == "too_old"
    assert world.decide(event, T + 1 + WINDOW_US).outcome == "duplicate"
    anew = world.decide(event, T + 2 + WINDOW_US)
    assert (anew.outcome, anew.code) == ("rejected", "too_old")
    assert world.decide(event, T + 3 + WINDOW_US).first_entry_id == "u-3-3-0"


def grant(amount: int = CREDIT) -> Grant:
    return Grant(amount=amount, kind="included")


def test_a_command_that_is_repeated_gets_its_first_decision_for_ever() -> None:
    world = World()
    first = command(grant(), "k")
    assert world.decide(first).outcome == "accepted"
    for at in (T, T + 400 * DAY_US):
        again = world.decide(first, at)
        assert (again.outcome, again.code, again.facts) == ("duplicate", "", [])
        assert again.first_entry_id == "c-3-0-0"
    assert world.account().balance == CREDIT


def test_a_command_that_is_sent_anew_later_is_the_same_command() -> None:
    world = World()
    world.decide(command(grant(), "k", issued_at=T, actor="one"))
    assert world.decide(command(grant(), "k", issued_at=T + 1, actor="two")).outcome == "duplicate"


def test_a_refused_command_stays_refused() -> None:
    world = World()
    wrong = command(grant(0), "k")
    assert world.decide(wrong).code == "invalid_amount"
    again = world.decide(wrong)
    assert (again.outcome, again.code, again.first_entry_id) == (
        "duplicate",
        "invalid_amount",
        "c-3-0-0",
    )
    corrected = world.decide(command(grant(1), "k"))
    assert (corrected.outcome, corrected.code) == ("rejected", "command_id_conflict")


@pytest.mark.parametrize(
    "other",
    [
        command(grant(2 * CREDIT), "k"),
        command(grant(), "k", unit="token"),
        command(grant(), "k", reason="other"),
        command(ChangePolicy(policy=PolicyChange()), "k"),
        command(grant(2 * CREDIT), "k", issued_at=T - 40 * DAY_US),
    ],
)
def test_a_command_id_with_another_body_is_refused_naming_the_first(other: Command) -> None:
    world = World()
    world.decide(command(grant(), "k"))
    decision = world.decide(other)
    assert (decision.outcome, decision.code) == ("rejected", "command_id_conflict")
    assert (decision.first_entry_id, decision.detail) == (
        "c-3-0-0",
        "c-3-0-0 decided another body",
    )
    assert len(decision.facts) == 1
    again = world.decide(other)
    assert (again.outcome, again.first_entry_id) == ("rejected", "c-3-0-0")
    assert world.decide(command(grant(), "k")).outcome == "duplicate"


def test_command_ids_are_per_customer_and_apart_from_event_ids() -> None:
    world = charged_world()
    assert world.decide(command(grant(), "e")).outcome == "accepted"
    assert world.decide(command(grant(), "e", customer_id="other")).outcome == "accepted"
    assert world.decide(usage("lot")).outcome == "accepted"


@pytest.mark.parametrize(
    ("issued_at", "code"), [(T - WINDOW_US, ""), (T - WINDOW_US - 1, "too_old"), (T + DAY_US, "")]
)
def test_a_command_may_be_35_days_old(issued_at: int, code: str) -> None:
    assert World().decide(command(grant(), issued_at=issued_at), T).code == code
