"""Drafts: the running figures of one account while a decision is being made."""

from typing import Final, final

from drawdown.domain.accounts import Account, Lot
from drawdown.domain.entries import (
    Allocation,
    Cause,
    Charge,
    EntryDetails,
    EntryFacts,
    EntryType,
)
from drawdown.domain.policies import BURN_ORDER_VERSION


@final
class Origin:
    """What caused a decision: the input's identity and times (µs)."""

    def __init__(
        self,
        *,
        cause: Cause,
        cause_id: str,
        digest: bytes,
        reason: str,
        actor: str,
        occurred_at: int,
        recorded_at: int,
    ) -> None:
        self.cause: Final[Cause] = cause
        self.cause_id: Final = cause_id
        self.digest: Final = digest
        self.reason: Final = reason
        self.actor: Final = actor
        self.occurred_at: Final = occurred_at
        self.recorded_at: Final = recorded_at


@final
class Draft:
    """One account's figures, moved on by each entry of a decision; the account stays as it is."""

    def __init__(self, account: Account, namespace: str, origin: Origin) -> None:
        self.account: Final = account
        self.namespace: Final = namespace
        self.origin: Final = origin
        self.seq = account.account_seq
        self.balance = account.balance
        self.held = account.held
        self.overdraft = account.overdraft
        self.debt = account.debt
        self.overage_total = account.overage_total
        self.residue = account.residue
        self.free = account.free_at(origin.recorded_at)

    def entry(
        self,
        entry_type: EntryType,
        *,
        amount: int,
        effective_at: int,
        allocations: list[Allocation],
        charge: Charge | None = None,
        details: EntryDetails | None = None,
    ) -> EntryFacts:
        """The facts of the decision's next entry, with the figures after it."""
        self.seq += 1
        self.balance += amount
        account, origin = self.account, self.origin
        return EntryFacts(
            namespace=self.namespace,
            customer_id=account.customer_id,
            unit=account.unit,
            account_seq=self.seq,
            type=entry_type,
            amount=amount,
            balance=self.balance,
            held=self.held,
            available=self.free - self.overdraft - self.debt,
            overdraft=self.overdraft,
            debt=self.debt,
            overage_total=self.overage_total,
            residue=self.residue,
            allocations=allocations,
            charge=charge,
            cause=origin.cause,
            cause_id=origin.cause_id,
            cause_digest=origin.digest,
            burn_order_version=BURN_ORDER_VERSION,
            reason=origin.reason,
            actor=origin.actor,
            occurred_at=origin.occurred_at,
            recorded_at=origin.recorded_at,
            effective_at=effective_at,
            details=details,
        )


def allocation(lot: Lot, amount: int) -> Allocation:
    """`amount` of a lot's unreserved credits, with the cost basis that consuming it releases."""
    return Allocation(
        lot_id=lot.lot_id,
        amount=amount,
        kind=lot.kind,
        released_minor=lot.released_by(amount),
        currency=lot.currency,
        reserved=False,
    )
