"""Rating by examples: published ones, a real trace, each rule of a card (ruling 11)."""

import csv
import gzip

import pytest

from drawdown.domain.numbers import ATTO_PER_MICRO, format_decimal
from drawdown.domain.rate_cards import Line, RateCard, Rounding
from drawdown.domain.rating import CompiledCard, Price, RateBook, charge_atto
from tests.domain.cards import card, line, meter, micro, override
from tests.real_data import real_data

GRADUATED = line(
    mode="graduated",
    tiers=(("5", "0", "100"), ("10", "0", "50"), ("15", "10", "0"), (None, "5", "0")),
)
VOLUME = line(
    mode="volume",
    tiers=(("5", "0", "100"), ("10", "0", "150"), ("15", "10", "0"), (None, "5", "0")),
)


def cost(priced: Line, quantity: str) -> str:
    """What a quantity costs at a line, in credits."""
    return format_decimal(charge_atto(priced, micro(quantity)), 18)


def rate(rates: RateCard, customer: str = "c", meter: str = "m", /, **quantities: str) -> Price:
    """A charge without properties; it must have a rate."""
    rated = CompiledCard(rates).rate(
        customer, meter, {}, {name: micro(text) for name, text in quantities.items()}
    )
    assert rated is not None
    return rated


def credits_of(rated: Price) -> str:
    return format_decimal(rated.total_atto, 18)


@pytest.mark.parametrize(
    ("quantity", "credits"),
    [("0", "0"), ("5", "100"), ("5.001", "150"), ("12", "170"), ("22", "235")],
)
def test_graduated_tiers_add_up_tier_by_tier(quantity: str, credits: str) -> None:
    """A published example, but for 0, which costs no flat with us."""
    assert cost(GRADUATED, quantity) == credits


@pytest.mark.parametrize(
    ("quantity", "credits"),
    [("0", "0"), ("5", "100"), ("14", "140"), ("15", "150"), ("16", "80"), ("100", "500")],
)
def test_volume_tiers_take_the_rate_of_the_tier_reached(quantity: str, credits: str) -> None:
    assert cost(VOLUME, quantity) == credits


@pytest.mark.parametrize(
    ("quantity", "packages"), [("0", "0"), ("1", "1"), ("9", "1"), ("10", "1"), ("11", "2")]
)
def test_a_package_begun_is_a_package(quantity: str, packages: str) -> None:
    assert cost(line(rate="1", package=("10", "up")), quantity) == packages


def test_after_17_units_5_more_begin_one_new_package_of_10() -> None:
    tens = line(rate="1", package=("10", "up"))
    assert charge_atto(tens, micro("22")) - charge_atto(tens, micro("17")) == 10**18


@pytest.mark.parametrize(
    ("quantity", "rounding", "packages"),
    [
        ("1400", "up", "2"),
        ("1900", "down", "1"),
        ("1500", "half_up", "2"),
        ("1499.999999", "half_up", "1"),
    ],
)
def test_packages_round_as_they_say(quantity: str, rounding: Rounding, packages: str) -> None:
    assert cost(line(rate="1", package=("1000", rounding)), quantity) == packages


def test_dividing_doesn_t_round() -> None:
    assert cost(line(rate="0.001"), "1400") == "1.4"


@pytest.mark.parametrize(
    ("rates", "quantities", "credits"),
    [
        (("0.000015", "0.000075"), ("2671437", "380717"), "68.62533"),
        (("0.00002", "0.00008"), ("2372636", "1235902"), "146.32488"),
        (("0.000003", "0.000015"), ("2743", "4"), "0.008289"),
    ],
)
def test_published_prices_of_models(
    rates: tuple[str, str], quantities: tuple[str, str], credits: str
) -> None:
    model = card(meter(line("input", rates[0]), line("output", rates[1])))
    assert credits_of(rate(model, input=quantities[0], output=quantities[1])) == credits


def test_a_line_s_share_is_floored_and_its_rest_kept() -> None:
    rated = rate(
        card(meter(line("input", "0.000003"), line("output", "0.000015"))), input="2743", output="4"
    )
    assert [each.amount for each in rated.lines] == [8229, 60]
    third = rate(card(meter(line(rate="0.000000333333"))), units="1").lines[0]
    assert (third.amount, third.amount_atto) == (0, 333_333 * 1_000_000)
    assert (third.rate_pico, third.quantity_micro, third.quantity) == (333_333, 1_000_000, "units")


def test_a_real_trace_costs_what_its_sum_costs() -> None:
    """8,819 requests, one by one with the residue carried: exactly 47.608895."""
    model = CompiledCard(card(meter(line("input", "0.0000025"), line("output", "0.00001"))))
    path = real_data("azure_llm_2023/AzureLLMInferenceTrace_code.csv.gz")
    charged = residue = events = 0
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            tokens = {"input": row["ContextTokens"], "output": row["GeneratedTokens"]}
            quantities = {name: micro(count) for name, count in tokens.items()}
            rated = model.rate("c", "m", {}, quantities)
            assert rated is not None
            exact = residue + rated.total_atto
            charged += exact // ATTO_PER_MICRO
            residue = exact % ATTO_PER_MICRO
            events += 1
    assert (events, charged, residue) == (8_819, 47_608_895, 0)


def test_products_are_unbounded() -> None:
    """20 million units at one credit: a 64-bit product would wrap."""
    assert cost(line(rate="1"), "20000000") == "20000000"
    assert cost(line(rate="9223372"), "9223372036854") == str(9_223_372 * 9_223_372_036_854)


def test_a_minimum_comes_last_and_not_for_nothing() -> None:
    least = line(rate="0.1", minimum="0.5")
    assert [cost(least, units) for units in ("0", "1", "5", "6")] == ["0", "0.5", "0.5", "0.6"]
    down = line(rate="2", package=("10", "down"), minimum="1")
    assert [cost(down, units) for units in ("0", "9", "10")] == ["0", "1", "2"]


def test_a_charge_is_the_sum_of_lines_of_every_kind() -> None:
    rates = card(
        meter(
            line("pages", "4", package=("10", "up")),
            line("steps", "0.1", minimum="0.5"),
            line("tokens", "0.001"),
        )
    )
    rated = rate(rates, pages="11", steps="2", tokens="1234")
    assert [each.amount for each in rated.lines] == [8_000_000, 500_000, 1_234_000]
    assert credits_of(rated) == "9.734"


def test_a_quantity_of_nothing_needs_a_line() -> None:
    compiled = CompiledCard(card(meter(line("input", "1"))))
    nothing = compiled.rate("c", "m", {}, {"input": 0})
    assert nothing is not None
    assert (nothing.total_atto, len(nothing.lines)) == (0, 1)
    assert compiled.rate("c", "m", {}, {"input": 1, "other": 0}) is None


def test_no_meter_and_no_line_is_no_rate() -> None:
    compiled = CompiledCard(card(meter(line("input", "1", match={"model": "a"}))))
    assert compiled.rate("c", "other", {}, {"input": 1}) is None
    assert compiled.rate("c", "m", {}, {"input": 1}) is None
    assert compiled.rate("c", "m", {"model": "b"}, {"input": 1}) is None
    assert compiled.rate("c", "m", {"model": "a"}, {"": 1}) is None
    assert compiled.rate("c", "m", {"model": "a", "region": "eu"}, {"input": 1}) is not None
    assert compiled.line("c", "other", {}, "input") is None


def test_most_conditions_win_then_the_first() -> None:
    compiled = CompiledCard(
        card(
            meter(
                line(line_id="any"),
                line(line_id="eu", match={"region": "eu"}),
                line(line_id="large", match={"model": "large"}),
                line(line_id="large again", match={"model": "large"}),
                line(line_id="both", match={"model": "large", "region": "us"}),
            )
        )
    )

    def chosen(**properties: str) -> str:
        found = compiled.line("c", "m", properties, "units")
        assert found is not None
        return found.line_id

    assert chosen() == "any"
    assert chosen(model="small") == "any"
    assert chosen(model="large") == "large"
    assert chosen(model="large", region="eu") == "eu"
    assert chosen(model="large", region="us") == "both"


def test_a_customer_s_own_lines_go_first() -> None:
    rates = card(
        meter(line("a", "5", match={"model": "x"}), line("b", "7")),
        meter(line("a", "9"), name="n"),
        overrides=(override("vip", line("a", "1", line_id="vip")),),
    )
    compiled = CompiledCard(rates)
    both = {"a": micro("1"), "b": micro("1")}

    def lines(customer: str, meter: str, quantities: dict[str, int]) -> list[str]:
        rated = compiled.rate(customer, meter, {"model": "x"}, quantities)
        assert rated is not None
        return [each.line_id for each in rated.lines]

    assert lines("c", "m", both) == ["a/x", "b"]
    assert lines("vip", "m", both) == ["vip", "b"]
    assert lines("vip", "n", {"a": 1}) == ["a"]
    assert compiled.rate("vip", "m", {}, {"other": 1}) is None


def test_a_stated_total_is_checked_and_not_rated() -> None:
    compiled = CompiledCard(card(meter(line("input", "1"), line("output", "2"), total="total")))
    stated = {"input": 3, "output": 4, "total": 7}
    assert compiled.check("m", stated)
    assert compiled.check("m", {"input": 3})
    assert not compiled.check("m", {"input": 3, "output": 4, "total": 8})
    assert compiled.check("other", stated)
    assert CompiledCard(card(meter(line("input", "1")))).check("m", stated)
    rated = compiled.rate("c", "m", {}, stated)
    assert rated is not None
    assert [each.quantity for each in rated.lines] == ["input", "output"]


def test_a_flood_of_property_values_changes_no_rate() -> None:
    compiled = CompiledCard(
        card(
            meter(line(line_id="any", rate="1"), line(line_id="a", rate="2", match={"model": "a"}))
        )
    )
    for number in range(10_000):
        rated = compiled.rate("c", "m", {"model": f"m{number}"}, {"units": 1})
        assert rated is not None
        assert rated.lines[0].line_id == "any"
    known = compiled.rate("c", "m", {"model": "a"}, {"units": 1})
    assert known is not None
    assert known.lines[0].line_id == "a"


def versions(*effective: int) -> list[RateCard]:
    return [
        card(meter(line()), version=str(place), effective_from=at)
        for place, at in enumerate(effective)
    ]


@pytest.mark.parametrize(
    ("effective", "at", "version"),
    [
        ((10,), 9, None),
        ((10,), 10, "0"),
        ((10, 20), 19, "0"),
        ((10, 20), 20, "1"),
        ((20, 10), 20, "0"),
        ((20, 10), 19, "1"),
        ((10, 10), 10, "1"),
        ((10, 20, 10), 15, "2"),
    ],
)
def test_the_card_in_force_is_the_latest_begun(
    effective: tuple[int, ...], at: int, version: str | None
) -> None:
    book = RateBook()
    for each in versions(*effective):
        book.apply(each)
    found = book.in_force("credit", at)
    assert (None if found is None else found.card.version) == version


def test_units_have_timelines_of_their_own() -> None:
    book = RateBook()
    book.apply(card(meter(line()), unit="credit"))
    book.apply(card(meter(line()), unit="minute", version="2"))
    credit = book.in_force("credit", 5)
    assert credit is not None
    assert credit.label == "card@1"
    assert book.in_force("token", 5) is None


def test_a_card_is_found_by_its_label() -> None:
    book = RateBook()
    first, second = versions(10, 20)
    book.apply(first)
    book.apply(second)
    found = book.labelled("card@0")
    assert found is not None
    assert found.card == first
    assert book.labelled("card@9") is None
    assert book.cards() == [first, second]
