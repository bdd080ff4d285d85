"""Rollover: what of a recurring lot's rest goes on when its period ends."""

from typing import Any

import pytest

from drawdown.domain.entries import (
    PARTITION_CUSTOMER,
    EntryFacts,
    PolicyChange,
    RecurringGrant,
    Rollover,
)
from drawdown.domain.inputs import ChangePolicy, Freeze, ReleaseHold, Tick
from drawdown.domain.numbers import DAY_US, MINUTE_US, PICO
from tests.domain.building import CREDIT, T, World, card, drawn, moved, told

GRACE_US = 5 * MINUTE_US
FEBRUARY = T + 31 * DAY_US
MARCH = FEBRUARY + 28 * DAY_US
HALF = PICO // 2
JANUARYS = "recurring-2026-01-01T00:00:00Z"


def rolling(**fields: Any) -> World:
    """10 credits for 900 cents a month; half of the rest goes on for 60 days, unless told."""
    world = World(card())
    recurring = RecurringGrant(
        amount=10 * CREDIT,
        anchor=T,
        period="month",
        kind="purchased",
        price_minor=900,
        currency="USD",
    )
    plain: dict[str, Any] = {"share_pico": HALF, "life_us": 60 * DAY_US}
    change = PolicyChange(recurring=recurring, rollover=Rollover(**{**plain, **fields}))
    world.accept(ChangePolicy(policy=change))
    tick(world, T)
    return world


def tick(world: World, at: int) -> list[EntryFacts]:
    return world.accept(Tick(), "", at, customer_id=PARTITION_CUSTOMER)


def ending(world: World) -> list[EntryFacts]:
    """What is booked when January's lot expires."""
    tick(world, FEBRUARY)
    return tick(world, FEBRUARY + GRACE_US)


def test_a_share_goes_on_as_a_new_lot_and_the_rest_expires() -> None:
    world = rolling()
    world.use("e", 4)
    expired, voided, granted = ending(world)
    assert (expired.type, moved(expired)) == ("expiration", [(JANUARYS, 3, 270, False)])
    assert (voided.type, voided.reason, moved(voided)) == (
        "void",
        "rollover",
        [(JANUARYS, 3, 270, False)],
    )
    assert (granted.type, granted.reason, drawn(granted)) == (
        "grant",
        "rollover",
        [("rollover-1", 3)],
    )
    assert [each.effective_at for each in (expired, voided, granted)] == [FEBRUARY] * 3
    assert {each.cause for each in (expired, voided, granted)} == {"tick"}
    lot = world.account().lots["rollover-1"]
    assert (lot.kind, lot.price_minor, lot.currency) == ("purchased", 270, "USD")
    assert (lot.effective_at, lot.expires_at) == (FEBRUARY, FEBRUARY + 60 * DAY_US)
    assert (lot.granted, lot.lot_seq, lot.period_at) == (3 * CREDIT, 3, None)
    assert world.account().lots[JANUARYS].released_minor == 900


@pytest.mark.parametrize(
    ("fields", "rolled"),
    [
        ({}, 5 * CREDIT),
        ({"share_pico": 0}, 0),
        ({"share_pico": PICO}, 10 * CREDIT),
        ({"share_pico": PICO // 3}, 3_333_333),
        ({"share_pico": 0, "minimum": 2 * CREDIT}, 2 * CREDIT),
        ({"minimum": 7 * CREDIT}, 7 * CREDIT),
        ({"minimum": 11 * CREDIT}, 10 * CREDIT),
        ({"maximum": 4 * CREDIT}, 4 * CREDIT),
        ({"maximum": 6 * CREDIT}, 5 * CREDIT),
        ({"minimum": 7 * CREDIT, "maximum": 6 * CREDIT}, 6 * CREDIT),
        ({"maximum": 0}, 0),
    ],
)
def test_the_minimum_of_maximum_and_the_maximum_of_minimum_and_share(
    fields: dict[str, Any], rolled: int
) -> None:
    facts = ending(rolling(**fields))
    expired = sum(-each.amount for each in facts if each.type == "expiration")
    voided = sum(-each.amount for each in facts if each.type == "void")
    granted = sum(each.amount for each in facts if each.type == "grant")
    assert (expired, voided, granted) == (10 * CREDIT - rolled, rolled, rolled)


def test_all_of_it_goes_on_without_an_expiration() -> None:
    world = rolling(share_pico=PICO)
    facts = ending(world)
    assert told(facts) == [("void", -10), ("grant", 10)]
    assert world.account().lots["rollover-1"].price_minor == 900


def test_what_is_reserved_does_not_go_on() -> None:
    world = rolling(share_pico=PICO)
    world.hold("h", 4, FEBRUARY - 1, expires_at=FEBRUARY + DAY_US - 1)
    assert told(ending(world)) == [("void", -6), ("grant", 6)]
    released = world.accept(ReleaseHold(hold_id="h"), "", FEBRUARY + GRACE_US)
    assert told(released) == [("hold_released", 0), ("expiration", -4)]


def test_a_lot_with_nothing_left_rolls_nothing() -> None:
    world = rolling(minimum=5 * CREDIT)
    world.use("e", 10)
    assert ending(world) == []


def test_what_was_rolled_over_does_not_roll_again() -> None:
    world = rolling(share_pico=PICO, life_us=DAY_US)
    ending(world)
    facts = tick(world, FEBRUARY + DAY_US + GRACE_US)
    assert told(facts) == [("expiration", -10)]
    assert drawn(facts[0]) == [("rollover-1", 10)]


def test_other_lots_do_not_roll() -> None:
    world = rolling(share_pico=PICO)
    world.grant("lot", CREDIT, expires_at=T + DAY_US)
    assert told(tick(world, T + DAY_US + GRACE_US)) == [("expiration", -1)]


def test_a_free_lot_rolls_without_a_currency() -> None:
    world = World(card())
    recurring = RecurringGrant(amount=10 * CREDIT, anchor=T, period="month", currency="USD")
    change = PolicyChange(recurring=recurring, rollover=Rollover(share_pico=PICO, life_us=DAY_US))
    world.accept(ChangePolicy(policy=change))
    tick(world, T)
    ending(world)
    lot = world.account().lots["rollover-1"]
    assert (lot.price_minor, lot.currency, lot.kind) == (0, "", "included")


def test_in_a_frozen_account_a_lot_neither_expires_nor_rolls() -> None:
    world = rolling(share_pico=PICO)
    world.accept(Freeze(), "", T + 1)
    assert told(ending(world)) == []


def test_it_rolls_though_its_life_is_over_when_it_is_booked() -> None:
    world = rolling(share_pico=PICO, life_us=MINUTE_US)
    assert told(ending(world)) == [("void", -10), ("grant", 10)]
    facts = tick(world, FEBRUARY + MINUTE_US + GRACE_US)
    assert (told(facts), facts[0].effective_at) == ([("expiration", -10)], FEBRUARY + MINUTE_US)


def test_2_what_rolled_over_settles_what_is_owed() -> None:
    world = rolling(share_pico=PICO)
    world.policy("p", overage_mode="overdraft", overdraft_limit=50 * CREDIT)
    tick(world, FEBRUARY)
    world.use("e", 14, FEBRUARY)
    assert world.account().overdraft == 4 * CREDIT
    facts = tick(world, FEBRUARY + GRACE_US)
    assert told(facts) == [("void", -10), ("grant", 10), ("overdraft_settled", 0)]
    assert drawn(facts[2]) == [("rollover-1", 4)]


def test_a_lot_id_that_is_taken_gets_a_number() -> None:
    world = rolling(share_pico=PICO)
    world.grant("rollover-1", CREDIT)
    assert drawn(ending(world)[1]) == [("rollover-1-2", 10)]
