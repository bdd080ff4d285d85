"""Drawdown with known answers, published by other systems (grants of 100 for 30 days)."""

from random import Random

import pytest

from drawdown.domain.numbers import DAY_US
from tests.domain import cards
from tests.domain.building import CREDIT, UNIT, T, World, card, deduction, drawn, paid, usage

MONTH_US = 30 * DAY_US


def openmeter(*grants: dict[str, int]) -> World:
    """A world with grants of 100 credits, g1, g2, …; overage is counted."""
    world = World(card())
    world.policy("p", overage_mode="overage")
    for number, terms in enumerate(grants, 1):
        given = {"priority": 1, "expires_at": T + MONTH_US, **terms}
        world.grant(f"g{number}", 100 * CREDIT, **given)  # type: ignore[arg-type]
    return world


def test_without_a_grant_all_is_overage() -> None:
    assert paid(openmeter().use("e", 50)) == (50, 0, 50, 0)


@pytest.mark.parametrize(
    ("grants", "used", "left"),
    [
        ([{}], 50, {"g1": 50}),
        ([{}, {}], 200, {"g1": 0, "g2": 0}),
        ([{"priority": 1}, {"priority": 2}], 120, {"g1": 0, "g2": 80}),
        ([{}, {"expires_at": T + 36_525 * DAY_US}], 120, {"g1": 0, "g2": 80}),
    ],
)
def test_priority_then_expiry_then_age(
    grants: list[dict[str, int]], used: int, left: dict[str, int]
) -> None:
    world = openmeter(*grants)
    world.use("e", used)
    assert world.remaining() == left


def test_of_many_grants_the_one_that_expires_a_day_sooner_pays() -> None:
    order = [*range(5_000)]
    Random(7).shuffle(order)
    world = World(card(), checked=False)
    soon = order[7]
    for number in order:
        end = T + MONTH_US - (DAY_US if number == soon else 0)
        world.grant(f"g{number}", 100 * CREDIT, expires_at=end)
    world.use("e", 99)
    left = world.remaining()
    assert left.pop(f"g{soon}") == 1
    assert set(left.values()) == {100}


def test_a_grant_that_starts_later_pays_nothing_before() -> None:
    world = openmeter({"effective_at": T + 10 * DAY_US})
    facts = world.use("e", 50, T + DAY_US // 24)
    assert (facts.available, drawn(facts)) == (0, [])


def test_two_lots_of_one_priority_and_one_that_never_expires() -> None:
    world = World(card())
    world.grant("C", 100 * CREDIT, priority=2)
    world.grant("B", 80 * CREDIT, priority=1, expires_at=T + 20 * DAY_US)
    world.grant("A", 50 * CREDIT, priority=1, expires_at=T + 10 * DAY_US)
    assert drawn(world.use("e", 90)) == [("A", 50), ("B", 40)]


def test_six_wallets_by_restriction_and_priority() -> None:
    meters = [
        cards.meter(cards.line("n", "1", line_id=name), name=name)
        for name in ("charge", "subscription")
    ]
    world = World(cards.card(*meters, effective_from=T))
    for restriction in ("none", "charge", "subscription"):
        for priority in (50, 49):
            world.grant(
                f"{restriction} {priority}",
                1_000 * CREDIT,
                priority=priority,
                meters=[] if restriction == "none" else [restriction],
            )
    event = usage(meter="charge", quantities={"n": 1_500 * UNIT})
    # Ours puts the narrower scope first where Lago's preset puts it last.
    assert drawn(deduction(world.decide(event))) == [("charge 49", 1_000), ("none 49", 500)]


def test_what_is_free_goes_before_what_was_paid_for() -> None:
    world = World(card())
    world.grant("A", 50 * CREDIT, priority=1, kind="purchased", price_minor=50, currency="USD")
    world.grant("B", 20 * CREDIT, priority=1)
    world.grant("C", 100 * CREDIT, priority=2, effective_at=T - 17 * DAY_US)
    assert drawn(world.use("e", 80)) == [("B", 20), ("A", 50), ("C", 10)]


def test_the_guides_purchase_of_10_000_credits() -> None:
    world = World(card())
    world.grant("lot", 10_000 * CREDIT, kind="purchased", price_minor=10_000, currency="USD")
    released = [
        world.use(f"e{used}", used).allocations[0].released_minor for used in (2_000, 3_000)
    ]
    lot = world.account().lots["lot"]
    assert (released, lot.price_minor - lot.released_minor) == ([2_000, 3_000], 5_000)


def test_drawdown_follows_expiry() -> None:
    world = World(card())
    world.grant("T15", 15 * CREDIT, expires_at=T + 15 * DAY_US)
    world.grant("T10", 10 * CREDIT, expires_at=T + 10 * DAY_US)
    assert drawn(world.use("e1", 5)) == [("T10", 5)]
    assert drawn(world.use("e2", 10)) == [("T10", 5), ("T15", 5)]
