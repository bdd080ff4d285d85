"""Laws of the revenue tables, tried on ledgers of random inputs."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drawdown.domain.entries import PARTITION_CUSTOMER, LedgerEntry, PolicyChange
from drawdown.domain.inputs import ChangePolicy
from drawdown.domain.numbers import PICO
from drawdown.settings import Settings
from tests.domain.building import World, command
from tests.domain.drawing import CUSTOMERS
from tests.domain.streams import Recorded, streams
from tests.revenue_projector.books import Books

pytestmark = pytest.mark.integration
laws = settings(deadline=None, max_examples=10, suppress_health_check=list(HealthCheck))

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Everything = list[tuple[object, ...]]


@pytest.fixture
def books(settings: Settings) -> Iterator[Books]:
    made = Books(settings)
    yield made
    made.close()


@st.composite
def ledgers(draw: st.DrawFn) -> list[LedgerEntry]:
    """The log of a stream of inputs, among which estimates of breakage change."""
    stream: list[Recorded] = draw(streams(60))
    for number in range(draw(st.integers(0, 4))):
        place = draw(st.integers(1, len(stream)))
        at = stream[place - 1].at
        change = PolicyChange(
            breakage_method=draw(st.sampled_from([None, "proportional", "proportional", "remote"])),
            breakage_rate_pico=draw(st.sampled_from([None, 0, PICO // 10, PICO // 3, PICO])),
        )
        given_ = command(
            ChangePolicy(policy=change),
            f"estimate {number}",
            customer_id=draw(st.sampled_from([PARTITION_CUSTOMER, draw(CUSTOMERS)])),
            issued_at=at,
        )
        stream.insert(place, Recorded(given_, at))
    world = World(checked=False)
    for each in stream:
        world.decide(each.given, each.at)
    return world.log


def everything(books: Books) -> Everything:
    """Every row of every table."""
    tables = ("days", "lots", "adjustments", "overage", "closes", "breakage_policies")
    return [
        row for table in tables for row in books.rows(f"SELECT * FROM {table} ORDER BY 1,2,3,4")
    ]


@laws
@given(log=ledgers(), size=st.sampled_from([1, 2, 5, 13]))
def test_rows_are_what_the_entries_say_whatever_the_batches(
    books: Books, log: list[LedgerEntry], size: int
) -> None:
    books.empty()
    books.project(log)
    assert books.differences(log) == []
    at_once = everything(books)
    books.empty()
    books.project(log, size)
    assert everything(books) == at_once


@laws
@given(log=ledgers())
def test_what_is_deferred_of_a_lot_is_what_the_ledger_hasn_t_released(
    books: Books, log: list[LedgerEntry]
) -> None:
    released: Counter[tuple[str, str, str]] = Counter()
    remaining: Counter[tuple[str, str, str]] = Counter()
    prices: dict[tuple[str, str, str], int] = {}
    for facts in (entry.facts for entry in log):
        for part in facts.allocations:
            released[facts.customer_id, facts.unit, part.lot_id] += part.released_minor
        if facts.details is not None and facts.details.lot is not None:
            key = (facts.customer_id, facts.unit, facts.details.lot.lot_id)
            prices[key] = facts.details.lot.price_minor
            remaining[key] = facts.amount
    books.empty()
    books.project(log)
    found = books.rows(
        "SELECT customer_id, unit, lot_id, sum(billed_minor + greatest(transferred_minor, 0)), "
        "sum(billed_minor + transferred_minor - recognized_minor - breakage_minor "
        "- refunded_minor - chargeback_minor - adjusted_minor + advance_minor), "
        "sum(advance_minor), sum(granted - spent - expired - voided - clawed_back) "
        "FROM days GROUP BY 1, 2, 3"
    )
    assert {row[:3] for row in found} == set(prices)
    for customer, unit, lot, price, deferred, advance, left in found:
        key = (str(customer), str(unit), str(lot))
        assert int(str(price)) == prices[key]
        assert int(str(deferred)) == prices[key] - released[key]
        assert 0 <= int(str(advance)) <= int(str(deferred))
        if left == 0:
            # Whatever the mix, it adds up to the price, and nothing stays estimated.
            assert (deferred, advance) == (0, 0)


@laws
@given(log=ledgers())
def test_what_was_reported_of_a_closed_period_never_changes(
    books: Books, log: list[LedgerEntry]
) -> None:
    books.empty()
    reported: dict[str, Everything] = {}
    closing = [place for place, each in enumerate(log, 1) if each.facts.type == "period_closed"]
    for place in [*closing, len(log)]:
        books.project(log[:place])
        [(closed,)] = books.rows("SELECT max(closed_until) FROM closes")
        if closed is not None:
            day = f"{_EPOCH + timedelta(microseconds=int(str(closed))):%Y-%m-%d}"
            reported[day] = before(books, day)
    for until, rows in reported.items():
        assert before(books, until) == rows


def before(books: Books, until: str) -> Everything:
    """The days before a date."""
    return books.rows(f"SELECT * FROM days WHERE day < '{until}' ORDER BY 1, 2, 3, 4")


@laws
@given(log=ledgers())
def test_rollovers_move_cost_basis_and_lose_none(books: Books, log: list[LedgerEntry]) -> None:
    books.empty()
    books.project(log)
    moved: dict[object, int] = defaultdict(int)
    for customer, day, currency, minor in books.rows(
        "SELECT customer_id, day, currency, transferred_minor FROM days"
    ):
        moved[customer, day, currency] += int(str(minor))
    # What rolls over without a price has no currency.
    assert not any(moved.values())
