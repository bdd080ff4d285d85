"""The arithmetic of a charge, step by step, so that it can be redone with pencil and paper.

Every figure is exact: decimals are written out, nothing is rounded but where a step says so.
"""

from drawdown.domain.numbers import ATTO_PER_MICRO, format_credits, format_decimal
from drawdown.domain.rate_cards import Line, Tier
from drawdown.domain.rating import charge_atto


def steps_of(line: Line, quantity_micro: int) -> list[str]:
    """How a quantity comes to its price at a line, a sentence a step; the last ends in it."""
    if quantity_micro == 0:
        return ["0 costs nothing = 0"]
    if line.package is not None:
        steps, before_minimum = _package(line, quantity_micro)
    elif line.tier_mode == "graduated":
        steps, before_minimum = _graduated(line, quantity_micro)
    elif line.tier_mode == "volume":
        steps, before_minimum = _volume(line, quantity_micro)
    else:
        before_minimum = quantity_micro * line.rate_pico
        reckoning = f"{format_credits(quantity_micro)} × {_rate(line, line.rate_pico)}"
        steps = [f"{reckoning} = {atto(before_minimum)}"]
    exact = charge_atto(line, quantity_micro)
    if line.minimum:
        least = format_credits(line.minimum)
        steps.append(f"at least {least}: max({atto(before_minimum)}, {least}) = {atto(exact)}")
    assert exact == max(before_minimum, line.minimum * ATTO_PER_MICRO)
    return steps


def month_steps_of(line: Line, month: str, before_micro: int, after_micro: int) -> list[str]:
    """How a line that is priced over the month charges what comes on top of a total."""
    prices = [charge_atto(line, total) for total in (before_micro, after_micro)]
    steps = [
        f"over {month}: {format_credits(before_micro)} before, {format_credits(after_micro)} after"
    ]
    steps += [f"price after: {each}" for each in steps_of(line, after_micro)]
    steps += [f"price before: {each}" for each in steps_of(line, before_micro)]
    return [*steps, f"{atto(prices[1])} − {atto(prices[0])} = {atto(prices[1] - prices[0])}"]


def atto(amount: int) -> str:
    """Atto-credits as credits in text."""
    return format_decimal(amount, 18)


def _rate(line: Line, rate_pico: int) -> str:
    """A rate as the card states it: `0.25 ÷ 1000`."""
    stated = format_decimal(rate_pico * line.per, 12)
    return stated if line.per == 1 else f"{stated} ÷ {line.per}"


def _package(line: Line, quantity_micro: int) -> tuple[list[str], int]:
    package = line.package
    assert package is not None
    size, rounding = package.size_micro, package.rounding.replace("_", " ")
    whole, rest = divmod(quantity_micro, size)
    if rest and (package.rounding == "up" or (package.rounding == "half_up" and 2 * rest >= size)):
        whole += 1
    exact = whole * line.rate_pico * 10**6
    return [
        f"{format_credits(quantity_micro)} ÷ {format_credits(size)}, rounded {rounding} = {whole}",
        f"{whole} × {_rate(line, line.rate_pico)} = {atto(exact)}",
    ], exact


def _graduated(line: Line, quantity_micro: int) -> tuple[list[str], int]:
    steps: list[str] = []
    exact = below = 0
    for number, tier in enumerate(line.tiers, 1):
        if quantity_micro <= below:
            break
        top = quantity_micro if tier.up_to_micro is None else min(quantity_micro, tier.up_to_micro)
        price = (top - below) * tier.rate_pico + tier.flat * ATTO_PER_MICRO
        steps.append(f"{_name(number, tier)}: {_units(line, tier, top - below)} = {atto(price)}")
        exact += price
        below = top
    if len(steps) > 1:
        steps.append(f"all tiers = {atto(exact)}")
    return steps, exact


def _volume(line: Line, quantity_micro: int) -> tuple[list[str], int]:
    for number, tier in enumerate(line.tiers, 1):
        if tier.up_to_micro is None or quantity_micro <= tier.up_to_micro:
            exact = quantity_micro * tier.rate_pico + tier.flat * ATTO_PER_MICRO
            reckoning = _units(line, tier, quantity_micro)
            return [f"{_name(number, tier)} takes all: {reckoning} = {atto(exact)}"], exact
    raise AssertionError("the last tier has no end")


def _name(number: int, tier: Tier) -> str:
    reach = "no end" if tier.up_to_micro is None else f"up to {format_credits(tier.up_to_micro)}"
    return f"tier {number} ({reach})"


def _units(line: Line, tier: Tier, quantity_micro: int) -> str:
    units = f"{format_credits(quantity_micro)} × {_rate(line, tier.rate_pico)}"
    return f"{units} + {format_credits(tier.flat)} flat" if tier.flat else units
