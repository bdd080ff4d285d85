"""Lines priced over the month: a charge is what it moves the price of the month's total by."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from drawdown.domain.entries import MonthTotal
from drawdown.domain.numbers import format_decimal
from drawdown.domain.rate_cards import Line
from drawdown.domain.rating import CompiledCard, Price, charge_atto, month_key
from tests.domain.cards import card, line, meter, micro

JANUARY_END = 1_769_903_999_999_999
"""The last microsecond of January 2026."""
FEBRUARY = JANUARY_END + 1
BLOCKS = replace(line("units", "3", package=("10", "up")), over="month")
TIERS = replace(
    line(
        "tokens",
        mode="graduated",
        tiers=(("100", "1", "5"), ("200", "0.5", "0"), (None, "0.1", "2")),
        minimum="20",
    ),
    over="month",
)
CARD = CompiledCard(card(meter(BLOCKS, TIERS, line("other", "1"))))


def rate(
    quantities: dict[str, str], totals: dict[str, int] | None = None, at: int = FEBRUARY
) -> Price:
    amounts = {name: micro(text) for name, text in quantities.items()}
    rated = CARD.rate("c", "m", {}, amounts, at, totals)
    assert rated is not None
    return rated


def key(priced: Line, month: str) -> str:
    return month_key(priced.line_id, month)


def credits_of(rated: Price) -> str:
    return format_decimal(rated.total_atto, 18)


def test_a_charge_is_the_difference_of_two_prices() -> None:
    assert credits_of(rate({"units": "1"})) == "3"
    used = {key(BLOCKS, "2026-02"): micro("1")}
    assert credits_of(rate({"units": "9"}, used)) == "0"
    assert credits_of(rate({"units": "10"}, used)) == "3"


def test_the_totals_after_stand_on_it() -> None:
    used = {key(BLOCKS, "2026-02"): micro("1")}
    assert rate({"units": "9", "tokens": "7", "other": "1"}, used).month_totals == [
        MonthTotal(line_id=BLOCKS.line_id, month="2026-02", quantity_micro=micro("10")),
        MonthTotal(line_id=TIERS.line_id, month="2026-02", quantity_micro=micro("7")),
    ]


def test_each_month_has_its_own_total_by_utc() -> None:
    used = {key(BLOCKS, "2026-01"): micro("1")}
    assert credits_of(rate({"units": "9"}, used, JANUARY_END)) == "0"
    assert credits_of(rate({"units": "9"}, used, FEBRUARY)) == "3"
    assert rate({"units": "9"}, used, JANUARY_END).month_totals[0].month == "2026-01"


def test_nothing_leaves_the_total_alone() -> None:
    rated = rate({"units": "0", "other": "1"})
    assert credits_of(rated) == "1"
    assert rated.month_totals == []


def test_a_minimum_is_owed_once_a_month() -> None:
    assert credits_of(rate({"tokens": "1"})) == "20"
    used = {key(TIERS, "2026-02"): micro("1")}
    assert credits_of(rate({"tokens": "10"}, used)) == "0"
    assert credits_of(rate({"tokens": "20"}, used)) == "6"


@given(st.lists(st.integers(0, 150_000_000), max_size=12), st.sampled_from([BLOCKS, TIERS]))
def test_a_month_costs_the_same_however_it_is_split(parts: list[int], priced: Line) -> None:
    totals: dict[str, int] = {}
    paid = 0
    for part in parts:
        rated = CARD.rate("c", "m", {}, {priced.quantity: part}, FEBRUARY, totals)
        assert rated is not None
        assert rated.total_atto >= 0
        paid += rated.total_atto
        for total in rated.month_totals:
            totals[month_key(total.line_id, total.month)] = total.quantity_micro
    assert paid == charge_atto(priced, sum(parts))


def test_lines_of_one_id_share_a_total_within_one_event() -> None:
    """A customer's own line may go by the id of the card's."""
    of_parts = replace(BLOCKS, quantity="parts")
    priced = CompiledCard(card(meter(BLOCKS, of_parts)))
    amounts = {"units": micro("6"), "parts": micro("6")}
    rated = priced.rate("c", "m", {}, amounts, FEBRUARY, {})
    assert rated is not None
    assert [line.amount for line in rated.lines] == [3_000_000, 3_000_000]
    (total,) = rated.month_totals
    assert total.quantity_micro == micro("12")
