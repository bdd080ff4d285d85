"""Recognition with known answers: the guide's, and those published for ASC 606 and IFRS 15."""

from collections.abc import Iterator

import pytest

from drawdown.domain.entries import PARTITION_CUSTOMER, PolicyChange
from drawdown.domain.inputs import ChangePolicy
from drawdown.domain.numbers import DAY_US, PICO
from drawdown.settings import Settings
from tests.domain.building import CREDIT, T, World, card
from tests.revenue_projector.books import Books

pytestmark = pytest.mark.integration
PERCENT = PICO // 100


@pytest.fixture
def books(settings: Settings) -> Iterator[Books]:
    made = Books(settings)
    yield made
    made.close()


def sold(credits: int, price_minor: int) -> World:
    world = World(card())
    terms = {"kind": "purchased", "price_minor": price_minor, "currency": "USD"}
    world.grant("pack", credits * CREDIT, **terms)  # type: ignore[arg-type]
    return world


def expect_unused(world: World, percent: int, at: int = T, customer: str = "acme") -> None:
    """From then on this share is expected to expire unused, and recognized in proportion."""
    change = PolicyChange(breakage_method="proportional", breakage_rate_pico=percent * PERCENT)
    world.accept(ChangePolicy(policy=change), f"expect {percent} {at}", at, customer_id=customer)


def earned(books: Books, until: str = "9999-01-01") -> tuple[int, int, int]:
    """Recognized, breakage and what is deferred."""
    total = books.total("pack", until)
    return total["recognized"], total["breakage"], total["deferred"]


def test_the_guide_s_pack_of_10_000_for_100_dollars(books: Books) -> None:
    world = sold(10_000, 10_000)
    world.use("january", 2_000, T + 5 * DAY_US)
    world.use("february", 3_000, T + 36 * DAY_US)
    books.project(world.log)
    assert earned(books, "2026-02-01") == (2_000, 0, 8_000)
    assert earned(books, "2026-03-01") == (5_000, 0, 5_000)


@pytest.mark.parametrize("customer", ["acme", PARTITION_CUSTOMER])
@pytest.mark.parametrize("batch", [1, 1_000])
def test_breakage_in_proportion_to_an_estimate(books: Books, customer: str, batch: int) -> None:
    world = sold(1_000, 100_000)
    expect_unused(world, 10, customer=customer)
    world.use("first", 540)
    books.project(world.log, batch)
    assert earned(books) == (54_000, 6_000, 40_000)
    world.use("second", 360, T + DAY_US)
    books.project(world.log, batch)
    assert earned(books) == (90_000, 10_000, 0)
    assert books.differences(world.log) == []


def test_by_the_remote_method_only_what_is_used_is_earned(books: Books) -> None:
    world = sold(1_000, 100_000)
    world.use("first", 540)
    books.project(world.log)
    assert earned(books) == (54_000, 0, 46_000)


@pytest.mark.parametrize("batch", [1, 3, 1_000])
def test_changed_estimates_are_caught_up_at_once(books: Books, batch: int) -> None:
    world = sold(50_000, 875_000)
    years = [
        (15_000, 20, 328_125),
        (7_950, 15, 144_375),
        (2_550, 15, 52_500),
        (15_000, 10, 262_500),
    ]
    before = 0
    for year, (redeemed, unused, revenue) in enumerate(years):
        at = T + year * 30 * DAY_US
        expect_unused(world, unused, at)
        world.use(f"year {year}", redeemed, at + DAY_US)
        books.project(world.log, batch)
        recognized, breakage, deferred = earned(books)
        assert recognized + breakage - before == revenue
        before = recognized + breakage
    assert deferred == 87_500
    assert books.differences(world.log) == []


def test_a_change_of_estimate_alone_is_trued_up_on_its_day(books: Books) -> None:
    world = sold(50_000, 875_000)
    expect_unused(world, 20)
    world.use("first", 15_000)
    expect_unused(world, 15, T + 40 * DAY_US)
    books.project(world.log)
    # 15,000 of 40,000, then of 42,500 that are expected to be redeemed: 328,125, then 308,824.
    assert sum(earned(books, "2026-02-10")[:2]) == 328_125
    assert sum(earned(books, "2026-02-11")[:2]) == 308_824
    back = PolicyChange(breakage_method="remote")
    world.accept(ChangePolicy(policy=back), "back", T + 50 * DAY_US)
    books.project(world.log)
    assert earned(books) == (262_500, 0, 612_500)
    assert books.differences(world.log) == []
