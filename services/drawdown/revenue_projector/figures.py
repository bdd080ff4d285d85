"""Figures: what became of a lot, on one day or since it was granted."""

from typing import Final

from drawdown.domain.numbers import PICO, round_half_even

LotKey = tuple[str, str, str]
"""Customer, unit, lot id."""
DayKey = tuple[str, str, str, str]
"""Customer, unit, lot id, day (ISO 8601)."""

MONEY: Final = (
    "billed_minor",
    "recognized_minor",
    "breakage_minor",
    "refunded_minor",
    "chargeback_minor",
    "adjusted_minor",
    "transferred_minor",
    "advance_minor",
    "receivable_minor",
    "returned_minor",
    "contra_minor",
    "disputed_minor",
)
CREDITS: Final = ("granted", "spent", "expired", "voided", "clawed_back")
NAMES: Final = (*MONEY, *CREDITS)


class Figures:
    """Money in minor units, credits in micro-credits; what each is, the columns of `days` say."""

    def __init__(self, kind: str, currency: str) -> None:
        self.kind: Final = kind
        self.currency: Final = currency
        self.partition_seq = 0
        """Of the last entry that changed them."""
        self.plain = True
        """Whether credits were spent and nothing else happened."""
        self.billed_minor = 0
        self.recognized_minor = 0
        self.breakage_minor = 0
        self.refunded_minor = 0
        self.chargeback_minor = 0
        self.adjusted_minor = 0
        self.transferred_minor = 0
        self.advance_minor = 0
        self.receivable_minor = 0
        self.returned_minor = 0
        self.contra_minor = 0
        self.disputed_minor = 0
        self.granted = 0
        self.spent = 0
        self.expired = 0
        self.voided = 0
        self.clawed_back = 0

    def values(self) -> tuple[int, ...]:
        """All of them, in the order of `NAMES`."""
        return tuple(getattr(self, name) for name in NAMES)

    def add(self, name: str, amount: int) -> None:
        """Add to one of them."""
        setattr(self, name, getattr(self, name) + amount)


def summed(kind: str, currency: str, values: tuple[int, ...]) -> Figures:
    """Figures from their values in the order of `NAMES`."""
    figures = Figures(kind, currency)
    for name, value in zip(NAMES, values, strict=True):
        figures.add(name, value)
    return figures


def advance_due(lot: Figures, rate_pico: int) -> int:
    """The breakage of a lot that is to be recognized before it happens, in minor units.

    `rate_pico` is the share (10⁻¹²) of its credits that is expected to expire unused; 0: nothing
    is recognized in advance (the remote method). What has left the lot otherwise than by use or
    expiry (refunds, voids, chargebacks, adjustments, rollovers) is in neither price nor credits:

        price   = billed + transferred − refunded − chargeback − adjusted
        credits = granted − voided − clawed back
        earned  = round_half_even(price × min(1, spent / (credits × (1 − rate))))
        advance = max(0, earned − recognized − breakage that has happened)

    `earned` is one cumulative figure, so it telescopes to the price; a changed rate is trued up at
    once by the same formula (ASC 606-10-55-48 and 606-10-25-35, IFRS 15.B46: breakage in
    proportion to the pattern of rights exercised, changes of estimate by cumulative catch-up).
    """
    if rate_pico == 0 or lot.spent <= 0:
        return 0
    price = lot.billed_minor + lot.transferred_minor - lot.refunded_minor
    price -= lot.chargeback_minor + lot.adjusted_minor
    expected_pico = (lot.granted - lot.voided - lot.clawed_back) * (PICO - rate_pico)
    used_pico = lot.spent * PICO
    earned = price
    if used_pico < expected_pico:
        earned = round_half_even(price * used_pico, expected_pico)
    happened = lot.breakage_minor - lot.advance_minor
    return max(0, earned - lot.recognized_minor - happened)
