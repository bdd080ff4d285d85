"""Exact numbers: parsing, writing, rounding, ranges."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drawdown.domain.numbers import (
    AMOUNT_MAX,
    format_credits,
    format_decimal,
    in_range,
    parse_credits,
    parse_decimal,
    round_half_even,
)


@pytest.mark.parametrize(
    ("text", "places", "value"),
    [
        ("0", 6, 0),
        ("-0", 6, 0),
        ("1", 0, 1),
        ("1.25", 6, 1_250_000),
        ("-1.25", 6, -1_250_000),
        ("+1.25", 6, 1_250_000),
        (".5", 6, 500_000),
        ("5.", 6, 5_000_000),
        ("0.000001", 6, 1),
        ("-0.000001", 6, -1),
        ("1.0000000000", 6, 1_000_000),
        ("007", 2, 700),
        ("0.000000000001", 12, 1),
        ("4611686018427.387904", 6, 2**62),
    ],
)
def test_a_decimal_is_read_exactly(text: str, places: int, value: int) -> None:
    assert parse_decimal(text, places) == value


@pytest.mark.parametrize(
    "text", ["", "-", "+", ".", "--1", "1e3", "1,5", "1.2.3", " 1", "1_0", "１", "²", "NaN", "0x1"]
)
def test_what_is_no_plain_decimal_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a decimal number"):
        parse_decimal(text, 6)


def test_more_places_than_the_scale_has_are_refused() -> None:
    with pytest.raises(ValueError, match=r"'0\.0000001' has more than 6 decimal places"):
        parse_decimal("0.0000001", 6)


@pytest.mark.parametrize(
    ("value", "places", "text"),
    [
        (0, 6, "0"),
        (1_250_000, 6, "1.25"),
        (-1, 6, "-0.000001"),
        (-1_000_000, 6, "-1"),
        (100, 2, "1"),
        (120, 0, "120"),
        (5, 2, "0.05"),
    ],
)
def test_a_number_is_written_as_short_as_can_be(value: int, places: int, text: str) -> None:
    assert format_decimal(value, places) == text


@given(st.integers(), st.integers(min_value=0, max_value=18))
def test_what_is_written_is_read_back(value: int, places: int) -> None:
    assert parse_decimal(format_decimal(value, places), places) == value


def test_credits_have_six_places() -> None:
    assert parse_credits("3.000001") == 3_000_001
    assert format_credits(3_000_001) == "3.000001"


@pytest.mark.parametrize(
    ("numerator", "denominator", "rounded"),
    [(1, 2, 0), (3, 2, 2), (5, 2, 2), (7, 2, 4), (-1, 2, 0), (-3, 2, -2), (2, 3, 1), (1, 3, 0)],
)
def test_a_tie_is_rounded_to_even(numerator: int, denominator: int, rounded: int) -> None:
    assert round_half_even(numerator, denominator) == rounded


@given(st.integers(), st.integers(min_value=1))
def test_rounding_is_that_of_fractions(numerator: int, denominator: int) -> None:
    assert round_half_even(numerator, denominator) == round(Fraction(numerator, denominator))


@pytest.mark.parametrize(
    ("amount", "fits"),
    [(0, True), (2**62, True), (2**62 + 1, False), (-(2**62), True), (-(2**62) - 1, False)],
)
def test_amounts_end_at_two_to_the_62(amount: int, fits: bool) -> None:
    assert AMOUNT_MAX == 4_611_686_018_427_387_904
    assert in_range(amount) is fits
