"""Usage: rated exactly, drawn in burn order, and what happens when lots run out."""

from typing import Any

import pytest

from drawdown.domain.entries import PARTITION_CUSTOMER
from drawdown.domain.numbers import AMOUNT_MAX, DAY_US, MINUTE_US
from tests.domain import cards
from tests.domain.building import CREDIT, UNIT, T, World, card, deduction, drawn, paid, usage

GRACE_US = 5 * MINUTE_US


def test_a_deduction_says_everything() -> None:
    world = World(card("0.25"))
    world.grant("lot", 10 * CREDIT, kind="purchased", price_minor=1_000, currency="EUR")
    event = usage("e", occurred_at=T + 1, properties={"model": "sage"}, hold_id="gone")
    decision = world.decide(event, T + 2)
    (facts,) = decision.facts
    assert (decision.outcome, decision.code, decision.detail) == ("accepted", "", "")
    assert (facts.type, facts.account_seq, facts.amount) == ("deduction", 2, -250_000)
    assert (facts.balance, facts.available, facts.held) == (9_750_000, 9_750_000, 0)
    assert (facts.overdraft, facts.debt, facts.overage_total, facts.residue) == (0, 0, 0, 0)
    assert (facts.cause, facts.cause_id, facts.cause_digest) == ("usage", "e", event.digest)
    assert (facts.reason, facts.actor, facts.details) == ("", "", None)
    assert (facts.occurred_at, facts.recorded_at, facts.effective_at) == (T + 1, T + 2, T + 1)
    (part,) = facts.allocations
    assert (part.lot_id, part.amount, part.kind) == ("lot", 250_000, "purchased")
    assert (part.released_minor, part.currency, part.reserved) == (25, "EUR", False)
    charge = facts.charge
    assert charge is not None
    assert (charge.meter, charge.status, charge.rate_card) == ("tokens", "succeeded", "card@1")
    assert charge.properties == {"model": "sage"}
    assert (charge.rated, charge.overdrawn, charge.overage, charge.uncovered) == (250_000, 0, 0, 0)
    assert (charge.hold_id, charge.hold_ended) == ("gone", True)
    (rated,) = charge.lines
    assert (rated.line_id, rated.quantity, rated.quantity_micro) == ("tokens", "tokens", UNIT)
    assert (rated.rate_pico, rated.amount, rated.amount_atto) == (250_000_000_000, 250_000, 0)


def test_usage_without_a_hold_has_no_ended_one() -> None:
    world = World(card())
    charge = world.use("e", 1).charge
    assert charge is not None
    assert (charge.hold_id, charge.hold_ended) == ("", False)


def test_usage_of_several_quantities_is_charged_once_from_the_sum() -> None:
    prices = cards.meter(
        cards.line("input", "0.0000003"), cards.line("output", "0.0000008"), name="llm"
    )
    world = World(cards.card(prices, effective_from=T))
    world.grant("lot", CREDIT)
    event = usage(meter="llm", quantities={"input": 2 * UNIT, "output": UNIT})
    (facts,) = world.decide(event).facts
    assert facts.amount == -1
    assert facts.residue == 400_000_000_000
    assert facts.charge is not None
    assert [(each.amount, each.amount_atto) for each in facts.charge.lines] == [
        (0, 600_000_000_000),
        (0, 800_000_000_000),
    ]


def test_the_residue_is_carried_to_the_microcredit() -> None:
    world = World(card("0.0000003"))
    world.grant("lot", CREDIT)
    charged = [world.use(f"e{number}", 1).amount for number in range(10)]
    assert charged == [0, 0, 0, -1, 0, 0, -1, 0, 0, -1]
    assert world.account().residue == 0


def test_the_lot_pays_and_the_next_one_pays_the_rest_in_one_entry() -> None:
    world = World(card())
    world.grant("second", 5 * CREDIT, priority=2)
    world.grant("first", 3 * CREDIT, priority=1)
    world.grant("third", 5 * CREDIT, priority=3)
    assert drawn(world.use("e1", 3)) == [("first", 3)]
    assert drawn(world.use("e2", 6)) == [("second", 5), ("third", 1)]
    assert world.remaining() == {"second": 0, "first": 0, "third": 4}
    assert [lot.lot_id for lot in world.account().live] == ["third"]


@pytest.mark.parametrize("status", ["succeeded", "partial"])
def test_what_was_used_is_charged_though_the_work_was_cut_short(status: Any) -> None:
    world = World(card())
    world.grant("lot", CREDIT)
    assert deduction(world.decide(usage(status=status))).amount == -CREDIT


def test_failed_usage_costs_nothing_needs_no_rate_and_consumes_its_id() -> None:
    world = World(card("0.0000003"))
    world.grant("lot", CREDIT)
    world.use("before", 1)
    failed = usage("e", meter="unheard of", status="failed")
    (facts,) = world.decide(failed).facts
    assert (facts.type, facts.amount, facts.allocations) == ("deduction", 0, [])
    assert facts.residue == 300_000_000_000
    assert facts.charge is not None
    assert (facts.charge.rated, facts.charge.rate_card, facts.charge.lines) == (0, "", [])
    assert facts.charge.status == "failed"
    assert world.decide(failed).outcome == "duplicate"
    assert world.decide(usage("e")).code == "event_id_conflict"


class TestWhichLotsApply:
    def test_a_scope_of_meters(self) -> None:
        prices = cards.card(
            cards.meter(cards.line("tokens", "1"), name="tokens"),
            cards.meter(cards.line("images", "1"), name="images"),
            effective_from=T,
        )
        world = World(prices)
        world.grant("images", 5 * CREDIT, meters=["images", "video"], priority=0)
        world.grant("any", 5 * CREDIT)
        assert drawn(world.use("e1", 1)) == [("any", 1)]
        of_images = usage("e2", meter="images", quantities={"images": UNIT})
        assert drawn(deduction(world.decide(of_images))) == [("images", 1)]

    def test_a_scope_of_properties(self) -> None:
        world = World(card())
        scope = {"model": "sage", "region": "eu"}
        world.grant("scoped", 5 * CREDIT, properties=scope, priority=0)
        world.grant("any", 5 * CREDIT)
        assert drawn(world.use("e1", 1)) == [("any", 1)]
        assert drawn(world.use("e2", 1, properties={"model": "sage"})) == [("any", 1)]
        other = {"model": "sage", "region": "us"}
        assert drawn(world.use("e3", 1, properties=other)) == [("any", 1)]
        assert drawn(world.use("e4", 1, properties={**scope, "user": "u"})) == [("scoped", 1)]

    @pytest.mark.parametrize(("at", "lots"), [(T + 9, []), (T + 10, [("lot", 1)])])
    def test_a_lot_pays_from_its_start(self, at: int, lots: list[tuple[str, int]]) -> None:
        world = World(card())
        world.grant("lot", CREDIT, effective_at=T + 10)
        assert drawn(world.use("e", 1, at)) == lots

    def test_usage_that_occurred_before_the_grant_is_paid_by_it(self) -> None:
        world = World(card())
        world.grant("lot", CREDIT, T + 10)
        facts = world.use("e", 1, T + 10, occurred_at=T)
        assert (drawn(facts), facts.effective_at) == ([("lot", 1)], T)

    def test_a_grant_recorded_later_than_the_usage_does_not_pay_for_it(self) -> None:
        world = World(card())
        world.grant("lot", CREDIT, T + 10)
        assert drawn(world.use("e", 1, T + 9)) == []

    @pytest.mark.parametrize(
        ("occurred_at", "recorded_at", "pays"),
        [
            (T + 99, T + 99, True),
            (T + 100, T + 100, False),
            (T + 100, T + 99, False),
            (T + 99, T + 100, True),
            (T + 99, T + 100 + GRACE_US - 1, True),
            (T + 99, T + 100 + GRACE_US, False),
        ],
    )
    def test_a_lot_pays_for_what_occurred_before_its_expiry_until_its_grace_ends(
        self, occurred_at: int, recorded_at: int, pays: bool
    ) -> None:
        world = World(card())
        world.grant("lot", CREDIT, expires_at=T + 100)
        facts = world.use("e", 1, recorded_at, occurred_at=occurred_at)
        assert drawn(facts) == ([("lot", 1)] if pays else [])

    def test_the_grace_is_the_policys(self) -> None:
        world = World(card())
        world.policy("p", grace_us=7)
        world.grant("lot", 2 * CREDIT, expires_at=T + 100)
        assert drawn(world.use("e1", 1, T + 106, occurred_at=T)) == [("lot", 1)]
        assert drawn(world.use("e2", 1, T + 107, occurred_at=T)) == []

    def test_what_grace_pays_was_not_available_any_more(self) -> None:
        world = World(card())
        world.grant("lot", 3 * CREDIT, expires_at=T + 100)
        world.grant("other", 5 * CREDIT)
        facts = world.use("e", 1, T + 100, occurred_at=T)
        assert drawn(facts) == [("lot", 1)]
        assert (facts.balance, facts.available) == (7 * CREDIT, 5 * CREDIT)


class TestWhenLotsRunOut:
    def test_hard_stop_leaves_the_rest_uncovered(self) -> None:
        world = World(card())
        world.grant("lot", 3 * CREDIT)
        facts = world.use("e", 5)
        assert paid(facts) == (5, 0, 0, 2)
        assert (facts.amount, facts.balance, facts.available) == (-3 * CREDIT, 0, 0)

    def test_overage_is_counted_apart_and_leaves_the_balance_alone(self) -> None:
        world = World(card())
        world.policy("p", overage_mode="overage")
        world.grant("lot", 3 * CREDIT)
        assert paid(world.use("e1", 5)) == (5, 0, 2, 0)
        facts = world.use("e2", 4)
        assert paid(facts) == (4, 0, 4, 0)
        assert (facts.amount, facts.balance, facts.overage_total) == (0, 0, 6 * CREDIT)
        (granted,) = world.grant("more", 9 * CREDIT).facts
        assert (granted.balance, granted.overage_total) == (9 * CREDIT, 6 * CREDIT)

    def test_overdraft_is_owed_up_to_its_limit(self) -> None:
        world = World(card())
        world.policy("p", overage_mode="overdraft", overdraft_limit=5 * CREDIT)
        world.grant("lot", 3 * CREDIT)
        facts = world.use("e1", 5)
        assert paid(facts) == (5, 2, 0, 0)
        assert (facts.amount, facts.balance, facts.available) == (
            -5 * CREDIT,
            -2 * CREDIT,
            -2 * CREDIT,
        )
        assert facts.overdraft == 2 * CREDIT
        assert paid(world.use("e2", 3)) == (3, 3, 0, 0)
        assert paid(world.use("e3", 1)) == (1, 0, 0, 1)
        assert world.account().overdraft == 5 * CREDIT

    def test_what_exceeds_the_limit_is_uncovered(self) -> None:
        world = World(card())
        world.policy("p", overage_mode="overdraft", overdraft_limit=5 * CREDIT)
        assert paid(world.use("e", 9)) == (9, 5, 0, 4)

    def test_a_limit_starts_at_nothing_and_may_fall_below_what_is_owed(self) -> None:
        world = World(card())
        world.policy("p1", overage_mode="overdraft")
        assert paid(world.use("e1", 1)) == (1, 0, 0, 1)
        world.policy("p2", overdraft_limit=5 * CREDIT)
        assert paid(world.use("e2", 4)) == (4, 4, 0, 0)
        world.policy("p3", overdraft_limit=1 * CREDIT)
        assert paid(world.use("e3", 1)) == (1, 0, 0, 1)
        assert world.account().overdraft == 4 * CREDIT

    def test_a_scoped_lot_pays_while_the_account_is_overdrawn(self) -> None:
        world = World(card())
        world.policy("p", overage_mode="overdraft", overdraft_limit=5 * CREDIT)
        world.use("e1", 4)
        (granted,) = world.grant("scoped", 3 * CREDIT, properties={"model": "sage"}).facts
        assert (granted.balance, granted.available) == (-CREDIT, -CREDIT)
        facts = world.use("e2", 4, properties={"model": "sage"})
        assert (drawn(facts), paid(facts)) == ([("scoped", 3)], (4, 1, 0, 0))


class TestRefused:
    @pytest.mark.parametrize(
        ("occurred_at", "code"),
        [
            (T - 35 * DAY_US, ""),
            (T - 35 * DAY_US - 1, "too_old"),
            (T + 5 * MINUTE_US, ""),
            (T + 5 * MINUTE_US + 1, "in_future"),
        ],
    )
    def test_its_time(self, occurred_at: int, code: str) -> None:
        world = World(card(effective_from=T - 40 * DAY_US))
        decision = world.decide(usage(occurred_at=occurred_at), T)
        assert decision.code == code
        assert decision.outcome == ("rejected" if code else "accepted")

    @pytest.mark.parametrize("status", ["succeeded", "failed"])
    @pytest.mark.parametrize(
        ("quantities", "detail"),
        [
            ({}, "there is no quantity"),
            ({"tokens": -1}, "tokens is -1 micro-units"),
            ({"tokens": 0, "other": -1}, "other is -1 micro-units"),
            ({"tokens": AMOUNT_MAX + 1}, f"tokens is {AMOUNT_MAX + 1} micro-units"),
        ],
    )
    def test_its_quantities(self, quantities: dict[str, int], detail: str, status: Any) -> None:
        decision = World(card()).decide(usage(quantities=quantities, status=status))
        assert (decision.code, decision.detail) == ("invalid_quantity", detail)

    def test_quantities_that_do_not_add_up_to_the_stated_total(self) -> None:
        lines = (cards.line("input", "1"), cards.line("output", "1"))
        world = World(cards.card(cards.meter(*lines, name="llm", total="all"), effective_from=T))
        wrong = usage("e1", meter="llm", quantities={"input": 1, "output": 1, "all": 3})
        decision = world.decide(wrong)
        assert (decision.code, decision.detail) == (
            "invalid_quantity",
            "the quantities don't add up to the stated total",
        )
        right = usage("e2", meter="llm", quantities={"input": 1, "output": 1, "all": 2})
        assert world.decide(right).outcome == "accepted"
        failed = usage("e3", meter="llm", quantities={"input": 1, "all": 3}, status="failed")
        assert world.decide(failed).outcome == "accepted"

    def test_usage_of_the_reserved_account(self) -> None:
        world = World(card())
        decision = world.decide(usage(customer_id=PARTITION_CUSTOMER))
        assert decision.code == "invalid_customer"

    def test_no_rate(self) -> None:
        world = World(card(effective_from=T))
        cases = [
            (usage("e1", occurred_at=T - 1), "no rate card for credit was in force"),
            (usage("e2", unit="token"), "no rate card for token was in force"),
            (usage("e3", meter="m"), "card@1 has no line for all of m: ['tokens']"),
            (
                usage("e4", quantities={"tokens": 0, "other": 0}),
                "card@1 has no line for all of tokens: ['tokens', 'other']",
            ),
        ]
        for event, detail in cases:
            decision = world.decide(event)
            assert (decision.code, decision.detail) == ("no_rate", detail)

    def test_the_card_is_that_of_the_moment_it_occurred(self) -> None:
        world = World(card("1", version="1"), card("2", version="2", effective_from=T + 100))
        world.grant("lot", 9 * CREDIT, T)
        late = T + 200
        assert world.use("e1", 1, late, occurred_at=T + 99).amount == -CREDIT
        assert world.use("e2", 1, late, occurred_at=T + 100).amount == -2 * CREDIT

    def test_a_charge_beyond_two_to_the_62(self) -> None:
        world = World(card())
        most = world.decide(usage("most", quantities={"tokens": AMOUNT_MAX}))
        assert deduction(most).charge is not None
        doubled = World(card("2"))
        over = doubled.decide(usage("over", quantities={"tokens": AMOUNT_MAX // 2 + 1}))
        assert (over.outcome, over.code) == ("rejected", "out_of_range")
        exactly = doubled.decide(usage("exactly", quantities={"tokens": AMOUNT_MAX // 2}))
        assert exactly.outcome == "accepted"

    def test_overage_beyond_two_to_the_62(self) -> None:
        world = World(card())
        world.policy("p", overage_mode="overage")
        world.decide(usage("e1", quantities={"tokens": AMOUNT_MAX - 1}))
        assert world.decide(usage("e2", quantities={"tokens": 2})).code == "out_of_range"
        assert world.decide(usage("e3", quantities={"tokens": 1})).outcome == "accepted"
        assert world.account().overage_total == AMOUNT_MAX

    def test_a_balance_beyond_minus_two_to_the_62(self) -> None:
        world = World(card())
        world.policy("p", overage_mode="overdraft", overdraft_limit=AMOUNT_MAX)
        world.decide(usage("e1", quantities={"tokens": AMOUNT_MAX}))
        assert world.account().balance == -AMOUNT_MAX
        rest = deduction(world.decide(usage("e2")))
        assert paid(rest) == (1, 0, 0, 1)

    def test_a_refusal_keeps_the_input_and_moves_nothing(self) -> None:
        world = World(card("0.0000003"))
        world.grant("lot", CREDIT)
        world.use("before", 1)
        (facts,) = world.decide(usage("e", meter="m"), T + 7).facts
        assert (facts.type, facts.amount, facts.balance) == ("rejected", 0, CREDIT)
        assert (facts.residue, facts.available) == (300_000_000_000, CREDIT)
        assert (facts.effective_at, facts.occurred_at, facts.recorded_at) == (T + 7, T, T + 7)
        assert (facts.cause, facts.cause_id) == ("usage", "e")
        assert facts.details is not None
        rejection = facts.details.rejection
        assert rejection is not None
        assert (rejection.code, rejection.input) == ("no_rate", b"raw usage 1")
        assert facts.account_seq == 3


def test_an_overdrawn_charge_leaves_its_residue_too() -> None:
    world = World(card("0.0000003"))
    world.grant("lot", 1)
    world.policy("p", overage_mode="overdraft", overdraft_limit=CREDIT)
    charged = [world.use(event_id, 5) for event_id in ("e", "f")]
    assert [facts.residue for facts in charged] == [500_000_000_000, 0]
    assert [facts.charge and facts.charge.hold_ended for facts in charged] == [False, False]
    account = world.account()
    assert (account.balance, account.overdraft, account.residue) == (-2, 2, 0)
