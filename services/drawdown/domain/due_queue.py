"""The due queue: when to look at which account, so that a quiet one isn't forgotten."""

from collections.abc import Iterable
from heapq import heapify, heappop, heappush
from typing import Final, final

from drawdown.domain.accounts import Account
from drawdown.domain.entries import PARTITION_CUSTOMER
from drawdown.domain.memory import key_of
from drawdown.domain.numbers import NEVER


@final
class DueQueue:
    """Moments (µs) by account: before its moment nothing falls due on it. An early look is no harm.

    It holds every account on which something may fall due, also those that aren't in memory.
    """

    def __init__(self) -> None:
        self._moments: Final[list[tuple[int, str, str]]] = []
        self._queued: Final[dict[str, int]] = {}
        self.unsaved: dict[str, int] | None = None
        """What was noted since it was saved last, by account; None: nobody saves it."""

    def first_at(self) -> int:
        """Before this moment nothing falls due on any account; `NEVER`: nothing ever does."""
        return self._moments[0][0] if self._moments else NEVER

    def note(self, account: Account) -> None:
        """Look at an account when something may have fallen due on it; `$partition` has no lots."""
        next_at = account.dues.next_at
        if next_at >= account.queued_at or account.customer_id == PARTITION_CUSTOMER:
            return
        account.queued_at = next_at
        key = key_of(account.customer_id, account.unit)
        self._queued[key] = next_at
        heappush(self._moments, (next_at, account.customer_id, account.unit))
        if self.unsaved is not None:
            self.unsaved[key] = next_at

    def came_in(self, account: Account) -> None:
        """An account came from the shelf."""
        key = key_of(account.customer_id, account.unit)
        account.queued_at = self._queued.get(key, NEVER)

    def foremost(self, watermark: int) -> tuple[str, str] | None:
        """The customer and unit of the account whose moment comes first, if it has come."""
        while self._moments and self._moments[0][0] <= watermark:
            moment, customer_id, unit = self._moments[0]
            if self._queued.get(key_of(customer_id, unit)) == moment:
                return customer_id, unit
            heappop(self._moments)
        return None

    def pass_by(self, account: Account) -> None:
        """The foremost account is looked at, and has no moment any more."""
        heappop(self._moments)
        del self._queued[key_of(account.customer_id, account.unit)]
        account.queued_at = NEVER

    def take_unsaved(self) -> list[tuple[str, int]]:
        """What was noted since the last call, by account."""
        if not self.unsaved:
            return []
        taken, self.unsaved = list(self.unsaved.items()), {}
        return taken

    def restore(self, saved: Iterable[tuple[str, int]]) -> None:
        """Begin with what was saved."""
        for key, moment in saved:
            self._queued[key] = moment
            customer_id, unit = key.split("\0")
            self._moments.append((moment, customer_id, unit))
        heapify(self._moments)
