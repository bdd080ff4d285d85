"""Settlement: nothing owed stands beside free credits (`rulings.md` 2, 29).

Debt, then overdraft, is paid by unscoped lots in burn order as soon as they are usable. The entry
has amount 0: the credits were spent when they were owed.
"""

from drawdown.domain.accounts import Account, Lot
from drawdown.domain.drafts import Draft, Origin, allocation
from drawdown.domain.entries import Allocation, EntryFacts
from drawdown.domain.evolve import fold


def settle(draft: Draft, lots: list[Lot], *, effective_at: int) -> list[EntryFacts]:
    """The `overdraft_settled` entry that `lots` (in burn order) allow, or nothing."""
    owed = draft.debt + draft.overdraft
    if owed == 0:
        return []
    allocations: list[Allocation] = []
    paid = 0
    for lot in lots:
        amount = min(owed - paid, lot.remaining - lot.reserved)
        if amount > 0 and not lot.scoped and lot.usable_at(draft.origin.recorded_at):
            allocations.append(allocation(lot, amount))
            paid += amount
    if paid == 0:
        return []
    off_debt = min(paid, draft.debt)
    draft.debt -= off_debt
    draft.overdraft -= paid - off_debt
    draft.free -= paid
    return [
        draft.entry(
            "overdraft_settled", amount=0, effective_at=effective_at, allocations=allocations
        )
    ]


def settle_due(account: Account, namespace: str, origin: Origin) -> list[EntryFacts]:
    """What lots that became effective since the account's last decision pay of what it owes.

    One entry for each moment at which lots became effective, and effective at it, however long
    afterwards it is booked. Free credits beside something owed are always newly effective ones:
    every decision settles what it leaves.
    """
    if account.overdraft + account.debt == 0:
        return []
    at = origin.recorded_at
    lots = [lot for lot in account.live if not lot.scoped and lot.usable_at(at)]
    draft = Draft(account, namespace, _due(origin))
    facts: list[EntryFacts] = []
    for moment in sorted({lot.effective_at for lot in lots}):
        activated = [lot for lot in lots if lot.effective_at == moment]
        facts += settle(draft, activated, effective_at=moment)
    return facts


def after(account: Account, facts: list[EntryFacts]) -> Account:
    """The account as `facts` leave it; the one given stays as it is."""
    if not facts:
        return account
    moved = account.copied()
    for each in facts:
        fold(moved, each)
    return moved


def _due(origin: Origin) -> Origin:
    """The origin of what fell due before the input that `origin` tells of; nobody asked for it."""
    return Origin(
        cause="due",
        cause_id=origin.cause_id,
        digest=origin.digest,
        reason="",
        actor="",
        occurred_at=origin.occurred_at,
        recorded_at=origin.recorded_at,
    )
