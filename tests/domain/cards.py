"""Rate cards made short for tests: numbers as decimal text."""

from drawdown.domain.numbers import parse_decimal
from drawdown.domain.rate_cards import (
    Line,
    Meter,
    Override,
    Package,
    RateCard,
    Rounding,
    Tier,
    TierMode,
)


def line(
    quantity: str = "units",
    rate: str = "0",
    *,
    line_id: str = "",
    match: dict[str, str] | None = None,
    package: tuple[str, Rounding] | None = None,
    mode: TierMode = "none",
    tiers: tuple[tuple[str | None, str, str], ...] = (),
    minimum: str = "0",
) -> Line:
    """A line; `tiers` as (up_to, rate, flat), its id from quantity and match."""
    return Line(
        line_id=line_id or "/".join((quantity, *(match or {}).values())),
        quantity=quantity,
        match=match or {},
        rate_pico=parse_decimal(rate, 12),
        per=1,
        package=None
        if package is None
        else Package(size_micro=micro(package[0]), rounding=package[1]),
        tier_mode=mode,
        tiers=[
            Tier(
                up_to_micro=None if up_to is None else micro(up_to),
                rate_pico=parse_decimal(tier_rate, 12),
                flat=micro(flat),
            )
            for up_to, tier_rate, flat in tiers
        ],
        minimum=micro(minimum),
        over="event",
    )


def meter(*lines: Line, name: str = "m", total: str = "", **exclusive: str) -> Meter:
    """A meter of lines."""
    return Meter(name=name, description="", exclusive=exclusive, total=total, lines=list(lines))


def card(
    *meters: Meter,
    overrides: tuple[Override, ...] = (),
    version: str = "1",
    effective_from: int = 0,
    unit: str = "credit",
) -> RateCard:
    """A card of meters."""
    return RateCard(
        card_id="card",
        version=version,
        unit=unit,
        description="",
        effective_from=effective_from,
        meters=list(meters),
        overrides=list(overrides),
    )


def override(customer_id: str, *lines: Line, of: str = "m") -> Override:
    """A customer's own lines."""
    return Override(customer_id=customer_id, meter=of, lines=list(lines))


def micro(text: str) -> int:
    """A decimal with up to 6 places."""
    return parse_decimal(text, 6)
