"""The shelf: where books of which only a part is in memory find the rest.

What stands there is what entries said up to some point; it is never ahead of the ledger. Asking it
changes what a look-up costs, never what it finds.
"""

from collections.abc import Iterator
from typing import Protocol

from drawdown.domain.accounts import Account
from drawdown.domain.charges import Charged, Refundable
from drawdown.domain.customers import Customer
from drawdown.domain.holds import Hold
from drawdown.domain.memory import RejectedUsage, Remembered


class Shelf(Protocol):
    """Values that were saved; None for what wasn't."""

    def customer(self, customer_id: str) -> Customer | None:
        """A customer with accounts, lots and open holds, policies not resolved."""

    def customers(self) -> Iterator[Customer]:
        """Every customer, one after another."""

    def charge(self, key: str) -> Charged | None:
        """An event's charges, by `key_of` customer and event."""

    def refundable(self, charged: Charged) -> Refundable:
        """What a charge drew that isn't kept with it. Raises what reading its entry raises."""

    def uncharged(self, keys: list[str]) -> list[str]:
        """Those of these keys under which no charge stands; quicker than one after another."""

    def hold(self, customer_id: str, unit: str, hold_id: str) -> Hold | None:
        """A hold of an account."""

    def command(self, key: str) -> Remembered | None:
        """A command's first decision."""

    def refusal(self, key: str) -> Remembered | None:
        """A refused event's first refusal for a reason."""

    def rejected(self, key: str) -> RejectedUsage | None:
        """A refused event, as it came."""

    def dispute(self, key: str) -> str | None:
        """The payment that a dispute names."""

    def business_key(self, key: str) -> bool | None:
        """Whether a business key was used."""


class Parts:
    """What of a customer isn't saved: its accounts as they are, and what was kept since."""

    def __init__(
        self,
        customer: Customer,
        *,
        charges: dict[str, Charged],
        kept: list[tuple[str, str, object]],
        holds: list[tuple[Account, Hold]],
    ) -> None:
        self.customer = customer
        self.charges = charges
        self.kept = kept
        self.holds = holds
