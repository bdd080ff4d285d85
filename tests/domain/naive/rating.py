"""Prices of quantities, in micro-credits as fractions."""

from fractions import Fraction
from math import ceil, floor

from drawdown.domain.rate_cards import Line, RateCard
from tests.domain.naive.booked import Used
from tests.domain.naive.policies import moment_of

Months = dict[tuple[str, str], int]
"""By line and month: quantity in micro-units."""


def rate(used: Used, card: RateCard | None, before: Months) -> tuple[Fraction, Months] | None:
    """What usage costs, and the month totals it raises; None where a quantity has no rate."""
    exact, after = Fraction(0), dict(before)
    for quantity, micro in used.quantities.items():
        line = None if card is None else _line(card, used, quantity)
        if line is None:
            return None
        if line.over == "month":
            key = line.line_id, moment_of(used.occurred_at).strftime("%Y-%m")
            total = after.get(key, 0)
            exact += price(line, total + micro) - price(line, total)
            after[key] = total + micro
        else:
            exact += price(line, micro)
    return exact, after


def _line(card: RateCard, used: Used, quantity: str) -> Line | None:
    fitting = [
        line
        for meter in card.meters
        if meter.name == used.meter
        for line in meter.lines
        if line.quantity == quantity and line.match.items() <= used.properties.items()
    ]
    # `max` gives the first of the narrowest.
    return max(fitting, key=lambda line: len(line.match), default=None)


def price(line: Line, micro: int) -> Fraction:
    """What a quantity costs at a line."""
    if micro == 0:
        return Fraction(0)
    return max(_tiered(line, micro), Fraction(line.minimum))


def _tiered(line: Line, micro: int) -> Fraction:
    if line.tier_mode == "none":
        return _amount(_blocks(line, micro), line.rate_pico)
    total, start = Fraction(0), 0
    for tier in line.tiers:
        end = micro if tier.up_to_micro is None else min(micro, tier.up_to_micro)
        if line.tier_mode == "volume":
            if end == micro:
                return _amount(Fraction(micro, 10**6), tier.rate_pico) + tier.flat
        elif micro > start:
            total += _amount(Fraction(end - start, 10**6), tier.rate_pico) + tier.flat
            start = end
    return total


def _blocks(line: Line, micro: int) -> Fraction:
    if line.package is None:
        return Fraction(micro, 10**6)
    blocks = Fraction(micro, line.package.size_micro)
    match line.package.rounding:
        case "up":
            return Fraction(ceil(blocks))
        case "down":
            return Fraction(floor(blocks))
        case "half_up":
            return Fraction(floor(blocks + Fraction(1, 2)))


def _amount(units: Fraction, rate_pico: int) -> Fraction:
    """Micro-credits: a pico-credit is a millionth of one."""
    return units * rate_pico / 10**6
