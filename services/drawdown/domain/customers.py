"""Customers: what the accounts of one customer have in common."""

from typing import Final, final

from drawdown.domain.accounts import Account


@final
class Customer:
    """A customer's accounts by unit, charges by event, and business keys that were used.

    `first` is the account that began first, mostly the only one.
    """

    def __init__(self, first: Account) -> None:
        self.customer_id: Final = first.customer_id
        self.charges: Final = first.charges
        self.first: Final = first
        self.accounts: Final[dict[str, Account]] = {first.unit: first}
        self.business_keys: Final[set[str]] = set()

    def account(self, unit: str) -> Account | None:
        """The account in a unit, or None."""
        first = self.first
        return first if first.unit == unit else self.accounts.get(unit)
