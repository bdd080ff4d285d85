"""Holds: placed whole, extended, released (`domain.md`, «Holds»; rulings 1–5, 17, 41)."""

from typing import Any

import pytest

from drawdown.domain.entries import HoldState, PolicyChange
from drawdown.domain.holding import BATCH_MAX
from drawdown.domain.inputs import (
    Batch,
    CaptureHold,
    ChangePolicy,
    ExtendHold,
    Freeze,
    ReleaseHold,
)
from drawdown.domain.numbers import AMOUNT_MAX, DAY_US
from tests.domain.building import (
    CREDIT,
    HOUR_US,
    T,
    World,
    card,
    drawn,
    moved,
    paid,
    told,
)
from tests.domain.holding import hold_world, placing, reservations, state_of


class TestPlacing:
    def test_28_it_reserves_lot_by_lot_and_moves_no_balance(self) -> None:
        world = hold_world(("a", 3), ("b", 5))
        facts = world.hold("h", 4, properties={"model": "sage"})
        assert (facts.type, facts.amount, facts.balance) == ("hold_placed", 0, 8 * CREDIT)
        assert (facts.held, facts.available) == (4 * CREDIT, 4 * CREDIT)
        assert moved(facts) == [("a", 3, 0, True), ("b", 1, 0, True)]
        assert state_of(facts) == HoldState(
            hold_id="h",
            state="open",
            meter="tokens",
            properties={"model": "sage"},
            reserved=4 * CREDIT,
            reserved_room=0,
            placed_at=T,
            expires_at=T + HOUR_US,
        )
        assert (facts.charge, facts.effective_at, facts.actor) == (None, T, "tester")
        lots = world.account().lots
        assert [lots[name].reserved // CREDIT for name in "ab"] == [3, 1]
        assert [lots[name].remaining // CREDIT for name in "ab"] == [3, 5]

    def test_1_what_is_reserved_is_not_there_for_a_hold_or_for_usage(self) -> None:
        world = hold_world(("a", 3), ("b", 5))
        world.hold("h", 4)
        assert world.refuse(placing("more", 5)) == "insufficient_credits"
        assert drawn(world.use("e", 5)) == [("b", 4)]
        assert paid(world.use("f", 2)) == (2, 0, 0, 2)

    def test_5_it_is_placed_whole_or_refused(self) -> None:
        world = hold_world(("a", 3))
        decision = world.ask(placing("h", 4))
        assert (decision.code, decision.detail) == (
            "insufficient_credits",
            "1000000 micro-credits are missing",
        )
        assert world.account().holds == {}
        world.hold("h", 3)
        assert world.account().held == 3 * CREDIT

    def test_1_it_sees_what_its_meter_and_properties_may_draw(self) -> None:
        world = World(card())
        world.grant("images", 5 * CREDIT, meters=["images"])
        world.grant("sage", 5 * CREDIT, properties={"model": "sage"})
        world.grant("any", CREDIT)
        assert world.refuse(placing("h", 2)) == "insufficient_credits"
        facts = world.hold("h", 6, properties={"model": "sage", "user": "u"})
        assert drawn(facts) == [("sage", 5), ("any", 1)]
        assert drawn(world.hold("i", 5, meter="images")) == [("images", 5)]

    def test_17_an_expired_lot_reserves_nothing_in_its_grace(self) -> None:
        world = World(card())
        world.grant("ends", 5 * CREDIT, expires_at=T + 10)
        assert world.refuse(placing("h", 1), T + 10) == "insufficient_credits"
        assert world.hold("i", 1, T + 9).held == CREDIT

    def test_a_lot_that_has_not_begun_reserves_nothing(self) -> None:
        world = World(card())
        world.grant("later", 5 * CREDIT, effective_at=T + 10)
        assert world.refuse(placing("h", 1), T + 9) == "insufficient_credits"
        assert world.hold("i", 1, T + 10).available == 4 * CREDIT

    def test_3_overdraft_room_is_shown_on_the_hold_and_counts_against_the_limit(self) -> None:
        world = hold_world(("a", 3))
        world.policy("p", overage_mode="overdraft", overdraft_limit=5 * CREDIT)
        facts = world.hold("h", 7)
        assert (facts.held, facts.available, drawn(facts)) == (3 * CREDIT, 0, [("a", 3)])
        assert (state_of(facts).reserved, state_of(facts).reserved_room) == (3 * CREDIT, 4 * CREDIT)
        assert facts.details is not None
        assert facts.details.reserved_room == 4 * CREDIT
        assert world.refuse(placing("i", 2)) == "insufficient_credits"
        assert paid(world.use("e", 2)) == (2, 1, 0, 1)
        assert world.refuse(placing("i", 1)) == "insufficient_credits"
        world.policy("lower", overdraft_limit=2 * CREDIT)
        assert paid(world.use("f", 1)) == (1, 0, 0, 1)

    def test_1_debt_and_overdraft_leave_a_scoped_lot_what_it_can_pay(self) -> None:
        world = World(card())
        world.policy("p", overage_mode="overdraft", overdraft_limit=5 * CREDIT)
        world.use("e", 5)
        world.grant("scoped", 3 * CREDIT, meters=["tokens"])
        assert world.account().available == -2 * CREDIT
        facts = world.hold("h", 3)
        assert (facts.held, facts.available) == (3 * CREDIT, -5 * CREDIT)

    def test_overage_gives_a_hold_no_room(self) -> None:
        world = hold_world(("a", 3))
        world.policy("p", overage_mode="overage")
        assert world.refuse(placing("h", 4)) == "insufficient_credits"

    def test_4_a_frozen_account_gives_neither_credits_nor_room(self) -> None:
        world = hold_world(("a", 3))
        world.policy("p", overage_mode="overdraft", overdraft_limit=5 * CREDIT)
        world.accept(Freeze())
        assert world.refuse(placing("h", 1)) == "insufficient_credits"

    @pytest.mark.parametrize(
        ("code", "fields"),
        [
            ("invalid_id", {"hold_id": ""}),
            ("invalid_id", {"hold_id": "h" * 129}),
            ("invalid_id", {"meter": ""}),
            ("out_of_range", {"amount": AMOUNT_MAX + 1}),
            ("insufficient_credits", {"amount": AMOUNT_MAX}),
            ("invalid_amount", {"amount": 0}),
            ("invalid_amount", {"amount": -1}),
            ("invalid_period", {"expires_at": T}),
            ("hold_life_too_long", {"expires_at": T + DAY_US + 1}),
        ],
    )
    def test_it_is_refused(self, code: str, fields: dict[str, Any]) -> None:
        world = hold_world(("a", 3))
        assert world.refuse(placing(**fields)) == code

    @pytest.mark.parametrize("expires_at", [T + 1, T + DAY_US])
    def test_17_it_lives_at_most_as_long_as_the_policy_says(self, expires_at: int) -> None:
        world = hold_world(("a", 3))
        assert world.hold("h", 1, expires_at=expires_at).held == CREDIT
        world.accept(ChangePolicy(policy=PolicyChange(hold_life_us=7)))
        assert world.refuse(placing("i", 1, expires_at=T + 8)) == "hold_life_too_long"
        assert world.hold("i", 1, expires_at=T + 7).held == 2 * CREDIT

    def test_9_a_hold_id_is_used_once_in_an_account(self) -> None:
        world = hold_world(("a", 3))
        world.hold("h", 1)
        assert world.refuse(placing("h")) == "hold_id_used"
        world.accept(ReleaseHold(hold_id="h"))
        assert world.refuse(placing("h")) == "hold_id_used"
        world.grant("other", CREDIT, customer_id="other")
        world.accept(placing("h"), customer_id="other")


class TestBatch:
    def test_a_batch_is_placed_in_order_in_one_decision(self) -> None:
        world = hold_world(("a", 3), ("b", 3))
        facts = world.accept(Batch(holds=[placing("h", 2), placing("i", 2), placing("j", 2)]))
        assert [each.type for each in facts] == ["hold_placed"] * 3
        assert [drawn(each) for each in facts] == [[("a", 2)], [("a", 1), ("b", 1)], [("b", 2)]]
        assert [each.held // CREDIT for each in facts] == [2, 4, 6]

    def test_one_that_is_refused_refuses_all(self) -> None:
        world = hold_world(("a", 3))
        decision = world.ask(Batch(holds=[placing("h", 2), placing("i", 2)]))
        assert (decision.code, decision.detail) == (
            "insufficient_credits",
            "i: 1000000 micro-credits are missing",
        )
        assert told(decision.facts) == [("rejected", 0)]
        assert (world.account().holds, world.account().held) == ({}, 0)
        assert world.refuse(Batch(holds=[placing("h"), placing("h")])) == "hold_id_used"

    def test_a_batch_has_1_to_1000_holds(self) -> None:
        world = hold_world(("a", 2_000))
        assert BATCH_MAX == 1_000
        assert world.refuse(Batch(holds=[])) == "invalid_amount"
        many = [placing(f"h{number}") for number in range(1_001)]
        assert world.refuse(Batch(holds=many)) == "invalid_amount"
        assert len(world.accept(Batch(holds=many[:-1]))) == 1_000


class TestExtending:
    def test_more_credits_a_later_expiry_or_both(self) -> None:
        world = hold_world(("a", 3), ("b", 5))
        world.hold("h", 2)
        (more,) = world.accept(ExtendHold(hold_id="h", amount=2 * CREDIT))
        assert (more.type, more.amount, more.held) == ("hold_extended", 0, 4 * CREDIT)
        assert moved(more) == [("a", 1, 0, True), ("b", 1, 0, True)]
        assert (state_of(more).reserved, state_of(more).expires_at) == (4 * CREDIT, T + HOUR_US)
        (later,) = world.accept(ExtendHold(hold_id="h", expires_at=T + HOUR_US + 1), "", T + 5)
        assert (moved(later), later.held, later.effective_at) == ([], 4 * CREDIT, T + 5)
        assert (state_of(later).expires_at, state_of(later).placed_at) == (T + HOUR_US + 1, T)
        (both,) = world.accept(ExtendHold(hold_id="h", amount=CREDIT, expires_at=T + DAY_US))
        assert (state_of(both).reserved, state_of(both).expires_at) == (5 * CREDIT, T + DAY_US)
        assert reservations(world) == [("a", 3), ("b", 2)]

    def test_41_a_lot_keeps_its_place_while_any_of_it_stands_and_goes_last_anew(self) -> None:
        world = hold_world(("a", 1), ("b", 9))
        world.hold("h", 3)
        world.accept(CaptureHold(hold_id="h", amount=CREDIT, final=False))
        assert reservations(world) == [("b", 2)]
        world.grant("first", CREDIT, priority=0)
        world.accept(ExtendHold(hold_id="h", amount=2 * CREDIT))
        assert reservations(world) == [("b", 3), ("first", 1)]

    def test_its_overdraft_room_grows(self) -> None:
        world = hold_world(("a", 3))
        world.policy("p", overage_mode="overdraft", overdraft_limit=5 * CREDIT)
        world.hold("h", 2)
        (more,) = world.accept(ExtendHold(hold_id="h", amount=4 * CREDIT))
        assert (drawn(more), state_of(more).reserved_room) == ([("a", 1)], 3 * CREDIT)
        assert more.details is not None
        assert (more.details.reserved_room, more.held) == (3 * CREDIT, 3 * CREDIT)
        assert world.account().reserved_room == 3 * CREDIT
        assert world.refuse(ExtendHold(hold_id="h", amount=3 * CREDIT)) == "insufficient_credits"

    @pytest.mark.parametrize(
        ("code", "fields"),
        [
            ("out_of_range", {"amount": AMOUNT_MAX}),
            ("invalid_amount", {"amount": -1}),
            ("insufficient_credits", {"amount": 2 * CREDIT}),
            ("unknown_hold", {"hold_id": "unknown", "amount": 1}),
            ("hold_life_too_long", {"expires_at": T + DAY_US + 1}),
            ("nothing_to_extend", {}),
            ("nothing_to_extend", {"expires_at": T + HOUR_US}),
            ("nothing_to_extend", {"expires_at": T + HOUR_US - 1}),
        ],
    )
    def test_it_is_refused(self, code: str, fields: dict[str, Any]) -> None:
        world = hold_world(("a", 3))
        world.hold("h", 2)
        assert world.refuse(ExtendHold(**{"hold_id": "h", **fields}), T + 1) == code
        assert world.account().held == 2 * CREDIT

    def test_an_earlier_expiry_is_none_and_shortens_nothing(self) -> None:
        world = hold_world(("a", 3))
        world.hold("h", 2)
        (more,) = world.accept(ExtendHold(hold_id="h", amount=CREDIT, expires_at=T + 1))
        assert (state_of(more).reserved, state_of(more).expires_at) == (3 * CREDIT, T + HOUR_US)

    def test_17_life_is_measured_from_placement(self) -> None:
        world = hold_world(("a", 3))
        world.hold("h", 1, expires_at=T + DAY_US - 1)
        late = ExtendHold(hold_id="h", expires_at=T + DAY_US + 1)
        assert world.refuse(late, T + DAY_US - 2) == "hold_life_too_long"
        world.accept(ExtendHold(hold_id="h", expires_at=T + DAY_US), "", T + DAY_US - 2)

    def test_an_extension_to_the_edge_of_amounts(self) -> None:
        world = World(card())
        world.grant("most", AMOUNT_MAX)
        world.hold("h", 1)
        (more,) = world.accept(ExtendHold(hold_id="h", amount=AMOUNT_MAX - CREDIT))
        assert more.held == AMOUNT_MAX


class TestReleasing:
    def test_it_goes_back_to_the_same_lots(self) -> None:
        world = hold_world(("a", 3), ("b", 5))
        world.hold("h", 4)
        (facts,) = world.accept(ReleaseHold(hold_id="h"), "", T + 5)
        assert (facts.type, facts.amount, facts.effective_at) == ("hold_released", 0, T + 5)
        assert moved(facts) == [("a", 3, 0, True), ("b", 1, 0, True)]
        assert (facts.held, facts.available, facts.balance) == (0, 8 * CREDIT, 8 * CREDIT)
        assert (state_of(facts).state, state_of(facts).reserved) == ("released", 0)
        assert world.account().held == 0

    def test_14_it_ends_once(self) -> None:
        world = hold_world(("a", 3))
        world.hold("h", 1)
        world.accept(ReleaseHold(hold_id="h"))
        decision = world.ask(ReleaseHold(hold_id="h"))
        assert (decision.code, decision.detail) == ("hold_not_open", "hold h is released")
        assert world.refuse(ExtendHold(hold_id="h", amount=1)) == "hold_not_open"
        assert world.refuse(CaptureHold(hold_id="h")) == "hold_not_open"
        assert world.refuse(ReleaseHold(hold_id="unknown")) == "unknown_hold"
        assert world.refuse(CaptureHold(hold_id="unknown")) == "unknown_hold"

    def test_41_a_hold_has_ended_at_its_expiry_though_that_is_not_booked(self) -> None:
        world = hold_world(("a", 3))
        world.hold("h", 1, expires_at=T + 10)
        decision = world.ask(ReleaseHold(hold_id="h"), "", T + 10, watermark=T)
        assert (decision.code, decision.detail) == ("hold_not_open", "hold h is expired")
        assert world.account().held == CREDIT
        assert told(world.accept(placing("i", 3, expires_at=T + 99), "", T + 10)) == [
            ("hold_expired", 0),
            ("hold_placed", 0),
        ]

    def test_a_release_a_moment_before_its_expiry(self) -> None:
        world = hold_world(("a", 3))
        world.hold("h", 1, expires_at=T + 10)
        assert told(world.accept(ReleaseHold(hold_id="h"), "", T + 9)) == [("hold_released", 0)]

    def test_reserved_room_is_given_back(self) -> None:
        world = hold_world(("a", 1))
        world.policy("p", overage_mode="overdraft", overdraft_limit=5 * CREDIT)
        world.hold("h", 4)
        (facts,) = world.accept(ReleaseHold(hold_id="h"))
        assert facts.details is not None
        assert (facts.details.reserved_room, state_of(facts).reserved_room) == (-3 * CREDIT, 0)
        assert world.account().reserved_room == 0


def test_of_ten_thousand_requests_against_credits_for_137_exactly_137_succeed() -> None:
    world = World(card(), checked=False)
    world.grant("lot", 137 * CREDIT)
    outcomes = [world.ask(placing(f"h{number}"), f"k{number}").outcome for number in range(10_000)]
    assert outcomes.count("accepted") == 137
    assert world.account().held == 137 * CREDIT


def test_an_extension_reserves_in_lots_of_its_hold_s_scope() -> None:
    world = World(card())
    world.grant("scoped", 5 * CREDIT, meters=["tokens"], properties={"model": "sage"})
    world.grant("other", 5 * CREDIT, priority=0, meters=["images"])
    world.hold("h", 1, properties={"model": "sage"})
    (facts,) = world.accept(ExtendHold(hold_id="h", amount=2 * CREDIT))
    assert moved(facts) == [("scoped", 2, 0, True)]
