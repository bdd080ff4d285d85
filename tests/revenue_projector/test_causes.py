"""What single causes come to, reckoned by hand."""

from collections.abc import Iterator

import pytest

from drawdown.domain.entries import PARTITION_CUSTOMER, PolicyChange, RecurringGrant, Rollover
from drawdown.domain.inputs import ChangePolicy, ClosePeriod, Grant, NoteDispute, RefundUsage, Tick
from drawdown.domain.numbers import DAY_US, PICO
from drawdown.settings import Settings
from tests.domain.building import CREDIT, HOUR_US, T, World, card
from tests.revenue_projector.books import Books

pytestmark = pytest.mark.integration


@pytest.fixture
def books(settings: Settings) -> Iterator[Books]:
    made = Books(settings)
    yield made
    made.close()


def moved(books: Books, lot_id: str, until: str = "9999-01-01") -> dict[str, int]:
    """The figures of a lot that aren't 0."""
    return {name: amount for name, amount in books.total(lot_id, until).items() if amount}


def purchase(world: World, lot_id: str, credits: int, price_minor: int, at: int = T) -> None:
    grant = Grant(
        amount=credits * CREDIT,
        kind="purchased",
        lot_id=lot_id,
        price_minor=price_minor,
        currency="USD",
        payment_id=f"payment of {lot_id}",
    )
    world.accept(grant, lot_id, at)


def dispute(world: World, lot_id: str, state: str, at: int) -> None:
    body = NoteDispute(dispute_id="d", payment_id=f"payment of {lot_id}", state=state)  # type: ignore[arg-type]
    world.accept(body, f"dispute {state}", at)


@pytest.mark.parametrize("batch", [1, 1_000])
def test_a_reinstated_dispute_gives_back_what_its_loss_took(books: Books, batch: int) -> None:
    world = World(card())
    purchase(world, "first", 100, 1_000)
    world.use("e", 30)
    dispute(world, "first", "lost", T + DAY_US)
    purchase(world, "second", 50, 500, T + 2 * DAY_US)
    books.project(world.log, batch)
    used = {"billed": 1_000, "recognized": 300}
    assert moved(books, "first") == {**used, "chargeback": 700, "disputed": 1_000}
    # It paid the debt for the 30 credits that were used of the first.
    assert moved(books, "second") == {"billed": 500, "recognized": 300, "deferred": 200}
    dispute(world, "first", "reinstated", T + 3 * DAY_US)
    books.project(world.log, batch)
    assert moved(books, "first") == {**used, "deferred": 700}
    assert moved(books, "second") == {"billed": 500, "deferred": 500}
    assert books.differences(world.log) == []


def test_an_allowance_that_rolls_over_is_transferred_not_billed_again(books: Books) -> None:
    world = World(card())
    world.grant("start", CREDIT)
    policy = PolicyChange(
        recurring=RecurringGrant(
            amount=10 * CREDIT, price_minor=1_000, currency="USD", anchor=T + DAY_US, period="month"
        ),
        rollover=Rollover(share_pico=PICO // 2, life_us=90 * DAY_US),
    )
    world.accept(ChangePolicy(policy=policy), "policy", T)
    world.accept(Tick(), "", T + DAY_US + HOUR_US, customer_id=PARTITION_CUSTOMER)
    world.use("e", 3, T + 2 * DAY_US)
    world.accept(Tick(), "", T + 33 * DAY_US, customer_id=PARTITION_CUSTOMER)
    books.project(world.log)
    first = "recurring-2026-01-02T00:00:00Z"
    # Of 10 credits for $10, which expire before the free one, 3 were used; half the rest goes on.
    rolled = {"billed": 1_000, "recognized": 300, "breakage": 350, "transferred": -350}
    assert moved(books, first) == rolled
    assert moved(books, "rollover-%") == {"transferred": 350, "deferred": 350}
    assert moved(books, "")["billed"] == 2_000
    assert books.total()["transferred"] == 0


def test_overdraft_earns_when_it_is_settled(books: Books) -> None:
    world = World(card())
    world.policy("p", overage_mode="overdraft", overdraft_limit=100 * CREDIT)
    world.use("e", 40)
    purchase(world, "top-up", 100, 1_000, T + DAY_US)
    books.project(world.log)
    assert moved(books, "top-up", "2026-01-02") == {}
    assert moved(books, "top-up") == {"billed": 1_000, "recognized": 400, "deferred": 600}


def test_a_refund_of_usage_reopens_an_expired_lot_and_takes_revenue_back(books: Books) -> None:
    world = World(card())
    terms = {"kind": "purchased", "price_minor": 1_000, "currency": "USD"}
    world.grant("pack", 100 * CREDIT, expires_at=T + DAY_US, **terms)  # type: ignore[arg-type]
    world.use("e", 25)
    later = T + 2 * DAY_US
    world.accept(RefundUsage(refund_id="r", event_id="e", amount=10 * CREDIT), "", later)
    books.project(world.log)
    assert moved(books, "pack", "2026-01-02") == {
        "billed": 1_000,
        "recognized": 250,
        "deferred": 750,
    }
    # The expiration is booked before the refund touches the lot.
    back = {"billed": 1_000, "recognized": 150, "breakage": 750, "deferred": 100}
    assert moved(books, "pack") == back


def test_days_are_those_of_the_reporting_zone(settings: Settings) -> None:
    books = Books(settings, zone="America/New_York")
    world = World(card())
    # 2026-01-01T00:00Z is still the year before in New York.
    purchase(world, "pack", 100, 1_000)
    world.use("night", 10, T + 4 * HOUR_US)
    world.use("morning", 20, T + 6 * HOUR_US)
    books.project(world.log)
    books.close()
    days = books.rows("SELECT day::text, billed_minor, recognized_minor FROM days ORDER BY day")
    assert days == [("2025-12-31", 1_000, 100), ("2026-01-01", 0, 200)]


def test_a_change_of_estimate_in_a_closed_month_is_trued_up_in_the_open_one(books: Books) -> None:
    world = World(card())
    purchase(world, "pack", 100, 1_000)
    world.use("e", 40)
    closed = ClosePeriod(closed_until=T + 31 * DAY_US)
    world.accept(closed, "", T + 40 * DAY_US, customer_id=PARTITION_CUSTOMER)
    late = world.use("late", 10, T + 40 * DAY_US, occurred_at=T + 20 * DAY_US)
    assert late.effective_at == T + 20 * DAY_US
    estimate = PolicyChange(breakage_method="proportional", breakage_rate_pico=PICO // 2)
    world.accept(ChangePolicy(policy=estimate), "estimate", T + 41 * DAY_US)
    books.project(world.log)
    assert moved(books, "pack", "2026-02-01") == {
        "billed": 1_000,
        "recognized": 400,
        "deferred": 600,
    }
    days = books.rows(
        "SELECT day::text, recognized_minor, breakage_minor, advance_minor FROM days "
        "WHERE day >= '2026-02-01' ORDER BY day"
    )
    # All of the 50 that are expected to be used were: the other half is earned.
    assert days == [("2026-02-01", 100, 0, 0), ("2026-02-11", 0, 500, 500)]
