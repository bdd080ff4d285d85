"""Settlement: nothing owed stands beside free credits (`rulings.md` 2, 29).

Debt, then overdraft, is paid by unscoped lots in burn order as soon as they are usable. The entry
has amount 0: the credits were spent when they were owed.
"""

from drawdown.domain.drafts import Draft, Origin, allocation
from drawdown.domain.entries import Allocation


def settle(draft: Draft, at: int, origin: Origin | None = None) -> None:
    """Book the `overdraft_settled` that closes a due booking or the decision, effective at `at`
    (µs): what lots that are usable then pay of what is owed, if anything."""
    account = draft.account
    owed = account.owed
    if owed == 0:
        return
    allocations: list[Allocation] = []
    paid = 0
    for lot in account.paying.unscoped(at):
        if paid == owed:
            break
        if lot.usable_at(at):
            amount = min(owed - paid, lot.unreserved)
            allocations.append(allocation(lot, amount))
            paid += amount
    if paid == 0:
        return
    off_debt = min(paid, account.debt)
    draft.book(
        "overdraft_settled",
        effective_at=at,
        allocations=allocations,
        debt=-off_debt,
        overdraft=off_debt - paid,
        origin=origin,
    )
