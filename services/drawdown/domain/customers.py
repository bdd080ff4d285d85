"""Customers: what the accounts of one customer have in common."""

from typing import Final, final

from mypy_extensions import mypyc_attr

from drawdown.domain.accounts import Account


@mypyc_attr(acyclic=True)
@final
class Customer:
    """A customer's accounts by unit, and what of the customer isn't saved.

    `first` is the account that began first, mostly the only one.
    """

    def __init__(self, first: Account) -> None:
        self.customer_id: Final = first.customer_id
        self.charges: Final = first.charges
        self.first: Final = first
        self.accounts: Final[dict[str, Account]] = {first.unit: first}
        self.unsaved_since = 0
        """The `partition_seq` of the first entry about it that isn't saved; 0: all are."""
        self.saving = False
        """Whether what was taken to be saved is on its way."""
        self.unsaved: list[tuple[str, str]] = []
        """What was kept of it since: names of `Books.kept`, and keys."""

    def account(self, unit: str) -> Account | None:
        """The account in a unit, or None."""
        first = self.first
        return first if first.unit == unit else self.accounts.get(unit)

    @property
    def evictable(self) -> bool:
        """Whether it may leave memory: all of it is saved."""
        return self.unsaved_since == 0 and not self.saving
