"""Customers: what the accounts of one customer have in common."""

from typing import Final, final

from drawdown.domain.accounts import Account
from drawdown.domain.charges import Charges


@final
class Customer:
    """A customer's accounts by unit, charges by event, and business keys that were used."""

    def __init__(self, customer_id: str, charges: Charges) -> None:
        self.customer_id: Final = customer_id
        self.charges: Final = charges
        self.accounts: Final[dict[str, Account]] = {}
        self.business_keys: Final[set[str]] = set()
