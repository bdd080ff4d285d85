"""The arithmetic of a charge, written out for a person who wants to check it."""

from drawdown.domain.numbers import format_credits, format_decimal
from drawdown.domain.rate_cards import Line, Tier
from drawdown.domain.rating import charge_atto


def explain(line: Line, quantity_micro: int) -> str:
    """How a quantity at a line comes to its charge, such as `1374 × 0.0003 = 0.4122`."""
    charge = charge_atto(line, quantity_micro)
    if quantity_micro == 0:
        return "0 costs nothing"
    if line.package is not None:
        reckoning = _package(line, quantity_micro)
    elif line.tier_mode == "none":
        reckoning = f"{format_credits(quantity_micro)} × {_rate(line.rate_pico)}"
    else:
        reckoning = _tiers(line, quantity_micro)
    if line.minimum:
        reckoning += f", at least {format_credits(line.minimum)}"
    return f"{reckoning} = {format_atto(charge)}"


def format_atto(atto: int) -> str:
    """Atto-credits as credits in text."""
    return format_decimal(atto, 18)


def _rate(rate_pico: int) -> str:
    return format_decimal(rate_pico, 12)


def _package(line: Line, quantity_micro: int) -> str:
    assert line.package is not None
    size = format_credits(line.package.size_micro)
    rounding = line.package.rounding.replace("_", " ")
    return (
        f"{format_credits(quantity_micro)} in whole packages of {size} (rounded {rounding}) × "
        + (_rate(line.rate_pico))
    )


def _tiers(line: Line, quantity_micro: int) -> str:
    parts: list[str] = []
    below = 0
    for tier in line.tiers:
        reached = tier.up_to_micro is None or quantity_micro <= tier.up_to_micro
        top = quantity_micro if reached or tier.up_to_micro is None else tier.up_to_micro
        if line.tier_mode == "graduated":
            parts.append(_step(tier, top - below))
        elif reached:
            parts.append(_step(tier, quantity_micro))
        below = top
        if reached:
            break
    return f"{line.tier_mode}: {' + '.join(parts)}"


def _step(tier: Tier, quantity_micro: int) -> str:
    units = f"{format_credits(quantity_micro)} × {_rate(tier.rate_pico)}"
    return f"{units} + {format_credits(tier.flat)}" if tier.flat else units
