"""Returns: where credits go that come back: to lots, or off what is owed (`rulings.md` 23, 24)."""

from typing import Final, final

from drawdown.domain.accounts import Account
from drawdown.domain.bookings import expire
from drawdown.domain.charges import taken_back, without_lost
from drawdown.domain.drafts import Draft, returning
from drawdown.domain.entries import Allocation, LotChange
from drawdown.domain.evolve import lost_lots
from drawdown.domain.lot_changes import indebted, reopened, unchanged


@final
class Returns:
    """Credits that go back to lots, by lot in the order of their return, and debt that falls.

    What is outstanding falls first; what was settled goes back to the settling lots, the latest
    first. For a lot whose payment was lost, its debt falls instead. What such a lot had settled
    before is undone as soon as any debt falls: its own debt falls by as much, and that is all. Else
    a lot that is reinstated could find its debt settled with its own credits.
    """

    def __init__(self, account: Account, reinstated: str = "") -> None:
        """`reinstated` is the lot whose payment has come back."""
        self._account: Final = account
        self._reinstated: Final = reinstated
        self.credits: Final[dict[str, int]] = {}
        self.falls: Final[dict[str, int]] = {}
        self.off_debt = 0
        self.off_overdraft = 0
        self._settled_debt = account.settled_debt

    @property
    def amount(self) -> int:
        """By how much the balance rises."""
        return sum(self.credits.values()) + self.off_debt + self.off_overdraft

    def to_lots(self, parts: list[tuple[str, int]]) -> None:
        """Give credits back to the lots that paid them."""
        for lot_id, amount in parts:
            if self._account.lots[lot_id].clawed:
                self.falls[lot_id] = self.falls.get(lot_id, 0) + amount
                self.lower_debt(amount)
            else:
                self.credits[lot_id] = self.credits.get(lot_id, 0) + amount

    def lower_overdraft(self, amount: int) -> None:
        """Take back overdraft."""
        self.off_overdraft = min(self._account.overdraft, amount)
        settled = amount - self.off_overdraft
        self.to_lots(taken_back(self._account.settled_overdraft, settled)[0])

    def lower_debt(self, amount: int) -> None:
        """Take back debt."""
        if amount == 0:
            return
        lost = lost_lots(self._account, self._reinstated)
        undone, self._settled_debt = without_lost(self._settled_debt, lost)
        for lot_id, part in undone.items():
            self.falls[lot_id] = self.falls.get(lot_id, 0) + part
        outstanding = min(self._account.debt - self.off_debt, amount)
        self.off_debt += outstanding
        parts, self._settled_debt = taken_back(self._settled_debt, amount - outstanding)
        self.to_lots(parts)

    def expire_first(self, draft: Draft) -> None:
        """Book the expiration of lots that have passed their expiry, before they are touched."""
        for lot_id in self.credits:
            lot = self._account.lots[lot_id]
            if lot.past_at(draft.at) and lot.unreserved and not lot.freezes and not lot.closed:
                expire(draft, lot, lot.unreserved, draft.origin.due())

    def allocations(self) -> list[Allocation]:
        """What goes back, with the cost basis that this takes back."""
        lots = self._account.lots
        return [returning(lots[lot_id], amount) for lot_id, amount in self.credits.items()]

    def lot_changes(self, at: int) -> list[LotChange]:
        """Lots that reopen at `at` (µs) for what comes back, and lots whose debt falls."""
        grace_us = self._account.policy.refund_grace_us
        changes: list[LotChange] = []
        for lot_id in self.credits:
            lot = self._account.lots[lot_id]
            if lot.closed or lot.past_at(at):
                changes.append(reopened(unchanged(lot), at + grace_us, at))
        for lot_id, fall in self.falls.items():
            lot = self._account.lots[lot_id]
            changes.append(indebted(lot, lot.debt - fall))
        return changes
