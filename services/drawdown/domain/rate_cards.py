"""Rate cards: the versioned, dated documents that turn quantities into credits.

These are the values as they stand in commands and in the ledger (`schemas/rate-card.v1.avsc`):
numbers are integers, defaults are filled in, `per` is divided out. `adapters.documents` reads and
writes the YAML and JSON that people edit.
"""

from dataclasses import dataclass
from typing import Literal

Rounding = Literal["up", "down", "half_up"]
TierMode = Literal["none", "graduated", "volume"]
Over = Literal["event", "month"]


@dataclass(frozen=True, kw_only=True)
class Package:
    """Whole blocks of `size_micro`; the line's rate is then for one block."""

    size_micro: int
    rounding: Rounding


@dataclass(frozen=True, kw_only=True)
class Tier:
    """Up to and including `up_to_micro` (None: without end): `rate_pico` a unit, and `flat`."""

    up_to_micro: int | None
    rate_pico: int
    flat: int


@dataclass(frozen=True, kw_only=True)
class Line:
    """What a quantity costs where all of `match` stand in the usage's properties."""

    line_id: str
    quantity: str
    match: dict[str, str]
    rate_pico: int
    per: int
    package: Package | None
    tier_mode: TierMode
    tiers: list[Tier]
    minimum: int
    over: Over


@dataclass(frozen=True, kw_only=True)
class Meter:
    """A billable action: its lines, and the quantities that are parts of another one.

    `exclusive` maps a quantity to the one that it is counted apart from: `cached_input: input`
    says that `input` doesn't contain the cached tokens. Where usage also states the quantity named
    by `total` (empty: none), it is not rated but must be the sum of the others.
    """

    name: str
    description: str
    exclusive: dict[str, str]
    total: str
    lines: list[Line]


@dataclass(frozen=True, kw_only=True)
class Override:
    """Lines of a meter that go before the card's own for one customer."""

    customer_id: str
    meter: str
    lines: list[Line]


@dataclass(frozen=True, kw_only=True)
class RateCard:
    """A rate card; `effective_from` in UTC microseconds."""

    card_id: str
    version: str
    unit: str
    description: str
    effective_from: int
    meters: list[Meter]
    overrides: list[Override]

    @property
    def label(self) -> str:
        """`card@version`, as it stands on what it rated."""
        return f"{self.card_id}@{self.version}"
