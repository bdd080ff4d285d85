"""Refunds of usage: the way back, and the lots that reopen (rulings 23, 24, 39)."""

from dataclasses import replace

import pytest

from drawdown.domain.entries import EntryFacts, PolicyChange, Refund
from drawdown.domain.inputs import (
    Adjust,
    CaptureHold,
    ChangePolicy,
    Freeze,
    Grant,
    NoteDispute,
    RefundUsage,
    ReleaseHold,
    Void,
)
from drawdown.domain.numbers import AMOUNT_MAX, DAY_US, MINUTE_US
from drawdown.domain.rating import month_key
from tests.domain import cards
from tests.domain.building import (
    CREDIT,
    HOUR_US,
    UNIT,
    T,
    World,
    card,
    drawn,
    moved,
    paid,
    told,
    usage,
)

GRACE_US = 5 * MINUTE_US


def give_back(
    world: World, event_id: str, credits: int | None = None, at: int = T, refund_id: str = ""
) -> list[EntryFacts]:
    """A refund of whole credits, or of all that is left."""
    body = RefundUsage(
        refund_id=refund_id or f"refund {len(world.log)}",
        event_id=event_id,
        amount=None if credits is None else credits * CREDIT,
    )
    return world.accept(body, "", at)


def used_world() -> World:
    """10 credits used: 3 of `a`, 2 of `b`, 4 overdrawn, 1 uncovered."""
    world = World(card())
    for place, (lot_id, credits) in enumerate((("a", 3), ("b", 2))):
        world.grant(
            lot_id,
            credits * CREDIT,
            kind="purchased",
            price_minor=100 * credits,
            currency="USD",
            priority=place,
        )
    world.policy("p", overage_mode="overdraft", overdraft_limit=4 * CREDIT)
    assert paid(world.use("e", 10)) == (10, 4, 0, 1)
    return world


class TestTheWayBack:
    def test_23_the_overdrawn_part_first_then_lots_in_reverse(self) -> None:
        world = used_world()
        (first,) = give_back(world, "e", 1)
        assert (first.amount, first.overdraft, moved(first)) == (CREDIT, 3 * CREDIT, [])
        (second,) = give_back(world, "e", 4)
        assert (second.amount, second.overdraft) == (4 * CREDIT, 0)
        assert moved(second) == [("b", 1, -100, False)]
        (third,) = give_back(world, "e", 3)
        assert moved(third) == [("b", 1, -100, False), ("a", 2, -200, False)]
        assert (third.balance, third.available) == (4 * CREDIT, 4 * CREDIT)
        lot = world.account().lots["b"]
        assert (lot.spent, lot.remaining, lot.released_minor) == (0, 2 * CREDIT, 0)
        (last,) = give_back(world, "e")
        assert moved(last) == [("a", 1, -100, False)]

    def test_23_it_carries_the_numbers_of_the_usage_negated(self) -> None:
        world = used_world()
        (facts,) = give_back(world, "e", 5, T + 9, "r")
        charge = facts.charge
        assert charge is not None
        assert (charge.rated, charge.overdrawn, charge.overage, charge.uncovered) == (
            -5 * CREDIT,
            -4 * CREDIT,
            0,
            0,
        )
        assert (charge.meter, charge.rate_card, charge.status) == ("tokens", "card@1", "succeeded")
        assert (charge.lines, charge.hold_id, charge.properties) == ([], "", {})
        assert charge.hold_ended is False
        assert facts.details is not None
        assert facts.details.refund == Refund(
            refund_id="r",
            event_id="e",
            payment_id="",
            amount=5 * CREDIT,
            money_minor=0,
            currency="",
        )
        assert (facts.type, facts.effective_at, facts.residue) == ("refund", T + 9, 0)

    def test_23_overage_first_which_lowers_the_bill_alone(self) -> None:
        world = World(card())
        world.grant("a", 3 * CREDIT)
        world.policy("p", overage_mode="overage")
        world.use("e", 5)
        (facts,) = give_back(world, "e", 1)
        assert (facts.amount, facts.balance, facts.overage_total) == (0, 0, CREDIT)
        assert facts.charge is not None
        assert (facts.charge.rated, facts.charge.overage) == (-CREDIT, -CREDIT)
        (rest,) = give_back(world, "e")
        assert (rest.amount, rest.overage_total, drawn(rest)) == (3 * CREDIT, 0, [("a", 3)])

    def test_23_more_than_is_left_is_refused_and_uncovered_gives_nothing_back(self) -> None:
        world = used_world()
        refund = RefundUsage(refund_id="r", event_id="e", amount=9 * CREDIT + 1)
        decision = world.ask(refund)
        assert (decision.code, decision.detail) == (
            "exceeds_charge",
            "9000000 micro-credits are left of the charge",
        )
        give_back(world, "e", 2)
        assert world.refuse(replace(refund, amount=7 * CREDIT + 1)) == "exceeds_charge"
        give_back(world, "e", 7)
        assert world.refuse(replace(refund, amount=None)) == "exceeds_charge"

    def test_to_the_micro_credit_and_the_residue_stays(self) -> None:
        world = World(card("0.0000025"))
        world.grant("a", CREDIT)
        world.use("e", 1)
        assert world.account().residue == 500_000_000_000
        (facts,) = world.accept(RefundUsage(refund_id="r", event_id="e", amount=1))
        assert (facts.amount, facts.residue) == (1, 500_000_000_000)
        assert world.refuse(RefundUsage(refund_id="s", event_id="e", amount=2)) == "exceeds_charge"

    def test_failed_usage_has_nothing_to_give_back(self) -> None:
        world = World(card())
        world.decide(usage("e", status="failed"))
        assert world.refuse(RefundUsage(refund_id="r", event_id="e")) == "exceeds_charge"

    def test_23_what_was_settled_goes_back_to_the_settling_lots_the_latest_first(self) -> None:
        world = used_world()
        world.grant("c", CREDIT)
        world.grant("d", 2 * CREDIT)
        assert world.account().overdraft == CREDIT
        (facts,) = give_back(world, "e", 4)
        assert (facts.amount, facts.overdraft) == (4 * CREDIT, 0)
        assert drawn(facts) == [("d", 2), ("c", 1)]
        assert facts.charge is not None
        assert facts.charge.overdrawn == -4 * CREDIT
        assert world.account().lots["d"].spent == 0

    def test_29_overdraft_is_a_pool_what_is_outstanding_falls_first(self) -> None:
        world = World(card())
        world.policy("p", overage_mode="overdraft", overdraft_limit=9 * CREDIT)
        world.use("first", 3)
        world.grant("c", 3 * CREDIT)
        world.use("second", 2)
        (facts,) = give_back(world, "first")
        assert (drawn(facts), facts.overdraft, facts.amount) == ([("c", 1)], 0, 3 * CREDIT)
        (facts,) = give_back(world, "second")
        assert (drawn(facts), facts.amount, facts.balance) == ([("c", 2)], 2 * CREDIT, 3 * CREDIT)

    def test_40_a_lot_that_is_given_back_to_twice_has_one_allocation(self) -> None:
        world = World(card())
        world.policy("p", overage_mode="overdraft", overdraft_limit=9 * CREDIT)
        world.grant("a", 2 * CREDIT)
        world.use("e", 3)
        world.accept(RefundUsage(refund_id="r", event_id="e", amount=2 * CREDIT))
        world.use("f", 1)
        world.grant("b", 9 * CREDIT)
        world.use("g", 1)
        (facts,) = give_back(world, "e")
        assert drawn(facts) == [("a", 1)]

    def test_a_capture_is_given_back_to_the_lots_and_not_to_the_hold(self) -> None:
        world = World(card())
        world.grant("a", 5 * CREDIT)
        world.hold("h", 4)
        world.decide(usage("e", hold_id="h", quantities={"tokens": 2 * UNIT}))
        (facts,) = give_back(world, "e")
        assert (moved(facts), facts.held, facts.available) == (
            [("a", 2, 0, False)],
            2 * CREDIT,
            3 * CREDIT,
        )

    def test_a_capture_in_credits_is_no_event_that_could_be_refunded(self) -> None:
        world = World(card())
        world.grant("a", 5 * CREDIT)
        world.hold("h", 4)
        world.accept(CaptureHold(hold_id="h"), "k")
        assert world.refuse(RefundUsage(refund_id="r", event_id="k")) == "unknown_event"

    def test_39_refunds_leave_the_months_total(self) -> None:
        priced = replace(cards.line("tokens", "1", package=("10", "up")), over="month")
        world = World(cards.card(cards.meter(priced, name="tokens"), effective_from=T))
        world.grant("a", 5 * CREDIT)
        world.use("e", 3)
        give_back(world, "e")
        assert world.account().month_totals == {month_key(priced.line_id, "2026-01"): 3 * UNIT}


class TestRefused:
    def test_9_a_refund_id_is_used_once_by_a_customer_for_ever(self) -> None:
        world = used_world()
        give_back(world, "e", 1, T, "r")
        again = RefundUsage(refund_id="r", event_id="e", amount=CREDIT)
        assert world.refuse(again, T + 400 * DAY_US) == "refund_id_used"
        world.grant("other", CREDIT, customer_id="other")
        world.decide(usage("e", customer_id="other"))
        world.accept(again, customer_id="other")

    @pytest.mark.parametrize(
        ("code", "body"),
        [
            ("invalid_id", RefundUsage(refund_id="", event_id="e")),
            ("invalid_id", RefundUsage(refund_id="r" * 129, event_id="e")),
            ("invalid_amount", RefundUsage(refund_id="r", event_id="e", amount=0)),
            ("invalid_amount", RefundUsage(refund_id="r", event_id="e", amount=-1)),
            ("unknown_event", RefundUsage(refund_id="r", event_id="unknown")),
        ],
    )
    def test_it_is_refused_and_uses_no_refund_id(self, code: str, body: RefundUsage) -> None:
        world = used_world()
        assert world.refuse(body) == code
        give_back(world, "e", 1, T, "r")

    def test_a_balance_beyond_two_to_the_62(self) -> None:
        world = World(card())
        world.grant("a", 5 * CREDIT)
        world.use("e", 5)
        world.grant("most", AMOUNT_MAX - CREDIT)
        assert world.refuse(RefundUsage(refund_id="r", event_id="e")) == "out_of_range"
        give_back(world, "e", 1)
        assert world.account().balance == AMOUNT_MAX


class TestReopening:
    def test_24_an_expired_lot_reopens_for_the_returned_credits_for_a_while(self) -> None:
        world = World(card())
        world.grant("a", 5 * CREDIT, expires_at=T + HOUR_US, kind="included")
        world.use("e", 2)
        at = T + DAY_US
        expired, refund = give_back(world, "e", 1, at)
        assert (expired.type, expired.amount) == ("expiration", -3 * CREDIT)
        assert (expired.effective_at, expired.cause) == (T + HOUR_US, "due")
        assert (refund.amount, refund.available, drawn(refund)) == (CREDIT, CREDIT, [("a", 1)])
        assert refund.details is not None
        (change,) = refund.details.lot_changes
        assert (change.lot_id, change.expires_at) == ("a", at + 30 * DAY_US)
        assert change.frozen_since is None
        assert drawn(world.use("f", 1, at + 1)) == [("a", 1)]

    def test_24_in_its_grace_its_expiration_is_booked_before_the_refund_touches_it(self) -> None:
        world = World(card())
        world.policy("p", grace_us=HOUR_US)
        world.accept(ChangePolicy(policy=PolicyChange(refund_grace_us=7)))
        world.grant("a", 5 * CREDIT, expires_at=T + 10)
        world.use("e", 2)
        expired, refund = give_back(world, "e", 1, T + 10)
        assert told([expired, refund]) == [("expiration", -3), ("refund", 1)]
        assert (expired.effective_at, expired.cause) == (T + 10, "due")
        assert refund.balance == CREDIT
        assert world.account().lots["a"].expires_at == T + 17
        (later,) = give_back(world, "e", 1, T + 12)
        assert later.details is not None
        assert later.details.lot_changes == []
        assert world.account().lots["a"].expires_at == T + 17

    def test_24_others_keep_their_date(self) -> None:
        world = World(card())
        world.grant("a", 5 * CREDIT, expires_at=T + HOUR_US)
        world.use("e", 2)
        (refund,) = give_back(world, "e", 2, T + HOUR_US - 1)
        assert refund.details is not None
        assert refund.details.lot_changes == []
        assert world.account().lots["a"].expires_at == T + HOUR_US

    def test_24_a_closed_lot_reopens_too(self) -> None:
        world = World(card())
        world.grant("a", 5 * CREDIT)
        world.use("e", 2)
        world.accept(Void(lot_id="a"))
        (refund,) = give_back(world, "e", 2, T + 5)
        assert refund.details is not None
        (change,) = refund.details.lot_changes
        assert (change.closed, change.expires_at) == (False, T + 5 + 30 * DAY_US)
        assert drawn(world.use("f", 2, T + 6)) == [("a", 2)]

    def test_in_a_frozen_lot_they_are_frozen(self) -> None:
        world = World(card())
        world.grant("a", 5 * CREDIT)
        world.use("e", 2)
        world.accept(Freeze(lot_id="a"))
        (refund,) = give_back(world, "e")
        assert (refund.balance, refund.available) == (5 * CREDIT, 0)

    def test_for_a_clawed_back_lot_the_debt_falls(self) -> None:
        world = World(card())
        body = Grant(
            amount=5 * CREDIT,
            kind="purchased",
            price_minor=500,
            currency="USD",
            payment_id="p",
        )
        world.accept(body, "a")
        world.use("e", 3)
        world.accept(NoteDispute(dispute_id="d", payment_id="p", state="lost"))
        (refund,) = give_back(world, "e", 2)
        assert (refund.amount, refund.debt, refund.balance) == (2 * CREDIT, CREDIT, -CREDIT)
        assert moved(refund) == []
        assert refund.details is not None
        (change,) = refund.details.lot_changes
        assert (change.clawed, change.debt) == (True, CREDIT)
        lot = world.account().lots["a"]
        assert (lot.spent, lot.clawed_back, lot.debt) == (CREDIT, 4 * CREDIT, CREDIT)
        assert lot.released_minor == 500

    def test_23_for_a_clawed_back_lot_whose_debt_was_settled_the_settling_lot_gets_it_back(
        self,
    ) -> None:
        world = World(card())
        world.accept(Grant(amount=5 * CREDIT, kind="included", payment_id="p"), "a")
        world.use("e", 3)
        world.accept(NoteDispute(dispute_id="d", payment_id="p", state="lost"))
        world.grant("b", 2 * CREDIT)
        assert world.account().debt == CREDIT
        (refund,) = give_back(world, "e")
        assert (refund.amount, refund.debt, refund.balance) == (3 * CREDIT, 0, 2 * CREDIT)
        assert drawn(refund) == [("b", 2)]
        assert world.account().lots["a"].clawed_back == 5 * CREDIT

    def test_a_lot_emptied_by_a_refunded_charge_pays_again(self) -> None:
        world = World(card())
        world.grant("a", 2 * CREDIT)
        world.use("e", 2)
        world.accept(Adjust(amount=CREDIT), "more")
        give_back(world, "e")
        assert drawn(world.use("f", 3)) == [("a", 2), ("more", 1)]

    def test_for_a_reinstated_lot_it_goes_to_the_lot_again(self) -> None:
        world = World(card())
        world.accept(Grant(amount=5 * CREDIT, kind="included", payment_id="p"), "a")
        world.use("e", 2)
        world.accept(NoteDispute(dispute_id="d", payment_id="p", state="lost"))
        world.accept(NoteDispute(dispute_id="d", payment_id="p", state="reinstated"))
        (facts,) = give_back(world, "e")
        assert (drawn(facts), facts.amount) == ([("a", 2)], 2 * CREDIT)

    def test_40_debt_of_a_lot_that_paid_twice_falls_once_by_both_parts(self) -> None:
        """5 of the lot, 2 of them reserved; 3 of the debt were settled, 2 of them twice by `b`."""
        world = World(card())
        world.accept(Grant(amount=5 * CREDIT, kind="included", payment_id="p"), "a")
        world.hold("h", 2)
        world.decide(usage("e", hold_id="h", quantities={"tokens": 5 * UNIT}))
        world.accept(NoteDispute(dispute_id="d", payment_id="p", state="lost"))
        for number, lot_id in enumerate(("b", "c")):
            world.grant(lot_id, CREDIT, T + number)
        (refund,) = give_back(world, "e", 4, T + 9)
        assert (refund.amount, refund.debt, drawn(refund)) == (4 * CREDIT, 0, [("c", 1)])
        assert refund.details is not None
        (change,) = refund.details.lot_changes
        assert (change.lot_id, change.debt) == ("a", CREDIT)
        (rest,) = give_back(world, "e", 1, T + 9)
        assert (rest.amount, drawn(rest), world.account().lots["a"].debt) == (CREDIT, [("b", 1)], 0)

    def test_40_a_lot_that_settled_twice_gets_all_back_in_one_allocation(self) -> None:
        world = World(card())
        world.policy("p", overage_mode="overdraft", overdraft_limit=9 * CREDIT)
        world.grant("b", 5 * CREDIT)
        world.hold("h", 4)
        world.use("e", 4)
        world.grant("c", CREDIT)
        world.accept(ReleaseHold(hold_id="h"))
        world.use("f", 2)
        world.use("g", 2)
        assert told(give_back(world, "f")) == [("refund", 2), ("overdraft_settled", 0)]
        (refund,) = give_back(world, "e")
        assert (drawn(refund), refund.amount, refund.overdraft) == ([("b", 4)], 4 * CREDIT, 0)

    def test_36_a_frozen_lot_that_reopens_moves_only_by_the_frozen_time_after(self) -> None:
        world = World(card())
        world.grant("a", 5 * CREDIT)
        world.use("e", 2)
        world.accept(Void(lot_id="a"))
        world.accept(Freeze(lot_id="a"), "", T + 1)
        (refund,) = give_back(world, "e", 1, T + 5)
        assert refund.details is not None
        (change,) = refund.details.lot_changes
        assert (change.expires_at, change.frozen_since) == (T + 5 + 30 * DAY_US, T + 5)
