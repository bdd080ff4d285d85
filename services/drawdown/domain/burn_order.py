"""Burn order: in which order lots are drawn down. Total, so that it never depends on chance."""

from fractions import Fraction

BurnKey = tuple[int, int, int, str, Fraction, int, int, int]


def burn_key(
    *,
    priority: int,
    expires_at: int,
    price_minor: int,
    currency: str,
    granted: int,
    conditions: int,
    effective_at: int,
    lot_seq: int,
) -> BurnKey:
    """The sort key of a lot: what sorts first is drawn first.

    Priority ascending; soonest to expire, never last; what cost nothing, then by currency and
    exact cost per credit; the narrower scope (more conditions); the earlier start; the earlier
    lot. `domain.md`, «Burn order».
    """
    free = price_minor == 0
    return (
        priority,
        expires_at,
        0 if free else 1,
        "" if free else currency,
        Fraction(0) if free else Fraction(price_minor, granted),
        -conditions,
        effective_at,
        lot_seq,
    )
