"""Freezing: lots and accounts that pay for nothing, and the time that moves (rulings 4, 36)."""

import pytest

from drawdown.domain.entries import PARTITION_CUSTOMER, EntryFacts, LotChange
from drawdown.domain.inputs import (
    Adjust,
    ChangeExpiry,
    CommandBody,
    Freeze,
    Grant,
    NoteDispute,
    Tick,
    Unfreeze,
)
from drawdown.domain.numbers import MINUTE_US, NEVER
from tests.domain.building import CREDIT, HOUR_US, T, World, card, drawn, paid, told, usage

GRACE_US = 5 * MINUTE_US


def lot_world(*, expires_at: int | None = T + HOUR_US) -> World:
    world = World(card())
    world.grant("lot", 5 * CREDIT, expires_at=expires_at)
    return world


def changes_of(facts: EntryFacts) -> list[LotChange]:
    assert facts.details is not None
    return facts.details.lot_changes


def tick(world: World, at: int) -> list[EntryFacts]:
    return world.accept(Tick(), "", at, customer_id=PARTITION_CUSTOMER)


class TestALot:
    def test_28_a_freeze_moves_nothing_and_says_what_stands_then(self) -> None:
        world = lot_world()
        (facts,) = world.accept(Freeze(lot_id="lot"), "", T + 10)
        assert (facts.type, facts.amount, facts.allocations) == ("freeze", 0, [])
        assert (facts.balance, facts.available, facts.effective_at) == (5 * CREDIT, 0, T + 10)
        assert facts.details is not None
        assert facts.details.account_frozen is None
        assert changes_of(facts) == [
            LotChange(
                lot_id="lot",
                expires_at=T + HOUR_US,
                freezes=["manual"],
                frozen_since=T + 10,
                closed=False,
                clawed=False,
                debt=0,
            )
        ]

    def test_a_frozen_lot_pays_for_nothing(self) -> None:
        world = lot_world()
        world.grant("other", 5 * CREDIT, priority=99)
        world.accept(Freeze(lot_id="lot"))
        assert drawn(world.use("e", 1)) == [("other", 1)]

    def test_4_the_time_that_it_is_frozen_moves_its_expiry(self) -> None:
        world = lot_world()
        world.accept(Freeze(lot_id="lot"), "", T + 10)
        (facts,) = world.accept(Unfreeze(lot_id="lot"), "", T + 25)
        assert (facts.type, facts.amount, facts.available) == ("unfreeze", 0, 5 * CREDIT)
        (change,) = changes_of(facts)
        assert (change.expires_at, change.freezes, change.frozen_since) == (
            T + HOUR_US + 15,
            [],
            None,
        )

    def test_what_never_expires_never_does(self) -> None:
        world = lot_world(expires_at=None)
        world.accept(Freeze(lot_id="lot"), "", T + 10)
        (facts,) = world.accept(Unfreeze(lot_id="lot"), "", T + 25)
        assert changes_of(facts)[0].expires_at is None

    def test_an_expiry_that_moves_stays_within_time(self) -> None:
        world = lot_world(expires_at=NEVER - 5)
        world.accept(Freeze(lot_id="lot"), "", T + 10)
        (facts,) = world.accept(Unfreeze(lot_id="lot"), "", T + 25)
        assert changes_of(facts)[0].expires_at == NEVER - 1

    def test_a_frozen_lot_does_not_expire(self) -> None:
        world = lot_world()
        world.accept(Freeze(lot_id="lot"), "", T + 10)
        assert tick(world, T + HOUR_US + GRACE_US) == []
        world.accept(Unfreeze(lot_id="lot"), "", T + 2 * HOUR_US)
        late = T + 3 * HOUR_US - 10 + GRACE_US
        assert tick(world, late - 1) == []
        (facts,) = tick(world, late)
        assert (facts.type, facts.effective_at) == ("expiration", T + 3 * HOUR_US - 10)

    def test_36_a_freeze_moves_no_date_of_a_lot_that_is_past_it(self) -> None:
        world = lot_world()
        world.accept(Freeze(lot_id="lot"), "", T + HOUR_US)
        assert world.account().lots["lot"].frozen_since is None
        late = T + HOUR_US + GRACE_US + 9
        assert tick(world, late) == []
        (facts,) = world.accept(Unfreeze(lot_id="lot"), "", late)
        assert changes_of(facts)[0].expires_at == T + HOUR_US
        (expired,) = tick(world, late)
        assert (expired.type, expired.effective_at) == ("expiration", T + HOUR_US)

    def test_36_a_date_set_while_frozen_moves_only_by_the_frozen_time_after(self) -> None:
        world = lot_world()
        world.accept(Freeze(lot_id="lot"), "", T + 10)
        (dated,) = world.accept(ChangeExpiry(lot_id="lot", expires_at=T + 500), "", T + 100)
        (change,) = changes_of(dated)
        assert (change.expires_at, change.freezes, change.frozen_since) == (
            T + 500,
            ["manual"],
            T + 100,
        )
        (facts,) = world.accept(Unfreeze(lot_id="lot"), "", T + 130)
        assert changes_of(facts)[0].expires_at == T + 530

    def test_36_it_is_frozen_once_by_hand(self) -> None:
        world = lot_world()
        world.accept(Freeze(lot_id="lot"))
        assert world.refuse(Freeze(lot_id="lot")) == "already_frozen"
        world.accept(Unfreeze(lot_id="lot"))
        assert world.refuse(Unfreeze(lot_id="lot")) == "not_frozen"
        world.accept(Freeze(lot_id="lot"))

    @pytest.mark.parametrize("body", [Freeze(lot_id="unknown"), Unfreeze(lot_id="unknown")])
    def test_an_unknown_lot(self, body: CommandBody) -> None:
        assert lot_world().refuse(body) == "unknown_lot"

    def test_4_it_is_frozen_while_any_reason_stands(self) -> None:
        world = World(card())
        body = Grant(amount=5 * CREDIT, kind="included", payment_id="p", expires_at=T + HOUR_US)
        world.accept(body, "lot")
        dispute = {"dispute_id": "d", "payment_id": "p"}
        world.accept(NoteDispute(**dispute, state="opened"), "", T + 10)
        assert world.refuse(Unfreeze(lot_id="lot"), T + 15) == "not_frozen"
        world.accept(Freeze(lot_id="lot"), "", T + 20)
        world.accept(Freeze(), "", T + 30)
        assert world.account().lots["lot"].freezes == ["dispute", "manual", "account"]
        for at, lifting in (
            (40, Unfreeze(lot_id="lot")),
            (50, NoteDispute(**dispute, state="won")),
        ):
            (facts,) = world.accept(lifting, "", T + at)
            assert (facts.available, changes_of(facts)[0].frozen_since) == (0, T + 10)
            assert changes_of(facts)[0].expires_at == T + HOUR_US
        (facts,) = world.accept(Unfreeze(), "", T + 60)
        assert changes_of(facts)[0].expires_at == T + HOUR_US + 50


class TestAnAccount:
    def test_4_it_freezes_all_its_lots_and_those_granted_meanwhile(self) -> None:
        world = lot_world()
        world.grant("used up", CREDIT, priority=0)
        world.use("e", 1)
        (facts,) = world.accept(Freeze(), "", T + 10)
        assert facts.details is not None
        assert facts.details.account_frozen is True
        assert [each.lot_id for each in changes_of(facts)] == ["lot", "used up"]
        assert facts.available == 0
        (granted,) = world.grant("new", CREDIT, T + 20, expires_at=T + HOUR_US).facts
        assert granted.details is not None
        assert granted.details.lot is not None
        assert granted.details.lot.freezes == ["account"]
        (adjusted,) = world.accept(Adjust(amount=CREDIT), "adjusted", T + 20)
        assert adjusted.available == 0
        assert paid(world.use("f", 1, T + 30)) == (1, 0, 0, 1)
        (thawed,) = world.accept(Unfreeze(), "", T + 40)
        assert thawed.details is not None
        assert thawed.details.account_frozen is False
        assert {each.lot_id: each.expires_at for each in changes_of(thawed)} == {
            "lot": T + HOUR_US + 30,
            "used up": None,
            "new": T + HOUR_US + 20,
            "adjusted": None,
        }
        assert thawed.available == 7 * CREDIT

    def test_4_it_is_hard_stop_whatever_its_policy(self) -> None:
        world = lot_world()
        world.policy("p", overage_mode="overage")
        world.accept(Freeze())
        assert paid(world.use("e", 1)) == (1, 0, 0, 1)
        world.policy("q", overage_mode="overdraft", overdraft_limit=9 * CREDIT)
        assert paid(world.use("f", 1)) == (1, 0, 0, 1)
        world.accept(Unfreeze())
        assert paid(world.use("g", 6)) == (6, 1, 0, 0)

    def test_36_it_is_frozen_once(self) -> None:
        world = lot_world()
        assert world.refuse(Unfreeze()) == "not_frozen"
        world.accept(Freeze())
        assert world.refuse(Freeze()) == "already_frozen"
        assert world.refuse(Unfreeze(lot_id="lot")) == "not_frozen"
        world.accept(Freeze(lot_id="lot"))
        world.accept(Unfreeze())
        assert world.account().lots["lot"].freezes == ["manual"]

    def test_an_account_may_be_frozen_before_its_first_credit(self) -> None:
        world = World(card())
        (facts,) = world.accept(Freeze())
        assert (changes_of(facts), facts.account_seq) == ([], 1)
        world.grant("lot", CREDIT)
        assert world.account().available == 0


class TestAGrantThatOpensFrozen:
    def grant(self, world: World, reason: str = "payment_pending", **times: int) -> EntryFacts:
        body = Grant(amount=5 * CREDIT, kind="included", freeze=reason, **times)  # type: ignore[arg-type]
        (facts,) = world.accept(body, "lot")
        return facts

    @pytest.mark.parametrize("reason", ["payment_pending", "verification"])
    def test_36_it_needs_no_freeze_entry(self, reason: str) -> None:
        world = World(card())
        facts = self.grant(world, reason)
        assert facts.details is not None
        assert facts.details.lot is not None
        assert facts.details.lot.freezes == [reason]
        assert (facts.balance, facts.available) == (5 * CREDIT, 0)

    def test_4_unfreeze_lifts_it(self) -> None:
        world = World(card())
        self.grant(world, expires_at=T + HOUR_US)
        (facts,) = world.accept(Unfreeze(lot_id="lot"), "", T + 7)
        (change,) = changes_of(facts)
        assert (change.freezes, change.expires_at) == ([], T + HOUR_US + 7)
        assert facts.available == 5 * CREDIT

    def test_36_it_opens_at_its_time_by_an_unfreeze(self) -> None:
        world = World(card())
        self.grant(world, opens_at=T + 10, expires_at=T + HOUR_US)
        assert tick(world, T + 9) == []
        (facts,) = tick(world, T + 15)
        assert (facts.type, facts.effective_at, facts.recorded_at) == ("unfreeze", T + 10, T + 15)
        assert changes_of(facts)[0].expires_at == T + HOUR_US + 10
        assert (facts.available, facts.cause) == (5 * CREDIT, "tick")

    def test_it_is_voided_at_its_time_while_it_is_pending(self) -> None:
        world = World(card())
        self.grant(world, voids_at=T + 10)
        (facts,) = tick(world, T + 15)
        assert (facts.type, facts.amount, facts.effective_at) == ("void", -5 * CREDIT, T + 10)
        assert changes_of(facts)[0].closed
        assert world.account().lots["lot"].voided == 5 * CREDIT

    def test_what_opens_or_is_voided_before_usage_is_booked_as_due(self) -> None:
        opening, voided = World(card()), World(card())
        self.grant(opening, opens_at=T + 10)
        self.grant(voided, voids_at=T + 10)
        for world in (opening, voided):
            first, *_ = world.decide(usage("e", occurred_at=T + 15), T + 15).facts
            assert (first.cause, first.cause_id, first.effective_at) == ("due", "e", T + 10)

    def test_what_was_opened_by_hand_neither_opens_nor_is_voided(self) -> None:
        world = World(card())
        self.grant(world, opens_at=T + 10, voids_at=T + 20)
        world.accept(Unfreeze(lot_id="lot"), "", T + 5)
        assert tick(world, T + 30) == []

    def test_what_has_opened_is_not_voided(self) -> None:
        world = World(card())
        self.grant(world, opens_at=T + 10, voids_at=T + 20)
        assert told(tick(world, T + 30)) == [("unfreeze", 0)]

    def test_19_an_opening_comes_before_a_void_of_the_same_moment(self) -> None:
        world = World(card())
        self.grant(world, opens_at=T + 10, voids_at=T + 10)
        assert told(tick(world, T + 10)) == [("unfreeze", 0)]

    def test_an_opening_leaves_what_else_froze_it(self) -> None:
        world = World(card())
        self.grant(world, opens_at=T + 10)
        world.accept(Freeze(lot_id="lot"), "", T + 5)
        (facts,) = tick(world, T + 10)
        assert (changes_of(facts)[0].freezes, facts.available) == (["manual"], 0)

    def test_in_a_frozen_account_it_is_frozen_twice(self) -> None:
        world = World(card())
        world.accept(Freeze())
        facts = self.grant(world)
        assert facts.details is not None
        assert facts.details.lot is not None
        assert facts.details.lot.freezes == ["payment_pending", "account"]

    def test_2_an_opening_settles_at_its_moment(self) -> None:
        world = World(card())
        world.policy("p", overage_mode="overdraft", overdraft_limit=9 * CREDIT)
        world.use("e", 3)
        self.grant(world, opens_at=T + 10)
        opened, settled = tick(world, T + 15)
        assert (opened.type, settled.type) == ("unfreeze", "overdraft_settled")
        assert (settled.effective_at, drawn(settled)) == (T + 10, [("lot", 3)])
