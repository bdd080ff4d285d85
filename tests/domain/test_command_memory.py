"""What is remembered of commands, and how long (`domain.md`, «Commands, refunds, disputes»)."""

import pytest

from drawdown.domain.entries import PARTITION_CUSTOMER
from drawdown.domain.inputs import (
    Batch,
    CaptureHold,
    Command,
    CommandBody,
    ExtendHold,
    Grant,
    PlaceHold,
    ReleaseHold,
    Tick,
)
from drawdown.domain.numbers import DAY_US
from tests.domain.building import CREDIT, HOUR_US, T, World, card, command, usage

WINDOW_US = 35 * DAY_US
END = T + 10
"""When the hold ends."""


def placing(hold_id: str = "h") -> PlaceHold:
    return PlaceHold(hold_id=hold_id, amount=CREDIT, meter="tokens", expires_at=T + HOUR_US)


def repeat(world: World, given: Command, at: int) -> str:
    """What a command comes to that is sent anew, which a sender stamps anew too."""
    again = command(given.body, given.command_id, issued_at=at)
    decision = world.decide(again, at)
    return decision.code or decision.outcome


def hold_world() -> World:
    world = World(card())
    world.grant("lot", 9 * CREDIT)
    return world


@pytest.mark.parametrize(
    "ending",
    [ReleaseHold(hold_id="h"), CaptureHold(hold_id="h"), CaptureHold(hold_id="h", amount=1)],
)
def test_a_hold_command_is_kept_35_days_after_the_holds_end(ending: CommandBody) -> None:
    world = hold_world()
    place = command(placing(), "place")
    extend = command(ExtendHold(hold_id="h", amount=CREDIT), "extend")
    end = command(ending, "end")
    for given, at in ((place, T), (extend, T + 1), (end, END)):
        assert world.decide(given, at).outcome == "accepted"
    for given in (place, extend, end):
        assert repeat(world, given, END + WINDOW_US) == "duplicate"
    late = END + WINDOW_US + 1
    assert repeat(world, place, late) == "invalid_period"
    assert repeat(world, extend, late) == "hold_not_open"
    assert repeat(world, end, late) == "hold_not_open"


def test_of_an_open_hold_it_is_kept() -> None:
    world = hold_world()
    place = command(placing(), "place")
    world.decide(place)
    assert repeat(world, place, T + HOUR_US - 1) == "duplicate"
    assert len(world.ledger.commands.first) == 3


def test_of_a_hold_that_expired_it_is_kept_from_then() -> None:
    world = hold_world()
    place = command(placing(), "place")
    world.decide(place)
    expired = T + HOUR_US
    world.accept(Tick(), "", expired + DAY_US, customer_id=PARTITION_CUSTOMER)
    assert repeat(world, place, expired + WINDOW_US) == "duplicate"
    assert repeat(world, place, expired + WINDOW_US + 1) == "invalid_period"


def test_of_a_batch_it_is_kept_while_any_of_its_holds_is() -> None:
    world = hold_world()
    batch = command(Batch(holds=[placing("a"), placing("b")]), "batch")
    world.decide(batch)
    world.accept(ReleaseHold(hold_id="a"), "end a", T + 5)
    world.accept(ReleaseHold(hold_id="b"), "end b", T + 9)
    assert repeat(world, batch, T + 9 + WINDOW_US) == "duplicate"
    assert repeat(world, batch, T + 10 + WINDOW_US) == "invalid_period"


def test_a_command_that_moves_lots_is_kept_for_ever() -> None:
    world = hold_world()
    grant = command(Grant(amount=CREDIT, kind="included"), "grant")
    world.decide(grant)
    for at in (T + WINDOW_US + 1, T + 999 * DAY_US):
        assert repeat(world, grant, at) == "duplicate"


def test_a_refused_hold_command_is_answered_the_same_again() -> None:
    world = hold_world()
    release = command(ReleaseHold(hold_id="unknown"), "release")
    assert world.decide(release).code == "unknown_hold"
    assert repeat(world, release, T + 9) == "unknown_hold"
    assert world.log[-1].facts.account_seq == 2


def test_usage_that_ends_a_hold_ends_the_keeping_of_its_commands() -> None:
    world = hold_world()
    place = command(placing(), "place")
    world.decide(place)
    world.decide(usage("e", hold_id="h", hold_final=True), T + 9)
    assert repeat(world, place, T + 9 + WINDOW_US) == "duplicate"
    assert repeat(world, place, T + 10 + WINDOW_US) == "invalid_period"


def test_what_a_tick_booked_is_known_by_the_ticks_id() -> None:
    world = hold_world()
    world.hold("h", 1)
    tick = command(Tick(), "tick", customer_id=PARTITION_CUSTOMER)
    first = world.decide(tick, T + HOUR_US)
    assert [facts.type for facts in first.facts] == ["hold_expired"]
    again = world.decide(tick, T + HOUR_US)
    assert (again.outcome, again.first_entry_id) == ("duplicate", world.log[-1].entry_id)


def test_holds_of_one_name_in_two_units_are_apart() -> None:
    world = hold_world()
    world.grant("other lot", CREDIT, unit="token")
    ours = command(placing(), "ours")
    theirs = command(placing(), "theirs", unit="token")
    assert [world.decide(each).outcome for each in (ours, theirs)] == ["accepted", "accepted"]
    world.accept(ReleaseHold(hold_id="h"), "end", T + 5)
    assert repeat(world, ours, T + 6 + WINDOW_US) == "invalid_period"
    assert world.decide(theirs, T + 6 + WINDOW_US).outcome == "duplicate"
