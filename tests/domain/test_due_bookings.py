"""What time brings about: in which order, up to when, effective when (`domain.md`, «Time»,
«Expiration»; rulings 7, 19–21).
"""

from dataclasses import replace

from drawdown.domain.entries import PARTITION_CUSTOMER, EntryFacts
from drawdown.domain.inputs import ChangeExpiry, ClosePeriod, Grant, PlaceHold, Tick
from drawdown.domain.ledger import TICKED_MAX
from drawdown.domain.numbers import DAY_US, MINUTE_US
from tests.domain.building import (
    CREDIT,
    HOUR_US,
    T,
    World,
    account_state,
    card,
    command,
    drawn,
    ledger_state,
    moved,
    told,
    usage,
)

GRACE_US = 5 * MINUTE_US


def tick(world: World, at: int, watermark: int | None = None) -> list[EntryFacts]:
    return world.accept(Tick(), "", at, customer_id=PARTITION_CUSTOMER, watermark=watermark)


class TestExpiration:
    def test_19_it_is_due_when_the_watermark_reaches_its_grace_and_effective_at_its_expiry(
        self,
    ) -> None:
        world = World(card())
        world.grant(
            "a", 5 * CREDIT, kind="purchased", price_minor=7, currency="USD", expires_at=T + 10
        )
        world.use("e", 2)
        assert tick(world, T + 10 + GRACE_US - 1) == []
        (facts,) = tick(world, T + 10 + GRACE_US)
        assert (facts.type, facts.amount, facts.balance) == ("expiration", -3 * CREDIT, 0)
        assert moved(facts) == [("a", 3, 4, False)]
        assert (facts.effective_at, facts.recorded_at) == (T + 10, T + 10 + GRACE_US)
        assert (facts.cause, facts.reason, facts.details) == ("tick", "", None)
        lot = world.account().lots["a"]
        assert (lot.expired, lot.remaining, lot.released_minor) == (3 * CREDIT, 0, 7)

    def test_it_is_booked_up_to_the_watermark_and_no_further(self) -> None:
        world = World(card())
        world.grant("a", 5 * CREDIT, expires_at=T + 10)
        assert tick(world, T + DAY_US, watermark=T + 10 + GRACE_US - 1) == []
        assert len(tick(world, T + DAY_US, watermark=T + 10 + GRACE_US)) == 1

    def test_a_decision_judges_lots_by_its_own_time_whatever_the_watermark(self) -> None:
        world = World(card())
        world.grant("a", 5 * CREDIT, expires_at=T + 10)
        late = world.decide(usage("late", occurred_at=T + 11), T + 11, watermark=T)
        assert drawn(late.facts[0]) == []
        early = world.decide(usage("early", occurred_at=T + 9), T + 9, watermark=T)
        assert drawn(early.facts[0]) == [("a", 1)]

    def test_19_it_comes_first_in_a_decision_for_its_account_alone(self) -> None:
        world = World(card())
        world.grant("a", 5 * CREDIT, expires_at=T + 10)
        world.grant("a", 5 * CREDIT, expires_at=T + 10, customer_id="other")
        at = T + 10 + GRACE_US
        event = usage("e", occurred_at=at)
        decision = world.decide(event, at)
        assert [each.type for each in decision.facts] == ["expiration", "deduction"]
        due = decision.facts[0]
        assert (due.cause, due.cause_id, due.cause_digest) == ("due", "e", event.digest)
        assert (due.actor, due.reason, due.occurred_at) == ("", "", at)
        assert [(each.index, each.count) for each in world.log[-2:]] == [(0, 2), (1, 2)]
        assert world.account("other").balance == 5 * CREDIT
        assert {each.customer_id for each in tick(world, at)} == {"other"}

    def test_20_a_lot_with_nothing_unreserved_expires_without_an_entry(self) -> None:
        world = World(card())
        world.grant("used", CREDIT, expires_at=T + 10)
        world.use("e", 1)
        world.grant("held", CREDIT, expires_at=T + 10)
        world.hold("h", 1)
        assert tick(world, T + 10 + GRACE_US) == []

    def test_21_a_changed_grace_judges_every_lot_not_yet_booked(self) -> None:
        world = World(card())
        world.grant("a", 5 * CREDIT, expires_at=T + 10)
        world.grant("b", 5 * CREDIT, expires_at=T + 20)
        world.policy("longer", grace_us=HOUR_US)
        assert tick(world, T + 20 + GRACE_US) == []
        world.policy("shorter", T + 20 + GRACE_US, grace_us=0)
        both = tick(world, T + 20 + GRACE_US)
        assert [each.effective_at - T for each in both] == [10, 20]

    def test_a_default_grace_reaches_accounts_too(self) -> None:
        world = World(card())
        world.grant("a", 5 * CREDIT, expires_at=T + 10)
        world.policy("p", customer_id=PARTITION_CUSTOMER, grace_us=0)
        assert len(tick(world, T + 10)) == 1

    def test_a_lot_whose_date_moved_expires_at_its_new_one(self) -> None:
        world = World(card())
        world.grant("a", 5 * CREDIT, expires_at=T + 10)
        world.accept(ChangeExpiry(lot_id="a", expires_at=T + HOUR_US))
        assert tick(world, T + 10 + GRACE_US) == []
        assert tick(world, T + HOUR_US + GRACE_US)[0].effective_at == T + HOUR_US

    def test_41_reached_is_past(self) -> None:
        world = World(card())
        world.grant("a", 5 * CREDIT, expires_at=T + 10)
        assert world.refuse(ChangeExpiry(lot_id="a"), T + 10) == "lot_expired"


class TestOrder:
    def test_19_by_due_moment_then_hold_expiry_opening_void_expiration_then_lot_order(
        self,
    ) -> None:
        world = World(card())
        due = T + HOUR_US
        ends = due - GRACE_US
        world.grant("e2", CREDIT, expires_at=ends, priority=9)
        world.grant("e1", CREDIT, expires_at=ends, priority=1)
        voided = Grant(amount=CREDIT, kind="included", freeze="verification", voids_at=due)
        world.accept(voided, "v")
        world.accept(replace(voided, voids_at=None, opens_at=due), "o")
        world.grant("held", CREDIT, priority=0)
        world.hold("h", 1, expires_at=due)
        world.grant("early", CREDIT, expires_at=T + 10)
        facts = tick(world, due)
        assert [each.type for each in facts] == [
            "expiration",
            "hold_expired",
            "unfreeze",
            "void",
            "expiration",
            "expiration",
        ]
        assert [drawn(each) for each in facts] == [
            [("early", 1)],
            [("held", 1)],
            [],
            [("v", 1)],
            [("e2", 1)],
            [("e1", 1)],
        ]
        assert [each.effective_at for each in facts] == [T + 10, due, due, due, ends, ends]

    def test_19_holds_of_one_moment_in_the_order_of_their_placement(self) -> None:
        world = World(card())
        world.grant("a", 5 * CREDIT)
        world.hold("z", 1, T, expires_at=T + 10)
        world.hold("a", 1, T + 1, expires_at=T + 10)
        holds = [each.details.hold for each in tick(world, T + 10) if each.details is not None]
        assert [hold.hold_id for hold in holds if hold is not None] == ["z", "a"]

    def test_2_19_an_activation_settles_between_an_opening_and_a_void(self) -> None:
        world = World(card())
        world.policy("p", overage_mode="overdraft", overdraft_limit=9 * CREDIT)
        world.use("e", 3)
        world.grant("begins", CREDIT, effective_at=T + 10)
        opening = Grant(amount=CREDIT, kind="included", freeze="verification", opens_at=T + 10)
        world.accept(opening, "opens")
        voided = Grant(amount=CREDIT, kind="included", freeze="verification", voids_at=T + 10)
        world.accept(voided, "voided")
        facts = tick(world, T + 10)
        assert told(facts) == [
            ("unfreeze", 0),
            ("overdraft_settled", 0),
            ("void", -1),
        ]
        assert drawn(facts[1]) == [("opens", 1), ("begins", 1)]

    def test_7_an_activation_writes_nothing_unless_it_settles(self) -> None:
        world = World(card())
        world.grant("begins", CREDIT, effective_at=T + 10)
        assert tick(world, T + 10) == []
        assert drawn(world.use("e", 1, T + 10)) == [("begins", 1)]

    def test_an_activation_of_a_scoped_or_frozen_or_empty_lot_settles_nothing(self) -> None:
        world = World(card())
        world.policy("p", overage_mode="overdraft", overdraft_limit=9 * CREDIT)
        world.use("e", 3)
        world.grant("scoped", CREDIT, effective_at=T + 10, meters=["tokens"])
        frozen = Grant(amount=1, kind="included", freeze="verification", effective_at=T + 10)
        world.accept(frozen, "frozen")
        assert tick(world, T + 10) == []


class TestTicks:
    def test_it_writes_only_what_fell_due(self) -> None:
        world = World(card())
        world.grant("a", CREDIT)
        assert tick(world, T + DAY_US) == []
        assert len(world.log) == 2

    def test_it_books_for_all_accounts_those_that_waited_longest_first(self) -> None:
        world = World(card())
        for customer, end in (("b", 30), ("a", 20), ("c", 10)):
            world.grant("lot", CREDIT, customer_id=customer, expires_at=T + end)
        facts = tick(world, T + DAY_US)
        assert [each.customer_id for each in facts] == ["c", "a", "b"]
        assert tick(world, T + DAY_US) == []

    def test_it_books_for_a_thousand_accounts_and_the_next_one_goes_on(self) -> None:
        assert TICKED_MAX == 1_000
        world = World(card(), checked=False)
        for number in range(1_001):
            world.grant("lot", CREDIT, customer_id=f"c{number}", expires_at=T + 10)
        assert len(tick(world, T + DAY_US)) == 1_000
        assert len(tick(world, T + DAY_US)) == 1
        assert tick(world, T + DAY_US) == []

    def test_a_tick_is_no_decision_that_repeats(self) -> None:
        world = World(card())
        world.grant("a", CREDIT, expires_at=T + 10)
        ticking = command(Tick(), "tick", customer_id=PARTITION_CUSTOMER)
        assert world.decide(ticking, T + 10).facts == []
        assert len(world.decide(ticking, T + 10 + GRACE_US).facts) == 1

    def test_the_daily_an_hourly_and_a_late_run_book_the_same(self) -> None:
        def run(step: int) -> list[tuple[str, int, int, list[tuple[str, int]]]]:
            world = World(card())
            world.policy("p", overage_mode="overdraft", overdraft_limit=9 * CREDIT)
            world.use("e", 3)
            world.grant("begins", 5 * CREDIT, effective_at=T + HOUR_US, expires_at=T + 5 * HOUR_US)
            world.grant("scoped", 4 * CREDIT, meters=["tokens"], expires_at=T + 30 * HOUR_US)
            world.hold("h", 2, expires_at=T + 2 * HOUR_US)
            facts: list[EntryFacts] = []
            for at in range(T, T + 3 * DAY_US + 1, step):
                facts += tick(world, at)
            return [(each.type, each.amount, each.effective_at, drawn(each)) for each in facts]

        hourly = run(HOUR_US)
        assert [each[0] for each in hourly] == [
            "overdraft_settled",
            "hold_expired",
            "expiration",
            "expiration",
        ]
        assert run(DAY_US) == run(3 * DAY_US) == hourly

    def test_a_refused_input_books_what_fell_due_all_the_same(self) -> None:
        world = World(card())
        world.grant("a", CREDIT, expires_at=T + 10)
        late = T + 10 + GRACE_US
        body = PlaceHold(hold_id="h", amount=CREDIT, meter="tokens", expires_at=late + 1)
        decision = world.ask(body, "", late)
        assert told(decision.facts) == [("expiration", -1), ("rejected", 0)]


class TestPeriodsThatAreClosed:
    def test_it_is_an_entry_of_the_partition(self) -> None:
        world = World(card())
        (facts,) = world.accept(
            ClosePeriod(closed_until=T), "", T + 5, customer_id=PARTITION_CUSTOMER
        )
        assert (facts.type, facts.customer_id, facts.amount) == (
            "period_closed",
            PARTITION_CUSTOMER,
            0,
        )
        assert facts.details is not None
        assert (facts.details.closed_until, facts.effective_at) == (T, T + 5)
        assert world.ledger.closed_until == T

    def test_it_is_closed_once_and_after_it_has_ended(self) -> None:
        world = World(card())
        for until, code in ((T + 6, "invalid_period"), (T + 5, ""), (T + 5, "invalid_period")):
            decision = world.ask(
                ClosePeriod(closed_until=until), "", T + 5, customer_id=PARTITION_CUSTOMER
            )
            assert decision.code == code
        earlier = ClosePeriod(closed_until=T + 4)
        assert world.refuse(earlier, T + 9, customer_id=PARTITION_CUSTOMER) == "invalid_period"


def test_a_replayed_ledger_knows_what_is_due() -> None:
    world = World(card())
    world.policy("p", overage_mode="overdraft", overdraft_limit=9 * CREDIT)
    world.grant("a", 5 * CREDIT, expires_at=T + 10)
    world.hold("h", 2, expires_at=T + 20)
    body = Grant(amount=CREDIT, kind="included", freeze="verification", opens_at=T + 30)
    world.accept(body, "opens")
    replayed = world.replayed()
    assert ledger_state(replayed) == ledger_state(world.ledger)
    replayed.advance(T + DAY_US)
    given = command(Tick(), "tick", customer_id=PARTITION_CUSTOMER)
    again = replayed.decide_command(given, T + DAY_US)
    facts = tick(world, T + DAY_US)
    assert told(again.facts) == told(facts)
    assert told(facts) == [
        ("hold_expired", 0),
        ("expiration", -2),
        ("unfreeze", 0),
        ("expiration", -3),
    ]


def test_the_watermark_never_goes_back() -> None:
    world = World(card())
    world.grant("a", 5 * CREDIT, expires_at=T + 10)
    before = account_state(world.account())
    world.ledger.advance(T + DAY_US)
    world.ledger.advance(T)
    assert world.ledger.watermark == T + DAY_US
    assert account_state(world.account()) == before
    assert len(tick(world, T + DAY_US, watermark=0)) == 1
