"""Breakage rates: which share of an account's credits is expected to expire unused."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from drawdown.domain.entries import PARTITION_CUSTOMER, PARTITION_UNIT

AccountKey = tuple[str, str]
"""Customer, unit."""
DEFAULT: Final[AccountKey] = (PARTITION_CUSTOMER, PARTITION_UNIT)
"""Whose policy is the default of the partition."""
PROPORTIONAL: Final = "proportional"


class BreakagePolicy(NamedTuple):
    """What an account's policy says; None: as the partition's default, or else remote and 0."""

    method: str | None
    rate_pico: int | None


NO_POLICY: Final = BreakagePolicy(None, None)


class BreakageRates:
    """The rates in force, by account."""

    def __init__(self, policies: Mapping[AccountKey, BreakagePolicy]) -> None:
        """`policies` has the partition's default, and those of the accounts concerned."""
        self._policies: Final = policies
        self._default: Final = policies.get(DEFAULT, NO_POLICY)
        self.any: Final = any(each.method == PROPORTIONAL for each in policies.values())
        """Whether breakage is estimated for anybody."""

    def of(self, customer_id: str, unit: str) -> int:
        """The share (10⁻¹²) that is expected to expire; 0 under the remote method."""
        return rate_of(self._policies.get((customer_id, unit), NO_POLICY), self._default)


def rate_of(own: BreakagePolicy, default: BreakagePolicy) -> int:
    """The share (10⁻¹²) that is expected to expire, by an account's policy and the default."""
    method = default.method if own.method is None else own.method
    if method != PROPORTIONAL:
        return 0
    rate_pico = default.rate_pico if own.rate_pico is None else own.rate_pico
    return 0 if rate_pico is None else rate_pico
