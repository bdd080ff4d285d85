"""Burn orders: in which order lots are drawn down. Total, so that it never depends on chance.

Each preset other than `default` is the order that its vendor publishes; what a vendor leaves open,
the order of acceptance decides.
"""

from fractions import Fraction
from typing import Final

from drawdown.domain.numbers import SECOND_US

BURN_ORDERS: Final = ("default", "stripe", "orb", "metronome", "lago", "openmeter")
BURN_ORDER_VERSIONS: Final = {
    "default": 1,
    "stripe": 2,
    "orb": 3,
    "metronome": 4,
    "lago": 5,
    "openmeter": 6,
}
"""Stamped on each entry. A rule that changes takes a number never used before: the stamp alone
then tells which rules an entry was drawn by."""

BurnKey = tuple[int, int, int, str, Fraction, int, int, int]
"""Comparable between the lots of one account under one order; what sorts first is drawn first."""

_NOTHING: Final = Fraction(0)
_ROLLED_OVER_FIRST: Final = 1_000
"""More than any priority, so that what was rolled over stands before all that wasn't."""
_EVERY_METER: Final = 1 << 32
"""More meters than a scope can name."""


def burn_order_version(order: str) -> int:
    """The version of a burn order as it stands here; unique over orders and their versions."""
    assert order in BURN_ORDER_VERSIONS, f"no burn order {order!r}"
    return BURN_ORDER_VERSIONS[order]


def burn_key(
    order: str = "default",
    *,
    priority: int,
    expires_at: int,
    price_minor: int,
    currency: str,
    granted: int,
    kind: str = "",
    conditions: int,
    effective_at: int,
    lot_seq: int,
    meters: int = 0,
    rolled_over: bool = False,
) -> BurnKey:
    """The sort key of a lot under an order: what sorts first is drawn first.

    `expires_at` and `effective_at` in µs (`NEVER`: never), `price_minor` in minor units of
    `currency` for `granted` micro-credits; `conditions` counts the properties of the lot's scope,
    and one more if it names meters; `meters` counts these.
    """
    if order == "default":
        return _default(
            priority, expires_at, price_minor, currency, granted, conditions, effective_at, lot_seq
        )
    if order == "openmeter":
        return _openmeter(priority, expires_at, lot_seq)
    paid = 1 if price_minor > 0 or kind == "purchased" else 0
    if order == "stripe":
        return _stripe(priority, expires_at, paid, effective_at, lot_seq)
    if order == "lago":
        return _lago(priority, paid, lot_seq)
    if order == "orb":
        return _orb(conditions, expires_at, price_minor, currency, granted, lot_seq)
    assert order == "metronome", f"no burn order {order!r}"
    rank = priority - _ROLLED_OVER_FIRST if rolled_over else priority
    # A rollover is ordered without regard to cost.
    basis = 1 if price_minor > 0 and not rolled_over else 0
    return _metronome(rank, basis, conditions, meters, expires_at, effective_at, lot_seq)


def _default(
    priority: int,
    expires_at: int,
    price_minor: int,
    currency: str,
    granted: int,
    conditions: int,
    effective_at: int,
    lot_seq: int,
) -> BurnKey:
    """Priority ascending; soonest to expire, never last; what cost nothing, then by currency and
    exact cost per credit; the narrower scope (more conditions); the earlier start; the earlier
    lot. `domain.md`, «Burn order».
    """
    if price_minor == 0:
        return (priority, expires_at, 0, "", _NOTHING, -conditions, effective_at, lot_seq)
    cost = Fraction(price_minor, granted)
    return (priority, expires_at, 1, currency, cost, -conditions, effective_at, lot_seq)


def _stripe(priority: int, expires_at: int, paid: int, effective_at: int, lot_seq: int) -> BurnKey:
    """Priority; soonest to expire; promotional before paid, whatever was paid; the earlier start;
    the earlier grant. Stripe's docs, «Billing credits»; Stigg's, «Credit consumption logic», spell
    the same out with an example.

    Stripe knows two categories: what was purchased or has a price is paid, all else promotional.
    """
    return (priority, expires_at, paid, "", _NOTHING, 0, effective_at, lot_seq)


def _orb(
    conditions: int, expires_at: int, price_minor: int, currency: str, granted: int, lot_seq: int
) -> BurnKey:
    """Blocks with an item filter; soonest to expire; the lower cost basis per credit; the earlier
    block. Orb's docs, «Credit systems» and «Scoped credits».

    Blocks have no priority. An older support article of Orb's has age before cost, and the dearer
    block first; the product documentation contradicts it and is followed.
    """
    unfiltered = 0 if conditions else 1
    if price_minor == 0:
        return (unfiltered, expires_at, 0, "", _NOTHING, 0, 0, lot_seq)
    return (unfiltered, expires_at, 1, currency, Fraction(price_minor, granted), 0, 0, lot_seq)


def _metronome(
    rank: int,
    basis: int,
    conditions: int,
    meters: int,
    expires_at: int,
    effective_at: int,
    lot_seq: int,
) -> BurnKey:
    """Rollovers; then priority; no cost basis before any; the fewest products; the fewest group
    values; soonest to end; the earlier start; the earlier lot. Metronome's docs, «Understand
    prioritization rules».

    Products are meters. A scope has at most one set of group values, its properties; what has none
    stands before, as in Metronome's example, and what applies to everything stands last.
    """
    if meters:
        scope = 2 * meters + (1 if conditions > 1 else 0)
    else:
        scope = 2 * _EVERY_METER + (0 if conditions else 1)
    return (rank, basis, scope, "", _NOTHING, expires_at, effective_at, lot_seq)


def _lago(priority: int, paid: int, lot_seq: int) -> BurnKey:
    """Priority; granted credits before purchased ones; the earlier. Neither expiry nor what a
    wallet is restricted to matters. Lago's docs, «Prepaid credits»; the order within a priority is
    that of its engine's `in_application_order` and `in_consumption_order`.
    """
    return (priority, paid, 0, "", _NOTHING, 0, 0, lot_seq)


def _openmeter(priority: int, expires_at: int, lot_seq: int) -> BurnKey:
    """Priority; soonest to expire, in whole seconds, never last; the earlier grant. OpenMeter's
    «Credit» README and its engine's `PrioritizeGrants`.
    """
    return (priority, expires_at // SECOND_US, 0, "", _NOTHING, 0, 0, lot_seq)
