"""Redrive: a rejected event decided anew, once charged never again (rulings 12, 13, 16, 30)."""

from dataclasses import replace

import pytest

from drawdown.domain.entries import EntryFacts
from drawdown.domain.inputs import CaptureHold, HoldUsage, RedriveRejected
from drawdown.domain.ledger import Ledger
from drawdown.domain.numbers import AMOUNT_MAX, DAY_US, MINUTE_US
from tests.domain.building import (
    CREDIT,
    UNIT,
    T,
    World,
    card,
    command,
    deduction,
    drawn,
    told,
    usage,
)

WINDOW_US = 35 * DAY_US
LATER = T + DAY_US


def redrive(event_id: str = "e", rate_card: str = "") -> RedriveRejected:
    return RedriveRejected(event_id=event_id, rate_card=rate_card)


def rejected_world() -> World:
    """`e` occurred before the first card was in force, which has been applied since."""
    world = World()
    assert world.decide(usage("e", properties={"model": "sage"}), T + 5).code == "no_rate"
    world.apply(card("2", effective_from=T + 10 * MINUTE_US))
    return world


def charged(facts: EntryFacts) -> tuple[int, str]:
    assert facts.charge is not None
    return facts.charge.rated // CREDIT, facts.charge.rate_card


def test_13_it_names_the_version_to_rate_with_and_occurred_at_stays() -> None:
    world = rejected_world()
    world.grant("lot", 5 * CREDIT, LATER)
    (facts,) = world.accept(redrive(rate_card="card@1"), "k", LATER)
    assert (facts.type, facts.amount, charged(facts)) == ("deduction", -2 * CREDIT, (2, "card@1"))
    assert (facts.effective_at, facts.recorded_at) == (T, LATER)
    assert (facts.cause, facts.cause_id, facts.actor) == ("command", "k", "tester")
    assert facts.details is not None
    assert facts.details.event_id == "e"
    assert facts.details.event_digest == usage("e", properties={"model": "sage"}).digest
    assert facts.charge is not None
    assert (facts.charge.meter, facts.charge.properties) == ("tokens", {"model": "sage"})


def test_13_without_a_version_it_is_rated_as_it_occurred() -> None:
    world = World()
    event = usage("e", occurred_at=T + 4 * MINUTE_US)
    assert world.decide(event, T).code == "no_rate"
    world.apply(card(effective_from=T + 3 * MINUTE_US))
    (facts,) = world.accept(redrive(), "", LATER)
    assert charged(facts) == (1, "card@1")


def test_13_todays_lots_pay() -> None:
    world = rejected_world()
    world.grant("gone", 5 * CREDIT, T, expires_at=T + 10)
    world.grant("today", 5 * CREDIT, LATER)
    (facts,) = world.accept(redrive(rate_card="card@1"), "", LATER)
    assert drawn(facts) == [("today", 2)]


@pytest.mark.parametrize(
    ("first_at", "code"), [(T + WINDOW_US, ""), (T + WINDOW_US + 1, "too_old")]
)
def test_13_the_window_is_judged_by_the_original_recorded_at(first_at: int, code: str) -> None:
    world = World(card(effective_from=T - DAY_US))
    world.decide(usage("e", meter="m"), first_at)
    world.apply(card(version="2", effective_from=first_at + DAY_US))
    decision = world.ask(redrive("e", "card@2"), "", first_at + 90 * DAY_US)
    assert decision.code == (code or "no_rate")


def test_30_in_future_is_judged_by_its_own_recorded_at() -> None:
    world = World(card())
    event = usage("e", occurred_at=T + DAY_US)
    assert world.decide(event, T).code == "in_future"
    assert world.refuse(redrive(), T + DAY_US - 5 * MINUTE_US - 1) == "in_future"
    world.accept(redrive(), "", T + DAY_US - 5 * MINUTE_US)


def test_30_once_charged_its_id_is_kept_for_ever_and_redriving_it_again_is_a_duplicate() -> None:
    world = rejected_world()
    world.accept(redrive(rate_card="card@1"), "k", LATER)
    for at in (LATER, LATER + 400 * DAY_US):
        again = world.ask(redrive(rate_card="card@1"), "", at)
        assert (again.outcome, again.facts) == ("duplicate", [])
        assert again.first_entry_id == "c-3-1-0"
    event = usage("e", occurred_at=LATER + 400 * DAY_US)
    assert world.decide(event, LATER + 400 * DAY_US).code == "event_id_conflict"


def test_13_what_was_charged_by_being_sent_again_is_never_charged_by_a_redrive() -> None:
    world = World()
    event = usage("e", occurred_at=T + 4 * MINUTE_US)
    world.decide(event, T)
    world.apply(card(effective_from=T + 3 * MINUTE_US))
    assert world.decide(event, T + 1).outcome == "accepted"
    for at in (LATER, T + 36 * DAY_US, T + 400 * DAY_US):
        again = world.ask(redrive(), "", at)
        assert (again.outcome, again.facts) == ("duplicate", [])


def test_what_was_charged_with_another_body_is_not_redriven() -> None:
    world = World(card())
    assert world.decide(usage("e", meter="m")).code == "no_rate"
    world.decide(usage("e"))
    decision = world.ask(redrive())
    assert (decision.code, decision.first_entry_id) == ("already_charged", "u-3-1-0")


def test_12_a_refused_redrive_is_a_command_and_always_writes_its_rejection() -> None:
    world = rejected_world()
    for _ in range(2):
        assert world.refuse(redrive()) == "no_rate"
    decision = world.ask(redrive(rate_card="card@9"))
    assert (decision.code, decision.detail) == (
        "no_rate",
        "no rate card card@9 for credit was applied",
    )
    world.accept(redrive(rate_card="card@1"), "", LATER)


def test_a_card_of_another_unit_does_not_rate_it() -> None:
    world = rejected_world()
    world.apply(card(version="token", unit="token", effective_from=T + 10 * MINUTE_US))
    assert world.refuse(redrive(rate_card="card@token")) == "no_rate"


def test_what_was_never_rejected_is_not_redriven() -> None:
    world = rejected_world()
    world.apply(card(version="2", effective_from=LATER))
    world.decide(usage("charged", occurred_at=LATER), LATER)
    for event_id in ("unknown", "charged"):
        assert world.refuse(redrive(event_id), LATER) == "not_rejected"
    in_unit = world.ask(redrive(rate_card="card@1"), "", LATER, unit="token")
    assert in_unit.code == "not_rejected"
    of_another = world.ask(redrive(rate_card="card@1"), "", LATER, customer_id="other")
    assert of_another.code == "not_rejected"


def test_out_of_range_may_be_redriven() -> None:
    world = World(card("2"))
    event = usage("e", quantities={"tokens": AMOUNT_MAX})
    assert world.decide(event).code == "out_of_range"
    world.apply(card("1", version="2", effective_from=LATER))
    assert world.refuse(redrive()) == "out_of_range"
    (facts,) = world.accept(redrive(rate_card="card@2"), "", LATER)
    assert charged(facts) == (AMOUNT_MAX // CREDIT, "card@2")


def captured(tokens: int = 1) -> HoldUsage:
    return HoldUsage(
        event_id="e",
        meter="unheard of",
        occurred_at=T,
        status="succeeded",
        properties={},
        quantities={"tokens": tokens * UNIT},
        digest=f"{tokens}".encode(),
    )


def test_13_a_refused_capture_may_be_redriven_and_takes_its_hold() -> None:
    world = World(card())
    world.grant("lot", 5 * CREDIT)
    world.hold("h", 2, expires_at=T + DAY_US)
    assert world.refuse(CaptureHold(hold_id="h", usage=captured()), T) == "no_rate"
    assert world.account().holds["h"].open_at(T)
    priced = card(version="2", effective_from=T + 10 * MINUTE_US)
    (meter,) = priced.meters
    world.apply(replace(priced, meters=[replace(meter, name="unheard of")]))
    facts = world.accept(redrive(rate_card="card@2"), "", T + 5)
    assert told(facts) == [("deduction", -1), ("hold_released", 0)]
    assert facts[0].allocations[0].reserved


def test_34_redriving_a_final_event_that_was_charged_ends_its_hold() -> None:
    world = World()
    world.apply(card(effective_from=T + 3 * MINUTE_US))
    final = usage("e", occurred_at=T + 2 * MINUTE_US, hold_id="h", hold_final=True)
    assert world.decide(final, T).code == "no_rate"
    world.grant("lot", 5 * CREDIT)
    world.accept(redrive(rate_card="card@1"), "", T)
    world.hold("h", 2)
    again = world.ask(redrive(rate_card="card@1"), "", T + 5)
    assert (again.outcome, told(again.facts)) == ("duplicate", [("hold_released", 0)])


def test_a_replayed_ledger_can_redrive() -> None:
    world = rejected_world()
    replayed = world.replayed()
    given = command(redrive(rate_card="card@1"), "k", issued_at=LATER)
    assert replayed.decide_command(given, LATER).outcome == "accepted"


def test_the_newest_body_that_was_rejected_is_redriven() -> None:
    world = World()
    world.decide(usage("e"))
    world.decide(usage("e", quantities={"tokens": 3 * UNIT}))
    world.apply(card(effective_from=T + 10 * MINUTE_US))
    (facts,) = world.accept(redrive(rate_card="card@1"), "", LATER)
    assert charged(facts) == (3, "card@1")


def test_a_repeat_of_a_redriven_event_is_a_duplicate() -> None:
    world = rejected_world()
    world.accept(redrive(rate_card="card@1"), "", T + 9)
    again = world.decide(usage("e", properties={"model": "sage"}), T + 10)
    assert (again.outcome, again.code) == ("duplicate", "")
    assert deduction(world.decide(usage("f", occurred_at=LATER), LATER)).charge is not None


def test_books_that_read_nothing_redrive_nothing() -> None:
    ledger = Ledger(namespace="test", partition=3, rate_card_lead_us=0)
    for entry in rejected_world().log:
        ledger.evolve(entry)
    given = command(redrive(rate_card="card@1"), "k", issued_at=LATER)
    assert ledger.decide_command(given, LATER).code == "not_rejected"
