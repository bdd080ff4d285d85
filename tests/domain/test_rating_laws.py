"""Laws of rating, for any quantities and any card."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from drawdown.domain.numbers import ATTO_PER_MICRO
from drawdown.domain.rate_cards import Line, Tier
from drawdown.domain.rating import CompiledCard, charge_atto
from tests.domain.cards import card, line, meter, override

QUANTITY = st.integers(0, 10**13)
RATE = st.integers(0, 2**63 - 1)


def priced(rate_pico: int) -> Line:
    return replace(line(), rate_pico=rate_pico)


@given(RATE, st.lists(QUANTITY, min_size=1, max_size=8), st.integers(0, ATTO_PER_MICRO - 1))
def test_linear_lines_don_t_care_how_usage_is_split(
    rate_pico: int, parts: list[int], residue: int
) -> None:
    compiled = CompiledCard(card(meter(priced(rate_pico))))
    charged, rest = 0, residue
    for part in parts:
        rated = compiled.rate("c", "m", {}, {"units": part})
        assert rated is not None
        assert rated.total_atto == sum(
            each.amount * ATTO_PER_MICRO + each.amount_atto for each in rated.lines
        )
        charged += (rest + rated.total_atto) // ATTO_PER_MICRO
        rest = (rest + rated.total_atto) % ATTO_PER_MICRO
    whole = residue + sum(parts) * rate_pico
    assert (charged, rest) == (whole // ATTO_PER_MICRO, whole % ATTO_PER_MICRO)


@st.composite
def graduated(draw: st.DrawFn, flats: st.SearchStrategy[int]) -> Line:
    ends = sorted(draw(st.sets(st.integers(1, 10**9), max_size=4)))
    tiers = [
        Tier(up_to_micro=up_to, rate_pico=draw(st.integers(0, 10**15)), flat=draw(flats))
        for up_to in [*ends, None]
    ]
    return replace(line(), tier_mode="graduated", tiers=tiers)


@given(graduated(st.integers(0, 10**9)), st.integers(0, 2 * 10**9), st.integers(0, 2 * 10**9))
def test_graduated_tiers_never_fall(tiered: Line, one: int, other: int) -> None:
    less, more = sorted((one, other))
    assert charge_atto(tiered, less) <= charge_atto(tiered, more)


@given(graduated(st.just(0)), st.integers(0, 2 * 10**9))
def test_graduated_tiers_without_flats_never_jump(tiered: Line, quantity: int) -> None:
    """One micro-unit more costs at most the dearest rate for one micro-unit."""
    step = charge_atto(tiered, quantity + 1) - charge_atto(tiered, quantity)
    assert step in {tier.rate_pico for tier in tiered.tiers}


CONDITIONS = st.dictionaries(st.sampled_from("klm"), st.sampled_from("xyz"), max_size=3)
LINES = st.lists(st.tuples(st.sampled_from("ab"), CONDITIONS), max_size=12)


def numbered(given_lines: list[tuple[str, dict[str, str]]], prefix: str) -> list[Line]:
    return [
        line(quantity, line_id=f"{prefix}{place}", match=match)
        for place, (quantity, match) in enumerate(given_lines)
    ]


def scanned(lines: list[Line], quantity: str, properties: dict[str, str]) -> Line | None:
    """The rule as it is written: most conditions, then the first."""
    met = [
        each
        for each in lines
        if each.quantity == quantity and each.match.items() <= properties.items()
    ]
    return max(met, key=lambda each: len(each.match), default=None)


@given(LINES, LINES, st.lists(st.tuples(CONDITIONS, st.sampled_from("abc")), max_size=6))
def test_the_index_finds_what_a_scan_finds(
    own: list[tuple[str, dict[str, str]]],
    everybody_s: list[tuple[str, dict[str, str]]],
    usages: list[tuple[dict[str, str], str]],
) -> None:
    base, special = numbered(everybody_s, "base"), numbered(own, "own")
    compiled = CompiledCard(card(meter(*base), overrides=(override("vip", *special),)))
    for properties, quantity in usages:
        for customer, expected in (
            ("c", scanned(base, quantity, properties)),
            (
                "vip",
                scanned(special, quantity, properties) or scanned(base, quantity, properties),
            ),
        ):
            assert compiled.line(customer, "m", properties, quantity) == expected
            rated = compiled.rate(customer, "m", properties, {quantity: 1})
            found = None if rated is None else rated.lines[0].line_id
            assert found == (None if expected is None else expected.line_id)
