"""The cabinet: what books keep, of which only a part need be in memory.

Without a shelf all of it is here. With one, customers that were asked for lately are here, and
everything that isn't saved yet; the rest is fetched when it is asked for.

What is saved of a customer is saved as of one entry: its accounts, holds, what it was given back
and what was remembered, together. So an entry that is read again tells by its `account_seq` whether
the state that was saved has it already. The first charge of an event is saved at once, ahead of its
customer: an entry that is read again charges the same.
"""

from collections import deque
from collections.abc import Iterator
from typing import Final, final

from drawdown.domain.accounts import Account
from drawdown.domain.charges import Charged, Recall
from drawdown.domain.command_memory import CommandMemory
from drawdown.domain.customers import Customer
from drawdown.domain.due_queue import DueQueue
from drawdown.domain.holds import Hold
from drawdown.domain.kept import Kept
from drawdown.domain.memory import RejectedUsage, Remembered
from drawdown.domain.numbers import NEVER
from drawdown.domain.shelf import Parts, Shelf

COMMAND: Final = "command"
REFUSAL: Final = "refusal"
REJECTED: Final = "rejected"
DISPUTE: Final = "dispute"
BUSINESS_KEY: Final = "business_key"


@final
class Cabinet:
    """Customers and memory of one partition, with at most `customers_max` saved ones in memory, and
    as many that aren't."""

    def __init__(self) -> None:
        self.charges: Final[Kept[Charged]] = Kept()
        self.recall: Recall | None = None
        self.commands: Final = CommandMemory()
        self.refused: Final[Kept[Remembered]] = Kept()
        self.rejected: Final[Kept[RejectedUsage]] = Kept()
        self.disputes: Final[Kept[str]] = Kept()
        """The payment that each dispute id names, by `key_of`."""
        self.business_keys: Final[Kept[bool]] = Kept()
        self.dues: Final = DueQueue()
        self.shelf: Shelf | None = None
        self.customers_max = NEVER
        # Two generations: who is asked for moves to the younger; the older is dropped at a time.
        # Whoever isn't saved is in `_staying`, too, and is found there when dropped.
        self._younger: dict[str, Customer] = {}
        self._older: dict[str, Customer] = {}
        self._staying: Final[dict[str, Customer]] = {}
        # A decision asks for its customer several times in a row.
        self._latest: Customer | None = None
        self._unsaved: Final[deque[Customer]] = deque()
        self._of_nobody: list[tuple[str, str]] = []
        """What was kept of customers without an account."""

    def __len__(self) -> int:
        """How many customers are in memory."""
        staying = sum([1 for each in self._staying if not self._asked_for(each)])
        return len(self._younger) + len(self._older) + staying

    def attach(self, shelf: Shelf, customers_max: int) -> None:
        """Keep what is saved on a shelf, from before the first entry on."""
        self.shelf = shelf
        self.customers_max = customers_max
        self.charges.fetch, self.recall = shelf.charge, shelf.refundable
        self.commands.first.fetch = shelf.command
        self.refused.fetch = shelf.refusal
        self.rejected.fetch = shelf.rejected
        self.disputes.fetch = shelf.dispute
        self.business_keys.fetch = shelf.business_key
        self.dues.unsaved = {}

    # ---- Customers.

    def customer(self, customer_id: str) -> Customer | None:
        """A customer that has an account, or None. One from the shelf must be `came_in`."""
        latest = self._latest
        if latest is not None and latest.customer_id == customer_id:
            return latest
        latest = self._younger.get(customer_id)
        if latest is None and self.shelf is not None:
            latest = self._older.pop(customer_id, None) or self._staying.get(customer_id)
            if latest is not None:
                self._younger[customer_id] = latest
        if latest is not None:
            self._latest = latest
        return latest

    def came_in(self, customer: Customer) -> None:
        """Hold a customer that came from the shelf, or began."""
        for account in customer.accounts.values():
            if self.shelf is not None:
                account.ended_hold = self.shelf.hold
            self.dues.came_in(account)
        self._younger[customer.customer_id] = customer

    def here(self) -> Iterator[Customer]:
        """The customers in memory."""
        yield from {**self._staying, **self._older, **self._younger}.values()

    def holds(self, customer_id: str) -> bool:
        """Whether a customer is in memory."""
        return self._asked_for(customer_id) or customer_id in self._staying

    def _asked_for(self, customer_id: str) -> bool:
        return customer_id in self._younger or customer_id in self._older

    def trim(self) -> None:
        """Let go of saved customers that weren't asked for lately, when there are too many."""
        if len(self._younger) * 2 <= self.customers_max:
            return
        # What was taken apart by a decision may be the latest; it is looked up anew.
        self._latest = None
        self._older, self._younger = self._younger, {}

    def foresee(self, keys: list[str]) -> None:
        """Find out at once under which of these keys no charge stands on the shelf."""
        assert self.shelf is not None
        absent = self.charges.absent
        absent.clear()
        absent.update(self.shelf.uncharged(keys))

    # ---- Saving.

    def kept(self, customer: Customer | None, table: str, key: str) -> None:
        """Something was kept of a customer, to be saved."""
        if self.shelf is None:
            return
        if customer is None:
            self._of_nobody.append((table, key))
        else:
            customer.unsaved.append((table, key))

    def touched(self, customer: Customer, partition_seq: int) -> None:
        """An entry about a customer was folded, to be saved."""
        if customer.unsaved_since == 0:
            customer.unsaved_since = partition_seq
            self._unsaved.append(customer)
            self._staying[customer.customer_id] = customer

    def unsaved_since(self) -> int:
        """The `partition_seq` of the first entry that isn't saved; 0: all are."""
        return self._unsaved[0].unsaved_since if self._unsaved else 0

    def take(self, up_to_seq: int) -> list[Parts]:
        """What isn't saved of customers since `up_to_seq` or earlier, as they are now, and of those
        who are more than may be in memory."""
        taken: list[Parts] = []
        unsaved = self._unsaved
        while unsaved and (
            unsaved[0].unsaved_since <= up_to_seq or len(unsaved) > self.customers_max
        ):
            taken.append(self._parts(unsaved.popleft()))
        return taken

    def take_of_nobody(self) -> list[tuple[str, str, object]]:
        """What was kept of customers without an account."""
        taken, self._of_nobody = self._of_nobody, []
        return [(table, key, self._value(table, key)) for table, key in taken]

    def saved(self, parts: Parts) -> None:
        """What was taken is saved; what came since isn't."""
        for key, charged in parts.charges.items():
            self.charges.drop(key, charged)
        for table, key, value in parts.kept:
            self._drop(table, key, value)
        for account, hold in parts.holds:
            if hold.state != "open" and hold.hold_id not in account.unsaved_holds:
                account.holds.pop(hold.hold_id, None)
        customer = parts.customer
        customer.saving = False
        if customer.evictable:
            self._staying.pop(customer.customer_id, None)

    def saved_of_nobody(self, kept: list[tuple[str, str, object]]) -> None:
        """The same, of customers without an account."""
        for table, key, value in kept:
            self._drop(table, key, value)

    def _parts(self, customer: Customer) -> Parts:
        charges: dict[str, Charged] = {}
        for key in customer.charges.unsaved:
            charged = self.charges.get(key)
            assert charged is not None
            charges[key] = charged
        kept = [(table, key, self._value(table, key)) for table, key in customer.unsaved]
        holds: list[tuple[Account, Hold]] = []
        for account in customer.accounts.values():
            holds += [(account, account.holds[hold_id]) for hold_id in account.unsaved_holds]
            account.unsaved_holds = {}
        customer.charges.unsaved, customer.unsaved = [], []
        customer.unsaved_since, customer.saving = 0, True
        return Parts(customer, charges=charges, kept=kept, holds=holds)

    def _value(self, table: str, key: str) -> object:
        if table == COMMAND:
            return self.commands.first.get(key)
        if table == REFUSAL:
            return self.refused.get(key)
        if table == REJECTED:
            return self.rejected.get(key)
        if table == DISPUTE:
            return self.disputes.get(key)
        assert table == BUSINESS_KEY
        return self.business_keys.get(key)

    def _drop(self, table: str, key: str, value: object) -> None:
        if isinstance(value, Remembered):
            memory = self.commands.first if table == COMMAND else self.refused
            memory.drop(key, value)
        elif isinstance(value, RejectedUsage):
            self.rejected.drop(key, value)
        elif isinstance(value, str):
            self.disputes.drop(key, value)
        else:
            assert isinstance(value, bool), f"a {table} isn't kept"
            self.business_keys.drop(key, value)
