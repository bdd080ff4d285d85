"""Charges and settlements, taken back (rulings 23, 29)."""

import pytest

from drawdown.domain.charges import (
    Charged,
    Refundable,
    Settled,
    taken_back,
    way_back,
    without_lost,
)
from drawdown.domain.inputs import CaptureHold
from drawdown.domain.ledger import Decision
from drawdown.domain.memory import WINDOW_US
from tests.domain.building import CREDIT, T, World, card, usage
from tests.domain.holding import hold_world, used


def charged_world() -> World:
    """2 overage is left aside: 3 of `a`, 2 of `b`, 4 overdrawn."""
    world = World(card())
    world.grant("a", 3 * CREDIT)
    world.grant("b", 2 * CREDIT)
    world.policy("p", overage_mode="overdraft", overdraft_limit=4 * CREDIT)
    world.use("e", 10)
    return world


def charge_of(world: World) -> Charged:
    charged = world.account().charges.in_unit("e", "credit")
    assert charged is not None
    return charged


def refundable_of(world: World) -> Refundable:
    return world.account().charges.refundable(charge_of(world))


@pytest.mark.parametrize(
    ("returned", "amount", "overdrawn", "lots"),
    [
        (0, 1, 1, []),
        (0, 4, 4, []),
        (0, 5, 4, [("b", 1)]),
        (0, 9, 4, [("b", 2), ("a", 3)]),
        (1, 4, 3, [("b", 1)]),
        (4, 2, 0, [("b", 2)]),
        (4, 3, 0, [("b", 2), ("a", 1)]),
        (5, 1, 0, [("b", 1)]),
        (5, 2, 0, [("b", 1), ("a", 1)]),
        (6, 3, 0, [("a", 3)]),
        (8, 1, 0, [("a", 1)]),
    ],
)
def test_23_the_way_back_goes_on_where_the_last_one_ended(
    returned: int, amount: int, overdrawn: int, lots: list[tuple[str, int]]
) -> None:
    back = way_back(refundable_of(charged_world()), returned * CREDIT, amount * CREDIT)
    assert (back.overage, back.overdrawn) == (0, overdrawn * CREDIT)
    assert [(lot_id, part // CREDIT) for lot_id, part in back.lots] == lots


@pytest.mark.parametrize(
    ("returned", "amount", "overage", "lots"),
    [(0, 1, 1, []), (1, 2, 1, [("a", 1)]), (2, 3, 0, [("a", 3)]), (0, 5, 2, [("a", 3)])],
)
def test_23_overage_comes_first(
    returned: int, amount: int, overage: int, lots: list[tuple[str, int]]
) -> None:
    world = World(card())
    world.grant("a", 3 * CREDIT)
    world.policy("p", overage_mode="overage")
    world.use("e", 5)
    back = way_back(refundable_of(world), returned * CREDIT, amount * CREDIT)
    assert (back.overage, back.overdrawn) == (overage * CREDIT, 0)
    assert [(lot_id, part // CREDIT) for lot_id, part in back.lots] == lots


def test_what_a_charge_collected_leaves_out_what_it_did_not_cover() -> None:
    drawn = refundable_of(charged_world())
    assert (drawn.collected, drawn.overdrawn, drawn.overage) == (
        9 * CREDIT,
        4 * CREDIT,
        0,
    )


def chain(settled: Settled | None) -> list[tuple[str, int]]:
    parts = []
    while settled is not None:
        parts.append((settled.lot_id, settled.amount))
        settled = settled.before
    return parts


@pytest.mark.parametrize(
    ("amount", "parts", "left"),
    [
        (0, [], [("b", 3), ("a", 2)]),
        (1, [("b", 1)], [("b", 2), ("a", 2)]),
        (3, [("b", 3)], [("a", 2)]),
        (4, [("b", 3), ("a", 1)], [("a", 1)]),
        (5, [("b", 3), ("a", 2)], []),
    ],
)
def test_29_the_latest_settlement_is_taken_back_first(
    amount: int, parts: list[tuple[str, int]], left: list[tuple[str, int]]
) -> None:
    settled = Settled("b", 3, Settled("a", 2, None))
    taken, below = taken_back(settled, amount)
    assert (taken, chain(below)) == (parts, left)
    assert chain(settled) == [("b", 3), ("a", 2)], "what is behind it stays as it was"


def test_no_more_is_taken_back_than_was_settled() -> None:
    with pytest.raises(AssertionError, match="1 more are taken back than were settled"):
        taken_back(Settled("a", 2, None), 3)


def test_an_id_used_again_in_another_unit_leaves_the_first_charge_to_be_refunded() -> None:
    world = World(card(), card(version="2", unit="token"))
    world.decide(usage("e"))
    again = usage("e", unit="token", occurred_at=T + WINDOW_US + 1)
    assert world.decide(again, T + WINDOW_US + 1).outcome == "accepted"
    charges = world.account().charges
    collected = [charges.in_unit("e", unit) for unit in ("credit", "token", "another")]
    assert [each and each.entry_id for each in collected] == ["u-3-0-0", "u-3-1-0", None]


def test_an_entry_says_whether_its_event_was_charged_before() -> None:
    world = hold_world(("a", 9))
    later = T + WINDOW_US + 1

    def before(decision: Decision) -> list[bool]:
        return [each.charge.charged_before for each in decision.facts if each.charge is not None]

    world.decide(usage("e"))
    world.decide(usage("other"))
    again = usage("e", occurred_at=later)
    assert [
        before(world.decide(each, later)) for each in (again, usage("f", occurred_at=later))
    ] == [
        [True],
        [False],
    ]
    world.hold("h", 4, at=later)
    captured = CaptureHold(hold_id="h", usage=used("other", 1, occurred_at=later), final=False)
    assert before(world.ask(captured, "c1", later)) == [True]
    captured = CaptureHold(hold_id="h", usage=used("new", 1, occurred_at=later), final=False)
    assert before(world.ask(captured, "c2", later)) == [False]
    of_hold = usage("through the hold", occurred_at=later, hold_id="h")
    assert before(world.decide(of_hold, later)) == [False]


def test_only_what_was_charged_in_a_unit_is_given_back_in_it() -> None:
    with pytest.raises(AssertionError, match=r"^it wasn't charged in that unit"):
        charge_of(charged_world()).after_refund("token", CREDIT)


def test_what_a_lost_lot_settled_at_several_times_is_undone_together() -> None:
    settled = None
    for lot_id, amount in (("lost", 3), ("kept", 5), ("lost", 4), ("gone", 1)):
        settled = Settled(lot_id, amount, settled)
    undone, left = without_lost(settled, {"lost", "gone"})
    assert undone == {"gone": 1, "lost": 7}
    assert left is not None
    assert (left.lot_id, left.amount, left.before) == ("kept", 5, None)
