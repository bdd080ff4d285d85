"""Burn orders: each rule in its place, the vendors' published examples, and a total order."""

from itertools import pairwise, permutations
from random import Random
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drawdown.domain.burn_order import (
    BURN_ORDER_VERSIONS,
    BURN_ORDERS,
    BurnKey,
    burn_key,
    burn_order_version,
)
from drawdown.domain.numbers import DAY_US, NEVER, SECOND_US
from tests.domain.building import CREDIT, T, World, card, drawn


def key(
    order: str = "default",
    *,
    priority: int = 50,
    expires_at: int = NEVER,
    price_minor: int = 0,
    currency: str = "",
    granted: int = 100,
    kind: str = "promotional",
    conditions: int = 0,
    effective_at: int = T,
    lot_seq: int = 1,
    meters: int = 0,
    rolled_over: bool = False,
) -> BurnKey:
    return burn_key(
        order,
        priority=priority,
        expires_at=expires_at,
        price_minor=price_minor,
        currency=currency,
        granted=granted,
        kind=kind,
        conditions=conditions,
        effective_at=effective_at,
        lot_seq=lot_seq,
        meters=meters,
        rolled_over=rolled_over,
    )


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(key(priority=0), key(priority=1, expires_at=T), id="priority, then expiry"),
        pytest.param(
            key(expires_at=T, price_minor=9, currency="USD"),
            key(expires_at=T + 1),
            id="expiry, then cost",
        ),
        pytest.param(key(expires_at=NEVER - 1), key(), id="never is last"),
        pytest.param(
            key(), key(price_minor=1, currency="AED", conditions=9), id="free, then paid for"
        ),
        pytest.param(
            key(price_minor=9, currency="EUR"),
            key(price_minor=1, currency="USD"),
            id="currency, then cost per credit",
        ),
        pytest.param(
            key(price_minor=1, granted=3, currency="USD"),
            key(price_minor=1, granted=2, currency="USD", conditions=1),
            id="cost per credit, then scope",
        ),
        pytest.param(
            key(price_minor=10**17 - 1, granted=10**17, currency="USD"),
            key(price_minor=1, granted=1, currency="USD"),
            id="the exact fraction",
        ),
        pytest.param(
            key(price_minor=1, granted=3, currency="USD", lot_seq=1),
            key(price_minor=2, granted=6, currency="USD", lot_seq=2),
            id="equal fractions are equal",
        ),
        pytest.param(
            key(conditions=2, effective_at=T + 1), key(conditions=1), id="narrower, then start"
        ),
        pytest.param(key(effective_at=T, lot_seq=2), key(effective_at=T + 1), id="start, then lot"),
        pytest.param(
            key(price_minor=9, currency="USD", conditions=1, effective_at=T + 1),
            key(price_minor=9, currency="USD"),
            id="of what was paid for, narrower, then start",
        ),
        pytest.param(
            key(price_minor=9, currency="USD", lot_seq=2),
            key(price_minor=9, currency="USD", effective_at=T + 1),
            id="of what was paid for, start, then lot",
        ),
        pytest.param(key(lot_seq=1), key(lot_seq=2), id="first in, first out"),
        pytest.param(
            key(price_minor=0, currency="USD", granted=1, lot_seq=1),
            key(price_minor=0, currency="EUR", granted=2, lot_seq=2),
            id="what cost nothing has no currency",
        ),
    ],
)
def test_what_is_drawn_first(first: BurnKey, second: BurnKey) -> None:
    assert first < second


def test_the_order_of_a_whole_wallet() -> None:
    """Eight lots, each of which differs from the one before in a rule further down."""
    terms: list[dict[str, object]] = [
        {"priority": 0, "expires_at": None},
        {"expires_at": T + 100},
        {"expires_at": T + 200, "properties": {"model": "sage"}, "meters": ["tokens"]},
        {"expires_at": T + 200, "properties": {"model": "sage"}},
        {"expires_at": T + 200},
        {"expires_at": T + 200, "price_minor": 5, "currency": "EUR", "kind": "purchased"},
        {"expires_at": T + 200, "price_minor": 4, "currency": "USD", "kind": "purchased"},
        {"expires_at": T + 200, "price_minor": 5, "currency": "USD", "kind": "purchased"},
    ]
    for order in ([7, 3, 5, 1, 6, 2, 4, 0], range(8), range(7, -1, -1)):
        world = World(card())
        for place in order:
            world.grant(f"lot {place}", CREDIT, **terms[place])  # type: ignore[arg-type]
        facts = world.use("all", 8, properties={"model": "sage"})
        assert drawn(facts) == [(f"lot {place}", 1) for place in range(8)]


def test_keys_of_a_mixed_wallet_are_a_strict_order() -> None:
    keys = [
        key(price_minor=price, currency="USD" if price else "", conditions=conditions, lot_seq=seq)
        for seq, (price, conditions) in enumerate(permutations(range(4), 2), 1)
    ]
    assert all(first < second for first, second in pairwise(sorted(keys)))


PAID: dict[str, Any] = {"kind": "purchased", "price_minor": 100, "currency": "USD"}
DEARER = PAID | {"price_minor": 300}
SOON, LATE = T + DAY_US, T + 2 * DAY_US

RULES: Final[list[tuple[str, str, dict[str, Any], dict[str, Any]]]] = [
    ("stripe", "priority, then expiry", {"priority": 1}, {"priority": 2, "expires_at": T}),
    ("stripe", "expiry, then category", {"expires_at": SOON} | PAID, {"expires_at": LATE}),
    ("stripe", "never is last", {"expires_at": LATE} | PAID, {}),
    ("stripe", "category, then start", {"effective_at": T + 1}, PAID),
    ("stripe", "a price is paid", {}, {"kind": "included", "price_minor": 1}),
    ("stripe", "no price can be paid", {"lot_seq": 2}, {"kind": "purchased"}),
    ("stripe", "start, then age", {"lot_seq": 2}, {"effective_at": T + 1}),
    ("stripe", "not what it cost, nor scope", DEARER, PAID | {"lot_seq": 2}),
    ("stripe", "age", {}, {"lot_seq": 2, "conditions": 3, "meters": 1}),
    ("orb", "filter, then expiry", {"conditions": 1}, {"expires_at": T}),
    ("orb", "any filter", {"conditions": 1}, {"conditions": 2, "lot_seq": 2}),
    ("orb", "expiry, then cost", {"expires_at": SOON} | DEARER, {"expires_at": LATE}),
    ("orb", "never last", {"expires_at": NEVER - 1} | PAID, {}),
    ("orb", "free first", {"lot_seq": 2}, PAID),
    ("orb", "free has no currency", {"currency": "USD"}, {"currency": "EUR", "lot_seq": 2}),
    ("orb", "cheaper first", PAID | {"lot_seq": 2}, DEARER),
    ("orb", "cost per credit", DEARER | {"granted": 301, "lot_seq": 2}, PAID),
    ("orb", "currency", DEARER | {"currency": "EUR"}, PAID),
    ("orb", "age, not start", {"effective_at": T + 1}, {"lot_seq": 2}),
    ("orb", "no priority", {"priority": 2}, {"priority": 1, "lot_seq": 2}),
    (
        "metronome",
        "rollover",
        {"rolled_over": True, "priority": 100} | PAID,
        {"priority": 0},
    ),
    (
        "metronome",
        "of rollovers, priority",
        {"rolled_over": True, "priority": 1},
        {"rolled_over": True, "priority": 2, "conditions": 1, "meters": 1},
    ),
    (
        "metronome",
        "rollover, not cost",
        {"rolled_over": True} | PAID,
        {"rolled_over": True, "lot_seq": 2},
    ),
    ("metronome", "priority before cost", {"priority": 1} | PAID, {"priority": 2}),
    ("metronome", "cost before scope", {}, PAID | {"conditions": 1, "meters": 1}),
    ("metronome", "a minor unit", {"lot_seq": 2}, {"price_minor": 1}),
    ("metronome", "no price costs nothing", {"kind": "purchased"}, {"lot_seq": 2}),
    ("metronome", "paid or not", DEARER, PAID | {"lot_seq": 2}),
    ("metronome", "scope before end", {"conditions": 1, "meters": 1}, {"expires_at": T}),
    (
        "metronome",
        "fewest products",
        {"conditions": 2, "meters": 1},
        {"conditions": 1, "meters": 2},
    ),
    (
        "metronome",
        "fewest group values",
        {"conditions": 1, "meters": 1, "lot_seq": 2},
        {"conditions": 2, "meters": 1},
    ),
    (
        "metronome",
        "a product before all",
        {"conditions": 2, "meters": 9},
        {"conditions": 1},
    ),
    ("metronome", "everything last", {"conditions": 1, "lot_seq": 2}, {}),
    (
        "metronome",
        "one set of group values",
        {"conditions": 2, "meters": 1},
        {"conditions": 3, "meters": 1, "lot_seq": 2},
    ),
    ("metronome", "end", {"expires_at": SOON, "effective_at": T + 1}, {"expires_at": LATE}),
    ("metronome", "start", {"lot_seq": 2}, {"effective_at": T + 1}),
    ("metronome", "then age", {}, {"lot_seq": 2}),
    ("lago", "priority", {"priority": 49} | PAID, {"expires_at": T}),
    ("lago", "granted before purchased", {"lot_seq": 2}, PAID | {"expires_at": T}),
    ("lago", "first come", {}, {"lot_seq": 2, "expires_at": T, "conditions": 1}),
    ("lago", "not start", {"effective_at": T + 1}, {"lot_seq": 2}),
    ("openmeter", "priority first", {"priority": 1}, {"priority": 2, "expires_at": T}),
    (
        "openmeter",
        "expiry",
        {"expires_at": SOON, "lot_seq": 2} | PAID,
        {"expires_at": LATE},
    ),
    (
        "openmeter",
        "whole seconds",
        {"expires_at": T + SECOND_US - 1},
        {"expires_at": T, "lot_seq": 2},
    ),
    (
        "openmeter",
        "the next second",
        {"expires_at": T + SECOND_US - 1, "lot_seq": 2},
        {"expires_at": T + SECOND_US},
    ),
    ("openmeter", "no expiry", {"expires_at": NEVER - SECOND_US, "lot_seq": 2}, {}),
    ("openmeter", "creation", DEARER | {"effective_at": T + 1}, {"lot_seq": 2}),
]
"""An order, its rule, and terms of which the first are drawn first by that rule."""


@pytest.mark.parametrize(
    ("order", "first", "second"),
    [pytest.param(order, *terms, id=f"{order}: {rule}") for order, rule, *terms in RULES],
)
def test_what_a_preset_draws_first(
    order: str, first: dict[str, Any], second: dict[str, Any]
) -> None:
    assert key(order, **first) < key(order, **second)


def in_order(order: str, lots: dict[str, dict[str, Any]]) -> str:
    """The names of lots accepted in the order told, as they are drawn; handed over shuffled."""
    keys = {
        name: key(order, lot_seq=seq, **terms) for seq, (name, terms) in enumerate(lots.items())
    }
    names = list(lots)
    Random(len(names)).shuffle(names)
    return " ".join(sorted(names, key=keys.__getitem__))


def test_stripes_order_on_stiggs_example() -> None:
    sept_1, aug_15 = T + 30 * DAY_US, T + 13 * DAY_US
    lots = {
        "A": PAID | {"priority": 1, "expires_at": sept_1},
        "B": {"priority": 1, "expires_at": sept_1},
        "C": {"priority": 2, "expires_at": aug_15},
    }
    assert in_order("stripe", lots) == "B A C"


def test_orbs_order_of_scoped_and_of_dated_blocks() -> None:
    lots = {
        "dear": PAID | {"price_minor": 12, "expires_at": SOON},
        "never": {},
        "filtered late": PAID | {"conditions": 1, "expires_at": LATE},
        "cheap": PAID | {"price_minor": 8, "expires_at": SOON},
        "filtered soon": PAID | {"conditions": 1, "expires_at": SOON},
    }
    assert in_order("orb", lots) == "filtered soon filtered late cheap dear never"


def test_metronomes_example_of_six_commits() -> None:
    """D and E take a product within a region; C takes the product alone; F takes everything."""
    product = PAID | {"priority": 100, "meters": 1, "conditions": 1, "expires_at": SOON}
    lots = {
        "F": PAID | {"priority": 100, "expires_at": SOON},
        "E": product | {"conditions": 2, "expires_at": LATE},
        "D": product | {"conditions": 2},
        "C": product,
        "B": {"priority": 100, "expires_at": SOON},
        "A": PAID | {"priority": 50, "expires_at": SOON},
    }
    assert in_order("metronome", lots) == "A B C D E F"


def test_lagos_examples_of_wallets_and_of_what_fills_them() -> None:
    wallets = {"10 older": 10, "50": 50, "10 newer": 10, "5": 5}
    lots = {name: {"priority": priority} for name, priority in wallets.items()}
    assert in_order("lago", lots) == "5 10 older 10 newer 50"
    filled = {
        "granted 10": {"priority": 10},
        "purchased 5": PAID | {"priority": 5},
        "granted 5": {"priority": 5},
        "granted 5 newer": {"priority": 5},
    }
    assert in_order("lago", filled) == "granted 5 granted 5 newer purchased 5 granted 10"


def test_openmeters_example_of_six_grants() -> None:
    hour = T + 3_600 * SECOND_US
    lots: dict[str, dict[str, Any]] = {
        "no-expiration": {"priority": 1},
        "lower-priority": {"priority": 2, "expires_at": T},
        "later-expiration": {"priority": 1, "expires_at": hour + 3_600 * SECOND_US},
        "created-first": {"priority": 1, "expires_at": hour + 900_000},
        "cursor-a": {"priority": 1, "expires_at": hour + 100_000},
        "cursor-b": {"priority": 1, "expires_at": hour + 500_000},
    }
    assert in_order("openmeter", lots) == (
        "created-first cursor-a cursor-b later-expiration no-expiration lower-priority"
    )


def test_each_preset_has_a_version_of_its_own() -> None:
    versions = [burn_order_version(order) for order in BURN_ORDERS]
    assert versions == [1, 2, 3, 4, 5, 6]
    assert list(BURN_ORDER_VERSIONS) == list(BURN_ORDERS)


def test_an_unknown_order_is_a_programmers_error() -> None:
    with pytest.raises(AssertionError, match="no burn order 'lifo'"):
        burn_order_version("lifo")
    with pytest.raises(AssertionError, match="no burn order 'lifo'"):
        key("lifo")


def terms() -> st.SearchStrategy[dict[str, Any]]:
    """Terms that are often alike, so that each rule is reached."""
    return st.fixed_dictionaries(
        {
            "priority": st.integers(0, 2),
            "expires_at": st.sampled_from([SOON, SOON + 1, LATE, NEVER]),
            "price_minor": st.integers(0, 2),
            "currency": st.sampled_from(["EUR", "USD"]),
            "granted": st.integers(1, 3),
            "kind": st.sampled_from(["purchased", "promotional", "included", "adjustment"]),
            "conditions": st.integers(0, 2),
            "effective_at": st.integers(T, T + 1),
            "meters": st.integers(0, 2),
            "rolled_over": st.booleans(),
        }
    )


@pytest.mark.parametrize("order", BURN_ORDERS)
@given(lots=st.lists(terms(), max_size=8), random=st.randoms(use_true_random=False))
def test_a_preset_is_total_and_deaf_to_the_order_of_its_input(
    order: str, lots: list[dict[str, Any]], random: Random
) -> None:
    keys = [key(order, lot_seq=seq, **each) for seq, each in enumerate(lots)]
    drawn_in = sorted(keys)
    assert all(first < second for first, second in pairwise(drawn_in))
    random.shuffle(keys)
    assert sorted(keys) == drawn_in
    again = [key(order, lot_seq=seq, **each) for seq, each in enumerate(lots)]
    assert sorted(again) == drawn_in


@pytest.mark.parametrize("order", BURN_ORDERS)
@given(each=terms(), seqs=st.tuples(st.integers(1), st.integers(1)))
def test_lots_alike_are_drawn_first_in_first_out(
    order: str, each: dict[str, Any], seqs: tuple[int, int]
) -> None:
    one, other = (key(order, lot_seq=seq, **each) for seq in seqs)
    assert (one < other) == (seqs[0] < seqs[1])
    assert (one == other) == (seqs[0] == seqs[1])
