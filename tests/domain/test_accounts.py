"""Accounts and lots: free credits at any time, released cost basis."""

import pytest

from drawdown.domain.accounts import Account
from drawdown.domain.entries import LotTerms
from drawdown.domain.inputs import (
    Adjust,
    CaptureHold,
    ChangeExpiry,
    CommandBody,
    Freeze,
    PlaceHold,
    Unfreeze,
    Void,
)
from drawdown.domain.lots import Lot, lot_of
from tests.domain.building import CREDIT, T, World, card


def lot(
    lot_id: str = "lot",
    *,
    granted: int = 10,
    price_minor: int = 0,
    effective_at: int = T,
    expires_at: int | None = None,
    freezes: list[str] | None = None,
) -> Lot:
    terms = LotTerms(
        lot_id=lot_id,
        lot_seq=1,
        kind="purchased",
        campaign="",
        price_minor=price_minor,
        currency="USD",
        list_price_minor=0,
        priority=50,
        meters=[],
        properties={},
        effective_at=effective_at,
        expires_at=expires_at,
        payment_id="",
        referral_id="",
        opens_at=None,
        voids_at=None,
        freezes=[] if freezes is None else freezes,
    )
    return lot_of(terms, granted=granted, reason="", accepted_at=T)


def test_free_credits_are_those_of_lots_in_their_interval() -> None:
    account = Account("acme", "credit")
    account.open_lot(lot("a", granted=1, effective_at=T, expires_at=T + 20))
    account.open_lot(lot("b", granted=10, effective_at=T + 10, expires_at=T + 30))
    account.open_lot(lot("c", granted=100, effective_at=T + 15))
    account.open_lot(lot("frozen", granted=1_000, freezes=["manual"]))
    times = {T - 1: 0, T: 1, T + 9: 1, T + 10: 11, T + 15: 111, T + 19: 111, T + 20: 110}
    times |= {T + 29: 110, T + 30: 100, T + 2**60: 100}
    assert {at: account.free_at(at) for at in times} == times
    backwards = dict(reversed(times.items()))
    assert {at: account.free_at(at) for at in backwards} == backwards


def test_free_credits_follow_what_is_spent() -> None:
    account = Account("acme", "credit")
    ended = lot("ended", effective_at=T, expires_at=T + 5)
    usable = lot("usable")
    account.open_lot(ended)
    account.open_lot(usable)
    assert account.free_at(T + 5) == 10
    account.spend(ended, 3, 0)
    assert account.free_at(T + 5) == 10
    account.spend(usable, 4, 0)
    assert account.free_at(T + 5) == 6
    assert account.free_at(T) == 13
    account.open_lot(lot("more"))
    assert account.free_at(T) == 23


def test_a_lot_opened_later_counts_at_once_and_only_in_its_interval() -> None:
    account = Account("acme", "credit")
    account.open_lot(lot("a", granted=1, effective_at=T - 5, expires_at=T + 20))
    assert account.free_at(T) == 1
    account.open_lot(lot("b", granted=10, effective_at=T, expires_at=T + 10))
    account.open_lot(lot("later", granted=100, effective_at=T + 5))
    assert account.free_at(T) == 11
    assert account.free_at(T - 1) == 1
    account.open_lot(lot("c", granted=1_000))
    times = {T: 1_011, T + 4: 1_011, T + 5: 1_111, T + 10: 1_101, T + 20: 1_100}
    assert {at: account.free_at(at) for at in times} == times


def test_a_lot_that_is_spent_is_not_live_any_more() -> None:
    account = Account("acme", "credit")
    one = lot()
    account.open_lot(one)
    account.spend(one, 9, 0)
    assert account.live == [one]
    account.spend(one, 1, 0)
    assert (account.live, one.spent, one.remaining) == ([], 10, 0)
    assert account.lots == {"lot": one}


@pytest.mark.parametrize(
    ("price_minor", "granted", "parts", "released"),
    [
        (0, 3, [1, 1, 1], [0, 0, 0]),
        (100, 3, [1, 1, 1], [33, 34, 33]),
        (1, 4, [1, 1, 1, 1], [0, 0, 1, 0]),
        (3, 2, [1, 1], [2, 1]),
        (10_000, 10_000, [2_000, 3_000], [2_000, 3_000]),
    ],
)
def test_cost_basis_is_released_by_one_cumulative_figure(
    price_minor: int, granted: int, parts: list[int], released: list[int]
) -> None:
    one = lot(granted=granted, price_minor=price_minor)
    account = Account("acme", "credit")
    account.open_lot(one)
    got = []
    for part in parts:
        got.append(one.released_by(part))
        account.spend(one, part, got[-1])
    assert got == released
    assert one.released_minor == sum(released)


def test_a_price_is_released_whole_by_many_small_charges() -> None:
    world = World(card())
    world.grant("lot", 97 * CREDIT, kind="purchased", price_minor=1_001, currency="USD")
    released = [
        part.released_minor
        for number in range(49)
        for part in world.use(f"e{number}", 2).allocations
    ]
    assert sum(released) == 1_001
    assert set(released[:-1]) == {20, 21}


def test_free_credits_follow_every_change_of_a_lot_without_counting_all_anew() -> None:
    """Each figure is read twice: as it was kept up to date, and counted from nothing."""
    world = World(card())
    world.policy("p", overage_mode="overdraft", overdraft_limit=50 * CREDIT)
    world.grant("a", 9 * CREDIT)
    world.grant("ends", 9 * CREDIT, expires_at=T + 100)
    world.grant("later", 9 * CREDIT, effective_at=T + 50)
    world.grant("scoped", 9 * CREDIT, meters=["tokens"])
    changes: list[CommandBody] = [
        PlaceHold(hold_id="h", amount=4 * CREDIT, meter="images", expires_at=T + 90),
        Freeze(lot_id="scoped"),
        Void(lot_id="a", amount=CREDIT),
        ChangeExpiry(lot_id="ends", expires_at=T + 20),
        Unfreeze(lot_id="scoped"),
        CaptureHold(hold_id="h", amount=CREDIT),
        ChangeExpiry(lot_id="a", expires_at=T + 60),
        Adjust(amount=-2 * CREDIT),
        Adjust(amount=5 * CREDIT),
    ]
    for at in (T, T + 19, T + 50, T + 60):
        for change in changes:
            account = world.account()
            account.free_at(at)
            decision = world.ask(change, "", at, watermark=T)
            kept = world.account().free_at(at)
            lots = world.account().lots.values()
            counted = sum(lot.unreserved for lot in lots if lot.usable_at(at))
            assert kept == counted, (at - T, change, decision.code)


def test_live_lots_are_in_burn_order() -> None:
    world = World(card())
    world.grant("last", CREDIT, priority=9)
    world.grant("first", CREDIT, priority=1)
    world.grant("used up", CREDIT, priority=0)
    world.use("e", 1)
    assert [lot.lot_id for lot in world.account().live] == ["first", "last"]
