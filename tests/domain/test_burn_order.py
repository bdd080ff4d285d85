"""Burn order: each rule in its place, and a total order."""

from itertools import pairwise, permutations

import pytest

from drawdown.domain.burn_order import BurnKey, burn_key
from drawdown.domain.numbers import NEVER
from tests.domain.building import CREDIT, T, World, card, drawn


def key(
    *,
    priority: int = 50,
    expires_at: int = NEVER,
    price_minor: int = 0,
    currency: str = "",
    granted: int = 100,
    conditions: int = 0,
    effective_at: int = T,
    lot_seq: int = 1,
) -> BurnKey:
    return burn_key(
        priority=priority,
        expires_at=expires_at,
        price_minor=price_minor,
        currency=currency,
        granted=granted,
        conditions=conditions,
        effective_at=effective_at,
        lot_seq=lot_seq,
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
