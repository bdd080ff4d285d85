"""The lots that can pay: found by scope, in burn order, without looking at the others."""

from itertools import product
from typing import Any

from drawdown.domain.burn_order import BURN_ORDERS
from drawdown.domain.entries import PolicyChange
from drawdown.domain.inputs import ChangePolicy, Freeze, Unfreeze
from drawdown.domain.lots import Lot
from drawdown.domain.paying_lots import PayingLots
from tests.domain.building import CREDIT, T, World, card


def lots_of(*terms: dict[str, Any]) -> list[Lot]:
    """Lots named by number, of a credit each."""
    world = World(card())
    for number, each in enumerate(terms):
        world.grant(str(number), CREDIT, **each)
    return list(world.account().lots.values())


def listed(lots: list[Lot], order: str = "default") -> PayingLots:
    paying = PayingLots(order)
    for lot in lots:
        lot.listed = None
        paying.place(lot)
    return paying


def found(
    paying: PayingLots,
    meter: str = "tokens",
    properties: dict[str, str] | None = None,
    at: int = T,
) -> list[str]:
    return [lot.lot_id for lot in paying.paying_for(meter, properties or {}, at)]


SCOPES: list[dict[str, Any]] = [
    {"meters": meters, "properties": properties, "priority": priority}
    for meters, properties, priority in product(
        ([], ["tokens"], ["images"], ["tokens", "images"]),
        ({}, {"model": "sage"}, {"model": "other"}, {"model": "sage", "region": "eu"}),
        (1, 2),
    )
]


def test_they_are_those_in_scope_in_burn_order_under_every_order() -> None:
    lots = lots_of(*SCOPES)
    usages: list[tuple[str, dict[str, str]]] = [
        (meter, properties)
        for meter in ("tokens", "images", "other", "")
        for properties in ({}, {"model": "sage"}, {"model": "sage", "region": "eu", "x": "y"})
    ]
    for order in BURN_ORDERS:
        paying = listed(lots, order)
        by_key = sorted(lots, key=lambda lot: lot.burn_key(order))
        for meter, properties in usages:
            expected = [lot.lot_id for lot in by_key if lot.pays_for(meter, properties)]
            assert found(paying, meter, properties) == expected


def test_those_that_pay_for_everything() -> None:
    lots = lots_of({}, {"meters": ["tokens"]}, {"priority": 0}, {"properties": {"a": "b"}})
    assert [lot.lot_id for lot in listed(lots).unscoped(T)] == ["2", "0"]


def test_a_meter_named_twice_pays_once() -> None:
    lots = lots_of({"meters": ["tokens", "tokens"]}, {})
    assert found(listed(lots)) == ["0", "1"]


def test_a_lot_is_listed_from_its_start() -> None:
    paying = listed(lots_of({"effective_at": T + 9}, {"effective_at": T + 5}, {}))
    assert found(paying, at=T + 4) == ["2"]
    assert found(paying, at=T + 5) == ["2", "1"]
    assert found(paying, at=T + 9) == ["2", "1", "0"]


def test_a_property_that_is_not_stated_matches_nothing() -> None:
    paying = listed(lots_of({"properties": {"model": "sage"}}))
    assert found(paying) == []
    assert found(paying, properties={"model": ""}) == []
    assert found(paying, properties={"model": "sage"}) == ["0"]


def test_what_is_used_up_reserved_or_frozen_is_taken_out_and_listed_again() -> None:
    lots = lots_of({}, {"meters": ["tokens"]}, {})
    paying = listed(lots)
    assert found(paying) == ["1", "0", "2"]
    for change, undone in (
        ({"reserved": CREDIT}, {"reserved": 0}),
        ({"remaining": 0}, {"remaining": CREDIT}),
        ({"freezes": ["manual"]}, {"freezes": []}),
    ):
        for name, value in change.items():
            setattr(lots[1], name, value)
        paying.place(lots[1])
        assert (lots[1].listed, found(paying)) == (None, ["0", "2"])
        for name, value in undone.items():
            setattr(lots[1], name, value)
        paying.place(lots[1])
        assert found(paying) == ["1", "0", "2"]
    paying.used_up(lots[0])
    paying.used_up(lots[0])
    assert found(paying) == ["1", "2"]


def test_a_lot_that_was_used_up_before_it_began_is_passed_over() -> None:
    lots = lots_of({"effective_at": T + 9}, {})
    paying = listed(lots)
    lots[0].remaining = 0
    assert found(paying, at=T + 9) == ["1"]
    assert lots[0].listed is None


def test_a_lot_that_was_placed_twice_is_listed_once() -> None:
    lots = lots_of({}, {"meters": ["tokens"]})
    paying = listed(lots)
    for lot in lots:
        paying.place(lot)
    assert found(paying) == ["1", "0"]
    for lot in lots:
        paying.place(lot)
    assert found(paying) == ["1", "0"]
    paying.used_up(lots[1])
    assert found(paying) == ["0"]


def test_a_lot_whose_date_moved_moves() -> None:
    lots = lots_of({}, {"expires_at": T + 10})
    paying = listed(lots)
    assert found(paying) == ["1", "0"]
    lots[0].expires_at = T + 5
    paying.place(lots[0])
    assert found(paying) == ["0", "1"]


def test_another_burn_order_sorts_an_accounts_lots_anew() -> None:
    world = World(card())
    world.grant("never", CREDIT)
    world.grant("soon", CREDIT, expires_at=T + 10)
    world.grant("frozen", CREDIT, priority=0)
    world.accept(Freeze(lot_id="frozen"))
    account = world.account()
    assert found(account.paying) == ["soon", "never"]
    world.accept(ChangePolicy(policy=PolicyChange(burn_order="lago")))
    assert (account.paying.order, found(account.paying)) == ("lago", ["never", "soon"])
    world.accept(Unfreeze(lot_id="frozen"))
    assert found(account.paying) == ["frozen", "never", "soon"]
    facts = world.use("e", 3)
    assert [part.lot_id for part in facts.allocations] == ["frozen", "never", "soon"]
    assert facts.burn_order_version == 5
