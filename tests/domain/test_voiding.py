"""Voids, adjustments and expiry changes (rulings 5, 6, 21, 37, 41)."""

from typing import Any

import pytest

from drawdown.domain.entries import PARTITION_CUSTOMER, EntryFacts, LotChange
from drawdown.domain.inputs import Adjust, ChangeExpiry, CommandBody, Freeze, Grant, Tick, Void
from drawdown.domain.numbers import AMOUNT_MAX, MINUTE_US, NEVER
from tests.domain.building import CREDIT, HOUR_US, T, World, card, drawn, moved, told

GRACE_US = 5 * MINUTE_US


def lot_world(credits: int = 5, **terms: Any) -> World:
    """A lot of a cent a credit."""
    world = World(card())
    plain = {"kind": "purchased", "price_minor": credits, "currency": "USD"}
    world.grant("lot", credits * CREDIT, **{**plain, **terms})
    return world


def change_of(facts: EntryFacts) -> LotChange:
    assert facts.details is not None
    (change,) = facts.details.lot_changes
    return change


class TestVoid:
    def test_5_without_an_amount_it_takes_what_is_unreserved_and_closes_the_lot(self) -> None:
        world = lot_world()
        world.use("e", 1)
        world.hold("h", 1)
        (facts,) = world.accept(Void(lot_id="lot"), "", T + 9)
        assert (facts.type, facts.amount, facts.balance) == ("void", -3 * CREDIT, CREDIT)
        assert (facts.held, facts.available, facts.effective_at) == (CREDIT, 0, T + 9)
        assert moved(facts) == [("lot", 3, 3, False)]
        assert (change_of(facts).closed, change_of(facts).expires_at) == (True, None)
        assert world.account().lots["lot"].voided == 3 * CREDIT

    def test_5_with_an_amount_the_lot_stays_open(self) -> None:
        world = lot_world()
        (facts,) = world.accept(Void(lot_id="lot", amount=5 * CREDIT))
        assert (facts.amount, moved(facts)) == (-5 * CREDIT, [("lot", 5, 5, False)])
        assert facts.details is None
        assert not world.account().lots["lot"].closed

    def test_5_it_is_whole_or_refused(self) -> None:
        world = lot_world()
        world.hold("h", 2)
        decision = world.ask(Void(lot_id="lot", amount=3 * CREDIT + 1))
        assert (decision.code, decision.detail) == (
            "nothing_to_void",
            "lot lot has 3000000 unreserved",
        )
        world.accept(Void(lot_id="lot", amount=3 * CREDIT))

    def test_37_of_an_empty_open_lot_it_writes_0_and_closes_it_once(self) -> None:
        world = lot_world()
        world.use("e", 5)
        (facts,) = world.accept(Void(lot_id="lot"))
        assert (facts.amount, facts.allocations, change_of(facts).closed) == (0, [], True)
        assert world.refuse(Void(lot_id="lot")) == "lot_closed"
        assert world.refuse(Void(lot_id="lot", amount=1)) == "lot_closed"

    def test_37_a_closed_lot_has_no_expiry_to_book(self) -> None:
        world = lot_world(expires_at=T + 10)
        world.accept(Void(lot_id="lot"))
        late = T + 10 + GRACE_US
        assert world.accept(Tick(), "", late, customer_id=PARTITION_CUSTOMER) == []

    @pytest.mark.parametrize(
        ("code", "body"),
        [
            ("unknown_lot", Void(lot_id="unknown")),
            ("invalid_amount", Void(lot_id="lot", amount=0)),
            ("invalid_amount", Void(lot_id="lot", amount=-1)),
        ],
    )
    def test_it_is_refused(self, code: str, body: CommandBody) -> None:
        assert lot_world().refuse(body) == code

    def test_a_frozen_lot_is_voided_all_the_same(self) -> None:
        world = lot_world()
        world.accept(Freeze(lot_id="lot"))
        (facts,) = world.accept(Void(lot_id="lot"))
        assert (facts.amount, change_of(facts).freezes) == (-5 * CREDIT, ["manual"])


class TestAdjustment:
    def test_6_a_positive_one_opens_an_unscoped_lot_without_a_price(self) -> None:
        world = World(card())
        decision = world.ask(Adjust(amount=7), "k", T + 9, reason="goodwill")
        (facts,) = decision.facts
        assert (facts.type, facts.amount, facts.balance) == ("adjustment", 7, 7)
        assert (facts.reason, facts.actor, facts.effective_at) == ("goodwill", "tester", T + 9)
        (part,) = facts.allocations
        assert (part.lot_id, part.amount, part.kind, part.currency) == ("k", 7, "adjustment", "")
        lot = world.account().lots["k"]
        assert (lot.kind, lot.priority, lot.price_minor, lot.scoped) == ("adjustment", 50, 0, False)
        assert (lot.expires_at, lot.lot_seq, lot.reason) == (NEVER, 1, "goodwill")
        assert (lot.effective_at, lot.campaign, lot.list_price_minor) == (T + 9, "", 0)

    def test_6_with_an_expiry(self) -> None:
        world = World(card())
        world.accept(Adjust(amount=7, expires_at=T + 1), "k")
        assert world.account().lots["k"].expires_at == T + 1

    def test_2_a_positive_one_settles_what_is_owed(self) -> None:
        world = World(card())
        world.policy("p", overage_mode="overdraft", overdraft_limit=9 * CREDIT)
        world.use("e", 3)
        facts = world.accept(Adjust(amount=5 * CREDIT), "k")
        assert told(facts) == [("adjustment", 5), ("overdraft_settled", 0)]
        assert drawn(facts[1]) == [("k", 3)]

    def test_6_a_negative_one_takes_free_credits_in_burn_order_whatever_their_scope(self) -> None:
        world = lot_world()
        world.grant("scoped", 2 * CREDIT, meters=["images"], priority=1)
        world.grant("soon", CREDIT, expires_at=T + HOUR_US)
        (facts,) = world.accept(Adjust(amount=-4 * CREDIT))
        assert (facts.type, facts.amount, facts.balance) == (
            "adjustment",
            -4 * CREDIT,
            4 * CREDIT,
        )
        assert moved(facts) == [
            ("scoped", 2, 0, False),
            ("soon", 1, 0, False),
            ("lot", 1, 1, False),
        ]
        lots = world.account().lots
        assert [lots[name].voided // CREDIT for name in ("scoped", "soon", "lot")] == [2, 1, 1]
        assert facts.details is None

    def test_6_it_is_whole_or_refused_and_takes_nothing_that_is_not_free(self) -> None:
        world = lot_world()
        world.hold("h", 1)
        world.grant("frozen", 5 * CREDIT, priority=0)
        world.accept(Freeze(lot_id="frozen"))
        world.grant("later", 5 * CREDIT, effective_at=T + 10)
        world.grant("ends", 5 * CREDIT, T, expires_at=T + 2, priority=1)
        decision = world.ask(Adjust(amount=-4 * CREDIT - 1), "", T + 2)
        assert (decision.code, decision.detail) == ("insufficient_credits", "4000000 are free")
        (facts,) = world.accept(Adjust(amount=-4 * CREDIT), "", T + 2)
        assert drawn(facts) == [("lot", 4)]

    @pytest.mark.parametrize(
        ("code", "body"),
        [
            ("out_of_range", Adjust(amount=AMOUNT_MAX - 5 * CREDIT + 1)),
            ("invalid_amount", Adjust(amount=0)),
            ("invalid_period", Adjust(amount=-1, expires_at=T + 1)),
            ("invalid_period", Adjust(amount=1, expires_at=T)),
            ("invalid_period", Adjust(amount=1, expires_at=NEVER)),
            ("insufficient_credits", Adjust(amount=-5 * CREDIT - 1)),
        ],
    )
    def test_it_is_refused(self, code: str, body: CommandBody) -> None:
        assert lot_world().refuse(body) == code

    def test_its_lot_id_is_the_commands(self) -> None:
        world = World(card())
        world.accept(Adjust(amount=AMOUNT_MAX - 1), "most")
        world.grant("last", 1)
        assert list(world.account().lots) == ["most", "last"]

    def test_a_lot_of_its_id_may_exist(self) -> None:
        world = World(card())
        world.accept(Grant(kind="included", amount=1, lot_id="k"), "other")
        assert world.ask(Adjust(amount=1), "k").code == "lot_id_used"


class TestChangeExpiry:
    def test_21_it_sets_the_date_and_moves_nothing(self) -> None:
        world = lot_world(expires_at=T + HOUR_US)
        (facts,) = world.accept(ChangeExpiry(lot_id="lot", expires_at=T + 10), "", T + 9)
        assert (facts.type, facts.amount, facts.allocations) == ("expiry_changed", 0, [])
        assert facts.effective_at == T + 9
        change = change_of(facts)
        assert (change.expires_at, change.freezes, change.frozen_since) == (T + 10, [], None)
        assert drawn(world.use("e", 1, T + 10)) == []
        (expired,) = world.accept(Tick(), "", T + 10 + GRACE_US, customer_id=PARTITION_CUSTOMER)
        assert (expired.type, expired.effective_at) == ("expiration", T + 10)

    def test_21_none_is_never(self) -> None:
        world = lot_world(expires_at=T + 10)
        (facts,) = world.accept(ChangeExpiry(lot_id="lot"), "", T + 9)
        assert change_of(facts).expires_at is None
        late = T + 10 + GRACE_US
        assert world.accept(Tick(), "", late, customer_id=PARTITION_CUSTOMER) == []
        assert drawn(world.use("e", 1, late)) == [("lot", 1)]

    def test_it_moves_its_place_in_the_burn_order(self) -> None:
        world = lot_world()
        world.grant("other", 5 * CREDIT, expires_at=T + HOUR_US)
        world.accept(ChangeExpiry(lot_id="lot", expires_at=T + 10))
        assert drawn(world.use("e", 6)) == [("lot", 5), ("other", 1)]

    def test_21_41_not_on_a_lot_that_has_reached_its_expiry(self) -> None:
        world = lot_world(expires_at=T + 10)
        body = ChangeExpiry(lot_id="lot", expires_at=T + HOUR_US)
        assert world.refuse(body, T + 10) == "lot_expired"
        world.accept(body, "", T + 9)

    def test_21_not_on_one_that_was_frozen_past_it(self) -> None:
        world = lot_world(expires_at=T + 10)
        world.accept(Freeze(lot_id="lot"), "", T + 10)
        body = ChangeExpiry(lot_id="lot", expires_at=T + HOUR_US)
        assert world.refuse(body, T + 11) == "lot_expired"

    def test_21_on_one_that_is_frozen_though_its_date_has_gone_by(self) -> None:
        world = lot_world(expires_at=T + 10)
        world.accept(Freeze(lot_id="lot"), "", T + 9)
        (facts,) = world.accept(ChangeExpiry(lot_id="lot", expires_at=T + HOUR_US), "", T + 11)
        assert change_of(facts).frozen_since == T + 11

    @pytest.mark.parametrize(
        ("code", "body"),
        [
            ("unknown_lot", ChangeExpiry(lot_id="unknown")),
            ("invalid_period", ChangeExpiry(lot_id="lot", expires_at=T - 1)),
            ("invalid_period", ChangeExpiry(lot_id="lot", expires_at=T)),
            ("invalid_period", ChangeExpiry(lot_id="lot", expires_at=T + 7)),
            ("invalid_period", ChangeExpiry(lot_id="lot", expires_at=NEVER)),
        ],
    )
    def test_it_is_refused(self, code: str, body: CommandBody) -> None:
        assert lot_world(effective_at=T + 7).refuse(body) == code

    def test_21_not_on_a_closed_lot(self) -> None:
        world = lot_world()
        world.accept(Void(lot_id="lot"))
        assert world.refuse(ChangeExpiry(lot_id="lot")) == "lot_closed"
