"""Exact numbers: micro-credits, micro-units, pico-rates, minor units. No float anywhere.

Scales, as powers of ten of one credit or one unit:

- an amount of credits is an `int` of micro-credits (10⁻⁶ credit), within ±2⁶²
- a quantity is an `int` of micro-units (10⁻⁶ unit)
- a rate is an `int` of pico-credits (10⁻¹² credit) per unit
- quantity × rate is an `int` of atto-credits (10⁻¹⁸ credit), unbounded
"""

from typing import Final

MICRO: Final = 1_000_000
PICO: Final = 1_000_000_000_000
ATTO_PER_MICRO: Final = 1_000_000_000_000
"""Atto-credits (10⁻¹⁸) in one micro-credit (10⁻⁶)."""

AMOUNT_MAX: Final = 2**62
"""Amounts beyond ± this are refused as `out_of_range`; a sum of two still fits 64 bits."""

SECOND_US: Final = 1_000_000
MINUTE_US: Final = 60 * SECOND_US
DAY_US: Final = 86_400 * SECOND_US
NEVER: Final = 2**62 - 1
"""The instant, in microseconds, after every other one; compiled, still one machine word."""


def parse_decimal(text: str, places: int) -> int:
    """`text` as an integer of 10⁻ᵖˡᵃᶜᵉˢ. Raises `ValueError` if it isn't a plain decimal.

    >>> parse_decimal("1.25", 6)
    1250000
    """
    sign = -1 if text.startswith("-") else 1
    digits = text[1:] if text[:1] in ("-", "+") else text
    whole, _, fraction = digits.partition(".")
    if not (whole + fraction).isascii() or not (whole + fraction).isdigit():
        raise ValueError(f"{text!r} is not a decimal number")
    if len(fraction.rstrip("0")) > places:
        raise ValueError(f"{text!r} has more than {places} decimal places")
    padded = fraction.rstrip("0").ljust(places, "0")
    return sign * int((whole or "0") + padded)


def format_decimal(value: int, places: int) -> str:
    """The shortest decimal text of `value` × 10⁻ᵖˡᵃᶜᵉˢ.

    >>> format_decimal(1250000, 6)
    '1.25'
    """
    sign = "-" if value < 0 else ""
    whole, fraction = divmod(abs(value), 10**places)
    text = str(fraction).rjust(places, "0").rstrip("0") if places else ""
    return f"{sign}{whole}.{text}" if text else f"{sign}{whole}"


def parse_credits(text: str) -> int:
    """Credits as text, with up to 6 places, in micro-credits."""
    return parse_decimal(text, 6)


def format_credits(micro: int) -> str:
    """Micro-credits as credits in text."""
    return format_decimal(micro, 6)


def round_half_even(numerator: int, denominator: int) -> int:
    """`numerator / denominator` rounded to the nearest integer, ties to even."""
    # Compiled, this is quicker than `divmod`.
    quotient = numerator // denominator
    twice = numerator % denominator * 2
    if twice > denominator or (twice == denominator and quotient % 2 == 1):
        return quotient + 1
    return quotient


def in_range(amount: int) -> bool:
    """Whether an amount may stand in the ledger."""
    return -AMOUNT_MAX <= amount <= AMOUNT_MAX
