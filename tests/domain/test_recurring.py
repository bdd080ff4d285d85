"""Recurring grants: each period's credits are booked by the watermark, once."""

from typing import Any

from drawdown.domain.entries import (
    PARTITION_CUSTOMER,
    EntryFacts,
    PolicyChange,
    RecurringGrant,
)
from drawdown.domain.inputs import ChangePolicy, Freeze, Tick
from drawdown.domain.numbers import AMOUNT_MAX, DAY_US, MINUTE_US
from tests.domain.building import CREDIT, CUSTOMER, HOUR_US, T, World, card, drawn, told

GRACE_US = 5 * MINUTE_US
JANUARY = T
FEBRUARY = T + 31 * DAY_US
MARCH = FEBRUARY + 28 * DAY_US


def allow(world: World, at: int = T, customer_id: str = CUSTOMER, **fields: Any) -> None:
    """A monthly allowance of 10 credits from 2026-01-01 on, set at `at`."""
    plain: dict[str, Any] = {"amount": 10 * CREDIT, "anchor": T, "period": "month"}
    change = PolicyChange(recurring=RecurringGrant(**{**plain, **fields}))
    body = ChangePolicy(policy=change)
    world.accept(body, "", at, customer_id=customer_id, watermark=0)


def tick(world: World, at: int) -> list[EntryFacts]:
    return world.accept(Tick(), "", at, customer_id=PARTITION_CUSTOMER)


def test_a_grant_for_each_period_in_a_lot_that_lives_until_the_next() -> None:
    world = World(card())
    allow(world)
    (first,) = tick(world, JANUARY)
    assert (first.type, first.amount, first.effective_at) == ("grant", 10 * CREDIT, JANUARY)
    assert (first.reason, first.cause, first.actor) == ("recurring", "tick", "")
    assert first.details is not None
    terms = first.details.lot
    assert terms is not None
    assert (terms.lot_id, terms.lot_seq) == ("recurring-2026-01-01T00:00:00Z", 1)
    assert (terms.kind, terms.priority, terms.price_minor) == ("included", 50, 0)
    assert (terms.effective_at, terms.expires_at, terms.period_at) == (JANUARY, FEBRUARY, JANUARY)
    assert (terms.meters, terms.properties, terms.freezes) == ([], {}, [])
    assert tick(world, FEBRUARY - 1) == []
    (second,) = tick(world, FEBRUARY)
    assert (drawn(second), second.effective_at) == (
        [("recurring-2026-02-01T00:00:00Z", 10)],
        FEBRUARY,
    )
    (expired,) = tick(world, FEBRUARY + GRACE_US)
    assert (expired.type, expired.amount) == ("expiration", -10 * CREDIT)
    assert tick(world, FEBRUARY + DAY_US) == []


def test_a_processor_that_was_away_books_the_same() -> None:
    world = World(card())
    allow(world)
    facts = tick(world, MARCH + GRACE_US)
    assert told(facts) == [
        ("grant", 10),
        ("grant", 10),
        ("expiration", -10),
        ("grant", 10),
        ("expiration", -10),
    ]
    assert [each.effective_at for each in facts] == [JANUARY, FEBRUARY, FEBRUARY, MARCH, MARCH]


def test_it_comes_before_a_decision_of_the_account() -> None:
    world = World(card())
    allow(world)
    decision = world.ask(Freeze(), "k", FEBRUARY)
    assert [each.type for each in decision.facts] == ["grant", "grant", "freeze"]
    assert {each.cause for each in decision.facts[:2]} == {"due"}
    assert {each.cause_id for each in decision.facts} == {"k"}


def test_periods_before_it_was_set_are_not_granted() -> None:
    world = World(card())
    allow(world, FEBRUARY + 1)
    assert tick(world, MARCH - 1) == []
    assert [each.effective_at for each in tick(world, MARCH)] == [MARCH]


def test_nor_periods_before_the_anchor() -> None:
    world = World(card())
    allow(world, anchor=FEBRUARY)
    assert tick(world, FEBRUARY - 1) == []
    assert len(tick(world, FEBRUARY)) == 1


def test_a_default_is_granted_from_an_accounts_first_entry_on() -> None:
    world = World(card())
    allow(world, customer_id=PARTITION_CUSTOMER)
    world.grant("lot", CREDIT, FEBRUARY + 1, customer_id="late")
    world.grant("lot", CREDIT, FEBRUARY, customer_id="prompt")
    assert world.account("prompt").balance == CREDIT
    facts = tick(world, FEBRUARY + 1)
    assert [(each.customer_id, each.effective_at) for each in facts] == [("prompt", FEBRUARY)]
    facts = tick(world, MARCH)
    assert {(each.customer_id, each.type) for each in facts} >= {
        ("late", "grant"),
        ("prompt", "grant"),
    }
    assert all(each.customer_id != PARTITION_CUSTOMER for each in facts)


def test_an_accounts_own_takes_the_place_of_the_default() -> None:
    world = World(card())
    allow(world, customer_id=PARTITION_CUSTOMER)
    allow(world, amount=3 * CREDIT)
    (facts,) = tick(world, JANUARY)
    assert (facts.customer_id, facts.amount) == (CUSTOMER, 3 * CREDIT)


def test_an_amount_of_0_ends_it() -> None:
    world = World(card())
    allow(world)
    assert len(tick(world, JANUARY)) == 1
    allow(world, JANUARY + 1, amount=0)
    assert [each.type for each in tick(world, FEBRUARY + DAY_US)] == ["expiration"]


def test_a_change_within_a_period_applies_from_the_next_one() -> None:
    world = World(card())
    allow(world)
    tick(world, JANUARY)
    allow(world, JANUARY + DAY_US, amount=20 * CREDIT)
    assert tick(world, FEBRUARY - 1) == []
    assert tick(world, FEBRUARY)[0].amount == 20 * CREDIT


def test_a_life_of_its_own_and_a_price() -> None:
    world = World(card())
    allow(world, life_us=HOUR_US, kind="purchased", price_minor=900, currency="USD")
    (facts,) = tick(world, JANUARY)
    lot = world.account().lots["recurring-2026-01-01T00:00:00Z"]
    assert (lot.expires_at, lot.kind, lot.price_minor, lot.currency) == (
        JANUARY + HOUR_US,
        "purchased",
        900,
        "USD",
    )
    assert facts.allocations[0].released_minor == 0


def test_every_other_week() -> None:
    world = World(card())
    allow(world, period="week", every=2)
    facts = tick(world, T + 28 * DAY_US)
    granted = [each.effective_at for each in facts if each.type == "grant"]
    assert granted == [T, T + 14 * DAY_US, T + 28 * DAY_US]


def test_in_a_frozen_account_it_opens_frozen() -> None:
    world = World(card())
    world.accept(Freeze())
    allow(world)
    (facts,) = tick(world, JANUARY)
    assert (facts.balance, facts.available) == (10 * CREDIT, 0)
    assert world.account().lots["recurring-2026-01-01T00:00:00Z"].freezes == ["account"]


def test_2_it_settles_what_is_owed_at_its_moment() -> None:
    world = World(card())
    world.policy("p", overage_mode="overdraft", overdraft_limit=9 * CREDIT)
    world.use("e", 4)
    allow(world, T + 1)
    granted, settled = tick(world, FEBRUARY + DAY_US)[:2]
    assert (granted.type, settled.type) == ("grant", "overdraft_settled")
    assert (settled.effective_at, settled.overdraft) == (FEBRUARY, 0)


def test_a_lot_id_that_is_taken_gets_a_number() -> None:
    world = World(card())
    world.grant("recurring-2026-01-01T00:00:00Z", CREDIT)
    world.grant("recurring-2026-01-01T00:00:00Z-2", CREDIT)
    allow(world)
    assert drawn(tick(world, JANUARY)[0]) == [("recurring-2026-01-01T00:00:00Z-3", 10)]


def test_a_balance_never_passes_two_to_the_62() -> None:
    world = World(card())
    world.grant("most", AMOUNT_MAX - CREDIT)
    allow(world)
    (facts,) = tick(world, JANUARY)
    assert (facts.amount, facts.balance) == (CREDIT, AMOUNT_MAX)
    assert [each.type for each in tick(world, FEBRUARY)] == []
    world.use("e", 3, FEBRUARY)
    assert world.account().balance <= AMOUNT_MAX
