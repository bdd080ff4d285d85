"""Captures: what a hold is charged, and how that ends it (rulings 14–16, 33, 34, 40)."""

from drawdown.domain.inputs import (
    CaptureHold,
    Freeze,
    ReleaseHold,
    Void,
)
from drawdown.domain.numbers import AMOUNT_MAX, DAY_US
from tests.domain.building import (
    CREDIT,
    UNIT,
    T,
    World,
    card,
    deduction,
    moved,
    paid,
    told,
    usage,
)
from tests.domain.holding import hold_world, reservations, state_of, used


class TestCapturing:
    def test_14_usage_is_a_deduction_of_its_reserved_parts_and_the_rest_is_released(self) -> None:
        world = hold_world(("a", 3), ("b", 5))
        world.hold("h", 6)
        body = CaptureHold(hold_id="h", usage=used("e", 4, occurred_at=T + 1))
        facts, released = world.accept(body, "k", T + 2)
        assert (facts.type, facts.amount, facts.balance) == ("deduction", -4 * CREDIT, 4 * CREDIT)
        assert moved(facts) == [("a", 3, 3, True), ("b", 1, 1, True)]
        assert (facts.held, facts.available) == (2 * CREDIT, 2 * CREDIT)
        assert (facts.cause, facts.cause_id, facts.effective_at) == ("command", "k", T + 1)
        assert facts.charge is not None
        assert (facts.charge.hold_id, facts.charge.hold_ended) == ("h", False)
        assert facts.details is not None
        assert (facts.details.event_id, facts.details.event_digest) == ("e", b"4 of e")
        assert (state_of(facts).state, state_of(facts).reserved) == ("open", 2 * CREDIT)
        assert (released.type, moved(released)) == ("hold_released", [("b", 2, 0, True)])
        assert (released.held, released.available, released.balance) == (
            0,
            4 * CREDIT,
            4 * CREDIT,
        )
        assert (released.cause, state_of(released).state) == ("command", "released")

    def test_9_its_event_is_consumed_as_if_it_had_come_as_usage(self) -> None:
        world = hold_world(("a", 9))
        world.hold("h", 6)
        world.accept(CaptureHold(hold_id="h", usage=used("e", 2), final=False))
        again = world.ask(CaptureHold(hold_id="h", usage=used("e", 2), final=False), "other")
        assert (again.outcome, again.facts, again.first_entry_id) == ("duplicate", [], "c-3-3-0")
        other = CaptureHold(hold_id="h", usage=used("e", 3), final=False)
        decision = world.ask(other)
        assert (decision.code, decision.first_entry_id) == ("event_id_conflict", "c-3-3-0")
        assert world.decide(usage("e")).code == "event_id_conflict"
        assert world.account().balance == 7 * CREDIT

    def test_captures_may_be_many(self) -> None:
        world = hold_world(("a", 3), ("b", 5))
        world.hold("h", 6)
        first = CaptureHold(hold_id="h", usage=used("e1", 2), final=False)
        assert [moved(each) for each in world.accept(first)] == [[("a", 2, 2, True)]]
        second = CaptureHold(hold_id="h", usage=used("e2", 2), final=False)
        assert [moved(each) for each in world.accept(second)] == [
            [("a", 1, 1, True), ("b", 1, 1, True)]
        ]
        assert reservations(world) == [("b", 2)]
        last = world.accept(CaptureHold(hold_id="h", usage=used("e3", 2)))
        assert [moved(each) for each in last] == [[("b", 2, 2, True)], []]

    def test_15_it_takes_its_lots_then_others_then_its_room_then_what_the_policy_gives(
        self,
    ) -> None:
        world = hold_world(("a", 3))
        world.policy("p", overage_mode="overdraft", overdraft_limit=6 * CREDIT)
        world.hold("h", 5)
        world.grant("b", CREDIT)
        facts, released = world.accept(CaptureHold(hold_id="h", usage=used("e", 11)))
        assert moved(facts) == [("a", 3, 3, True), ("b", 1, 0, False)]
        assert paid(facts) == (11, 6, 0, 1)
        assert (facts.amount, facts.overdraft, facts.held) == (-10 * CREDIT, 6 * CREDIT, 0)
        assert facts.details is not None
        assert facts.details.reserved_room == -2 * CREDIT
        assert (state_of(facts).reserved_room, moved(released)) == (0, [])
        assert world.account().reserved_room == 0

    def test_40_a_lot_has_one_allocation_reserved_and_one_not(self) -> None:
        world = hold_world(("a", 9))
        world.hold("h", 3)
        facts, _ = world.accept(CaptureHold(hold_id="h", usage=used("e", 5)))
        assert moved(facts) == [("a", 3, 3, True), ("a", 2, 2, False)]

    def test_a_price_is_released_right_by_both_parts_of_one_lot(self) -> None:
        world = World(card())
        world.grant("a", 9 * CREDIT, kind="purchased", price_minor=10, currency="USD")
        world.hold("h", 3)
        facts, _ = world.accept(CaptureHold(hold_id="h", usage=used("e", 5)))
        assert moved(facts) == [("a", 3, 3, True), ("a", 2, 3, False)]

    def test_15_a_reservation_serves_usage_whatever_its_scope(self) -> None:
        world = World(card())
        world.grant("images", 5 * CREDIT, meters=["images"])
        world.hold("h", 3, meter="images")
        facts, _ = world.accept(CaptureHold(hold_id="h", usage=used("e", 2)))
        assert moved(facts) == [("images", 2, 0, True)]

    def test_a_capture_of_no_more_than_was_held_never_fails(self) -> None:
        world = hold_world(("a", 3))
        world.hold("h", 3, expires_at=T + DAY_US)
        world.accept(Void(lot_id="a"))
        world.accept(Freeze())
        late = T + DAY_US - 1
        facts = world.accept(
            CaptureHold(hold_id="h", usage=used("e", 3, occurred_at=late)), "", late
        )
        assert paid(facts[0]) == (3, 0, 0, 0)

    def test_14_a_capture_in_credits_is_a_hold_captured(self) -> None:
        world = hold_world(("a", 3), ("b", 5))
        world.hold("h", 6)
        captured, released = world.accept(CaptureHold(hold_id="h", amount=4 * CREDIT), "k", T + 1)
        assert (captured.type, captured.amount) == ("hold_captured", -4 * CREDIT)
        assert moved(captured) == [("a", 3, 3, True), ("b", 1, 1, True)]
        assert (captured.held, captured.available, captured.residue) == (2 * CREDIT, 2 * CREDIT, 0)
        charge = captured.charge
        assert charge is not None
        assert (charge.rated, charge.lines, charge.rate_card) == (4 * CREDIT, [], "")
        assert (charge.meter, charge.hold_id, charge.hold_ended) == ("tokens", "h", False)
        assert captured.effective_at == T + 1
        assert moved(released) == [("b", 2, 0, True)]
        assert captured.details is not None
        assert (captured.details.event_id, captured.details.event_digest) == ("", b"")

    def test_14_without_an_amount_all_that_is_reserved(self) -> None:
        world = hold_world(("a", 3))
        world.policy("p", overage_mode="overdraft", overdraft_limit=6 * CREDIT)
        world.hold("h", 5)
        captured, released = world.accept(CaptureHold(hold_id="h"))
        assert (paid(captured), captured.overdraft) == ((5, 2, 0, 0), 2 * CREDIT)
        assert moved(captured) == [("a", 3, 3, True)]
        assert state_of(released).state == "released"
        assert world.account().reserved_room == 0

    def test_more_in_credits_than_was_held_comes_from_what_is_there_then_the_policy(self) -> None:
        world = hold_world(("a", 5))
        world.policy("p", overage_mode="overage")
        world.hold("h", 3)
        captured, _ = world.accept(CaptureHold(hold_id="h", amount=7 * CREDIT))
        assert moved(captured) == [("a", 3, 3, True), ("a", 2, 2, False)]
        assert (paid(captured), captured.overage_total) == ((7, 0, 2, 0), 2 * CREDIT)

    def test_a_capture_in_credits_may_leave_it_open(self) -> None:
        world = hold_world(("a", 5))
        world.hold("h", 3)
        (captured,) = world.accept(CaptureHold(hold_id="h", amount=CREDIT, final=False))
        assert (captured.held, state_of(captured).reserved) == (2 * CREDIT, 2 * CREDIT)

    def test_14_both_an_amount_and_usage_are_refused(self) -> None:
        world = hold_world(("a", 5))
        world.hold("h", 3)
        both = CaptureHold(hold_id="h", amount=CREDIT, usage=used("e", 1))
        assert world.refuse(both) == "invalid_amount"
        assert world.refuse(CaptureHold(hold_id="h", amount=0)) == "invalid_amount"
        assert world.refuse(CaptureHold(hold_id="h", amount=-1)) == "invalid_amount"
        assert world.account().held == 3 * CREDIT

    def test_33_usage_of_an_ended_or_unknown_hold_is_charged_and_marked(self) -> None:
        world = hold_world(("a", 5))
        world.hold("h", 3)
        world.accept(ReleaseHold(hold_id="h"))
        for event_id, hold_id in (("e1", "h"), ("e2", "unknown")):
            (facts,) = world.accept(CaptureHold(hold_id=hold_id, usage=used(event_id, 1)))
            assert facts.charge is not None
            assert (facts.charge.hold_id, facts.charge.hold_ended) == (hold_id, True)
            assert facts.details is not None
            assert facts.details.hold is None
            assert moved(facts) == [("a", 1, 1, False)]

    def test_out_of_range_leaves_it_open(self) -> None:
        world = hold_world(("a", 5))
        world.policy("p", overage_mode="overage")
        world.decide(usage("most", quantities={"tokens": AMOUNT_MAX - CREDIT}))
        world.grant("b", 5 * CREDIT)
        world.hold("h", 3)
        much = CaptureHold(hold_id="h", amount=AMOUNT_MAX)
        assert world.refuse(much) == "out_of_range"
        assert world.refuse(CaptureHold(hold_id="h", usage=used("e", 2**42))) == "out_of_range"
        assert world.account().holds["h"].open_at(T)


class TestUsageThatNamesAHold:
    def test_14_it_draws_on_the_hold_and_final_ends_it(self) -> None:
        world = hold_world(("a", 5))
        world.hold("h", 3)
        first = world.decide(usage("e1", hold_id="h")).facts
        assert [each.type for each in first] == ["deduction"]
        assert moved(first[0]) == [("a", 1, 1, True)]
        assert (first[0].held, state_of(first[0]).reserved) == (2 * CREDIT, 2 * CREDIT)
        deducted, released = world.decide(usage("e2", hold_id="h", hold_final=True)).facts
        assert moved(deducted) == [("a", 1, 1, True)]
        assert (released.type, moved(released)) == ("hold_released", [("a", 1, 0, True)])
        assert (released.cause, released.cause_id) == ("usage", "e2")
        assert released.available == 3 * CREDIT
        assert deducted.details is not None
        assert (deducted.details.event_id, deducted.details.event_digest) == ("", b"")

    def test_9_the_hold_is_no_part_of_an_events_body(self) -> None:
        world = hold_world(("a", 5))
        world.hold("h", 3)
        world.decide(usage("e"))
        again = world.decide(usage("e", hold_id="h"))
        assert (again.outcome, again.facts) == ("duplicate", [])

    def test_16_34_a_final_one_that_was_charged_before_charges_nothing_and_ends_the_hold(
        self,
    ) -> None:
        world = hold_world(("a", 5))
        world.hold("h", 3)
        world.decide(usage("e"))
        again = world.decide(usage("e", hold_id="h", hold_final=True), T + 1)
        assert (again.outcome, again.first_entry_id) == ("duplicate", "u-3-0-0")
        assert told(again.facts) == [("hold_released", 0)]
        assert again.facts[0].effective_at == T + 1
        assert world.account().available == 4 * CREDIT
        assert world.decide(usage("e", hold_id="h", hold_final=True)).facts == []
        assert world.decide(usage("e", hold_id="unknown", hold_final=True)).facts == []

    def test_16_34_the_same_of_a_capture(self) -> None:
        world = hold_world(("a", 5))
        world.hold("h", 3)
        world.accept(CaptureHold(hold_id="h", usage=used("e", 1), final=False))
        again = world.ask(CaptureHold(hold_id="h", usage=used("e", 1)), "again", T + 1)
        assert (again.outcome, again.first_entry_id) == ("duplicate", "c-3-3-0")
        assert told(again.facts) == [("hold_released", 0)]
        assert (again.facts[0].cause, again.facts[0].cause_id) == ("command", "again")

    def test_16_a_refused_one_leaves_it_open(self) -> None:
        world = hold_world(("a", 5))
        world.hold("h", 3)
        wrong = usage("e", meter="unheard of", hold_id="h", hold_final=True)
        assert world.decide(wrong).code == "no_rate"
        body = CaptureHold(hold_id="h", usage=used("e2", 1, occurred_at=T - 36 * DAY_US))
        assert world.refuse(body) == "too_old"
        conflict = CaptureHold(hold_id="h", usage=used("e3", 1), final=False)
        world.accept(conflict)
        assert world.decide(usage("e3", hold_id="h", hold_final=True)).code == "event_id_conflict"
        assert world.account().holds["h"].open_at(T)

    def test_10_failed_usage_honours_its_end(self) -> None:
        world = hold_world(("a", 5))
        world.hold("h", 3)
        failed = usage("e", meter="unheard of", status="failed", hold_id="h", hold_final=True)
        deducted, released = world.decide(failed).facts
        assert (deducted.amount, moved(deducted)) == (0, [])
        assert (released.type, moved(released)) == ("hold_released", [("a", 3, 0, True)])

    def test_33_an_ended_hold_stands_on_it(self) -> None:
        world = hold_world(("a", 5))
        world.hold("h", 3, expires_at=T + 10)
        late = usage("e", hold_id="h", hold_final=True, occurred_at=T + 10)
        facts = deduction(world.decide(late, T + 10, watermark=T))
        assert facts.charge is not None
        assert (facts.charge.hold_id, facts.charge.hold_ended) == ("h", True)
        assert moved(facts) == [("a", 1, 1, False)]
        assert world.account().held == 3 * CREDIT

    def test_4_captures_of_open_holds_go_on_in_a_frozen_account_and_nothing_else_is_drawn(
        self,
    ) -> None:
        world = hold_world(("a", 5))
        world.policy("p", overage_mode="overdraft", overdraft_limit=9 * CREDIT)
        world.hold("h", 3)
        world.accept(Freeze())
        facts = deduction(world.decide(usage("e", hold_id="h", quantities={"tokens": 4 * UNIT})))
        assert (moved(facts), paid(facts)) == ([("a", 3, 3, True)], (4, 0, 0, 1))
        assert paid(world.use("f", 1)) == (1, 0, 0, 1)

    def test_4_a_frozen_account_still_gives_the_room_that_a_hold_reserved(self) -> None:
        world = hold_world(("a", 1))
        world.policy("p", overage_mode="overdraft", overdraft_limit=9 * CREDIT)
        world.hold("h", 3)
        world.accept(Freeze())
        facts, _ = world.accept(CaptureHold(hold_id="h", amount=4 * CREDIT))
        assert paid(facts) == (4, 2, 0, 1)


def test_a_capture_beyond_its_hold_draws_on_lots_in_its_scope() -> None:
    world = World(card())
    world.grant("scoped", 5 * CREDIT, meters=["tokens"], properties={"model": "sage"})
    world.grant("other", 5 * CREDIT, priority=0, meters=["images"])
    world.hold("h", 1, properties={"model": "sage"})
    (facts, *_) = world.accept(CaptureHold(hold_id="h", amount=3 * CREDIT))
    assert moved(facts) == [("scoped", 1, 0, True), ("scoped", 2, 0, False)]
    assert (facts.amount, facts.occurred_at, facts.effective_at) == (-3 * CREDIT, T, T)
    assert facts.charge is not None
    assert (facts.charge.meter, facts.charge.status) == ("tokens", "succeeded")


def test_captured_usage_is_dated_by_its_event_and_not_by_its_command() -> None:
    world = hold_world(("a", 9))
    world.hold("h", 6)
    body = CaptureHold(hold_id="h", usage=used("e", 4, occurred_at=T + 1))
    (facts, *_) = world.accept(body, "k", T + 5)
    assert (facts.occurred_at, facts.effective_at, facts.recorded_at) == (T + 1, T + 1, T + 5)
