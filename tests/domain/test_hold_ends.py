"""What a hold gives back, and what befalls it (rulings 5, 17–19, 31, 32)."""

from drawdown.domain.entries import PARTITION_CUSTOMER
from drawdown.domain.inputs import (
    CaptureHold,
    ExtendHold,
    Freeze,
    Grant,
    ReleaseHold,
    Tick,
    Void,
)
from drawdown.domain.numbers import MINUTE_US
from tests.domain.building import (
    CREDIT,
    T,
    World,
    card,
    drawn,
    moved,
    told,
)
from tests.domain.holding import hold_world, lose, state_of, used

GRACE_US = 5 * MINUTE_US


class TestWhatComesBack:
    """To a lot that was clawed back, closed or has expired (rulings 17, 18, 31, 32)."""

    def test_5_17_it_is_voided_in_a_closed_lot(self) -> None:
        world = hold_world(("a", 5))
        world.hold("h", 3)
        (voided,) = world.accept(Void(lot_id="a"))
        assert (voided.amount, moved(voided)) == (-2 * CREDIT, [("a", 2, 2, False)])
        released, fate = world.accept(ReleaseHold(hold_id="h"), "", T + 7)
        assert (released.type, released.available) == ("hold_released", 3 * CREDIT)
        assert (fate.type, fate.amount, moved(fate)) == ("void", -3 * CREDIT, [("a", 3, 3, False)])
        assert (fate.effective_at, fate.cause, fate.balance) == (T + 7, "due", 0)
        assert world.account().lots["a"].voided == 5 * CREDIT

    def test_31_it_expires_at_once_from_expires_at_on_and_the_rest_keeps_its_grace(self) -> None:
        world = World(card())
        world.grant("a", 5 * CREDIT, expires_at=T + 10)
        world.hold("h", 3)
        released, fate = world.accept(ReleaseHold(hold_id="h"), "", T + 10)
        assert (fate.type, fate.amount, fate.effective_at) == ("expiration", -3 * CREDIT, T + 10)
        assert (released.available, fate.available, fate.balance) == (0, 0, 2 * CREDIT)
        assert drawn(world.use("late", 1, T + 20, occurred_at=T)) == [("a", 1)]
        (rest,) = world.accept(Tick(), "", T + 10 + GRACE_US, customer_id=PARTITION_CUSTOMER)
        assert (rest.type, rest.amount, rest.effective_at) == ("expiration", -CREDIT, T + 10)

    def test_31_a_moment_before_it_stays(self) -> None:
        world = World(card())
        world.grant("a", 5 * CREDIT, expires_at=T + 10)
        world.hold("h", 3)
        assert told(world.accept(ReleaseHold(hold_id="h"), "", T + 9)) == [("hold_released", 0)]

    def test_a_reservation_outlives_its_lot(self) -> None:
        world = World(card())
        world.grant("a", 5 * CREDIT, expires_at=T + 10)
        world.hold("h", 3)
        late = T + 10 + GRACE_US
        (expired,) = world.accept(Tick(), "", late, customer_id=PARTITION_CUSTOMER)
        assert (expired.amount, expired.held, expired.balance) == (
            -2 * CREDIT,
            3 * CREDIT,
            3 * CREDIT,
        )
        facts = world.accept(CaptureHold(hold_id="h", amount=CREDIT), "", late)
        assert told(facts) == [("hold_captured", -1), ("hold_released", 0), ("expiration", -2)]
        assert facts[2].effective_at == T + 10

    def test_17_a_clawback_comes_before_a_void_and_an_expiration(self) -> None:
        world = World(card())
        body = Grant(
            amount=5 * CREDIT,
            kind="purchased",
            price_minor=5,
            currency="USD",
            payment_id="p",
            expires_at=T + 10,
        )
        world.accept(body, "p")
        world.hold("h", 3)
        (clawback,) = lose(world, "p")
        assert (clawback.amount, moved(clawback)) == (-2 * CREDIT, [("p", 2, 2, False)])
        world.accept(Void(lot_id="p"))
        released, fate = world.accept(ReleaseHold(hold_id="h"), "", T + 11)
        assert (fate.type, fate.amount, fate.debt) == ("clawback", -3 * CREDIT, 0)
        assert (moved(fate), fate.balance) == ([("p", 3, 3, False)], 0)
        assert (released.type, fate.effective_at) == ("hold_released", T + 11)

    def test_18_32_what_is_captured_of_a_clawed_back_lot_becomes_debt(self) -> None:
        world = World(card())
        body = Grant(amount=5 * CREDIT, kind="included", payment_id="p")
        world.accept(body, "p")
        world.hold("h", 3)
        lose(world, "p")
        facts = world.accept(CaptureHold(hold_id="h", usage=used("e", 2)))
        assert told(facts) == [("deduction", -2), ("hold_released", 0), ("clawback", -3)]
        deducted, released, fate = facts
        assert (deducted.debt, released.debt, fate.debt) == (0, 0, 2 * CREDIT)
        assert moved(fate) == [("p", 1, 0, False)]
        assert (fate.balance, fate.available) == (-2 * CREDIT, -2 * CREDIT)
        assert fate.details is not None
        (change,) = fate.details.lot_changes
        assert (change.lot_id, change.clawed, change.debt) == ("p", True, 2 * CREDIT)
        assert world.account().lots["p"].spent == 2 * CREDIT

    def test_18_a_capture_that_leaves_the_hold_open_makes_debt_in_the_same_decision(self) -> None:
        world = World(card())
        world.accept(Grant(amount=5 * CREDIT, kind="included", payment_id="p"), "p")
        world.hold("h", 3)
        lose(world, "p")
        facts = world.accept(CaptureHold(hold_id="h", amount=2 * CREDIT, final=False))
        assert told(facts) == [("hold_captured", -2), ("clawback", -2)]
        assert (moved(facts[1]), facts[1].debt, facts[1].held) == ([], 2 * CREDIT, CREDIT)

    def test_31_the_fates_follow_in_the_order_of_reservation_and_one_settlement_closes(
        self,
    ) -> None:
        world = World(card())
        world.policy("p", overage_mode="overdraft", overdraft_limit=9 * CREDIT)
        world.grant("closed", 2 * CREDIT, priority=1)
        world.grant("ends", 2 * CREDIT, priority=2, expires_at=T + 10)
        lost = Grant(amount=2 * CREDIT, kind="included", payment_id="lost", priority=3)
        world.accept(lost, "lost")
        world.grant("free", 2 * CREDIT, priority=4)
        world.hold("h", 8)
        world.accept(Void(lot_id="closed"))
        lose(world, "lost")
        world.use("owed", 1)
        facts = world.accept(CaptureHold(hold_id="h", amount=CREDIT), "", T + 10)
        assert told(facts) == [
            ("hold_captured", -1),
            ("hold_released", 0),
            ("void", -1),
            ("expiration", -2),
            ("clawback", -2),
            ("overdraft_settled", 0),
        ]
        assert drawn(facts[1]) == [("closed", 1), ("ends", 2), ("lost", 2), ("free", 2)]
        assert (drawn(facts[5]), facts[5].overdraft) == ([("free", 1)], 0)

    def test_4_in_a_frozen_lot_it_is_frozen(self) -> None:
        world = World(card())
        world.grant("a", 5 * CREDIT, expires_at=T + 10)
        world.hold("h", 3)
        world.accept(Freeze(lot_id="a"))
        (released,) = world.accept(ReleaseHold(hold_id="h"), "", T + 20)
        assert (released.balance, released.available) == (5 * CREDIT, 0)


class TestExpiring:
    def test_17_grace_never_applies_to_holds(self) -> None:
        world = hold_world(("a", 5))
        world.hold("h", 3, expires_at=T + 10)
        assert world.accept(Tick(), "", T + 9, customer_id=PARTITION_CUSTOMER) == []
        (facts,) = world.accept(Tick(), "", T + 10, customer_id=PARTITION_CUSTOMER)
        assert (facts.type, facts.amount, facts.effective_at) == ("hold_expired", 0, T + 10)
        assert moved(facts) == [("a", 3, 0, True)]
        assert (state_of(facts).state, state_of(facts).reserved) == ("expired", 0)
        assert (facts.held, facts.available, facts.cause) == (0, 5 * CREDIT, "tick")
        assert world.ask(ReleaseHold(hold_id="h"), "", T + 11).detail == "hold h is expired"

    def test_an_extended_hold_expires_at_its_new_time(self) -> None:
        world = hold_world(("a", 5))
        world.hold("h", 3, expires_at=T + 10)
        world.accept(ExtendHold(hold_id="h", expires_at=T + 20), "", T + 5)
        assert world.accept(Tick(), "", T + 19, customer_id=PARTITION_CUSTOMER) == []
        (facts,) = world.accept(Tick(), "", T + 25, customer_id=PARTITION_CUSTOMER)
        assert (facts.type, facts.effective_at, facts.recorded_at) == (
            "hold_expired",
            T + 20,
            T + 25,
        )

    def test_a_captured_hold_expires_no_more(self) -> None:
        world = hold_world(("a", 5))
        world.hold("h", 3, expires_at=T + 10)
        world.accept(CaptureHold(hold_id="h"))
        assert world.accept(Tick(), "", T + 10, customer_id=PARTITION_CUSTOMER) == []

    def test_19_what_follows_is_effective_at_its_expiry_too(self) -> None:
        world = World(card())
        world.policy("p", overage_mode="overdraft", overdraft_limit=9 * CREDIT)
        world.grant("closed", 2 * CREDIT, priority=1)
        world.accept(Grant(amount=2 * CREDIT, kind="included", payment_id="lost"), "lost")
        world.grant("free", 2 * CREDIT, priority=99)
        world.hold("h", 6, expires_at=T + 10)
        world.accept(Void(lot_id="closed"))
        lose(world, "lost")
        world.use("owed", 1)
        facts = world.accept(Tick(), "", T + 50, customer_id=PARTITION_CUSTOMER)
        assert told(facts) == [
            ("hold_expired", 0),
            ("void", -2),
            ("clawback", -2),
            ("overdraft_settled", 0),
        ]
        assert [each.effective_at - T for each in facts] == [10, 10, 10, 10]
        assert {(each.cause, each.recorded_at) for each in facts} == {("tick", T + 50)}
