"""Drafts: a decision while it is being made."""

from typing import Final, final

from drawdown.domain.accounts import Account
from drawdown.domain.entries import (
    Allocation,
    Cause,
    Charge,
    EntryDetails,
    EntryFacts,
    EntryType,
)
from drawdown.domain.evolve import move
from drawdown.domain.lots import Lot


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

    def of_event(self, occurred_at: int) -> "Origin":
        """The origin of the charge of an event that a command carries."""
        return Origin(
            cause=self.cause,
            cause_id=self.cause_id,
            digest=self.digest,
            reason=self.reason,
            actor=self.actor,
            occurred_at=occurred_at,
            recorded_at=self.recorded_at,
        )

    def due(self, cause: Cause = "due", reason: str = "") -> "Origin":
        """The origin of what fell due before the input; nobody asked for it."""
        return Origin(
            cause=cause,
            cause_id=self.cause_id,
            digest=self.digest,
            reason=reason,
            actor="",
            occurred_at=self.occurred_at,
            recorded_at=self.recorded_at,
        )


@final
class Draft:
    """The entries of a decision about one account, each applied to it as it is booked.

    `finish` takes the changes back and gives the entries, so that deciding changes nothing; the
    account moves when they are folded.
    """

    def __init__(self, account: Account, namespace: str, origin: Origin) -> None:
        self.account: Final = account
        self.namespace: Final = namespace
        self.origin: Final = origin
        self.facts: list[EntryFacts] = []
        # Counted before the trial, the free credits stay counted when it is taken back.
        account.free_at(origin.recorded_at)
        account.begin()

    @property
    def at(self) -> int:
        """When the input was recorded (µs)."""
        return self.origin.recorded_at

    def finish(self) -> list[EntryFacts]:
        """The entries; the account is as it was."""
        self.account.undo()
        return self.facts

    def book(
        self,
        entry_type: EntryType,
        *,
        amount: int = 0,
        effective_at: int | None = None,
        allocations: list[Allocation] | None = None,
        charge: Charge | None = None,
        details: EntryDetails | None = None,
        held: int = 0,
        overdraft: int = 0,
        debt: int = 0,
        overage: int = 0,
        residue: int | None = None,
        origin: Origin | None = None,
    ) -> None:
        """Book an entry that moves the figures by so much; `residue` is the one after it."""
        account, origin = self.account, self.origin if origin is None else origin
        facts = EntryFacts(
            namespace=self.namespace,
            customer_id=account.customer_id,
            unit=account.unit,
            account_seq=account.account_seq + 1,
            type=entry_type,
            amount=amount,
            balance=account.balance + amount,
            held=account.held + held,
            available=0,
            overdraft=account.overdraft + overdraft,
            debt=account.debt + debt,
            overage_total=account.overage_total + overage,
            residue=account.residue if residue is None else residue,
            allocations=[] if allocations is None else allocations,
            charge=charge,
            cause=origin.cause,
            cause_id=origin.cause_id,
            cause_digest=origin.digest,
            burn_order_version=account.policy.burn_order_version,
            reason=origin.reason,
            actor=origin.actor,
            occurred_at=origin.occurred_at,
            recorded_at=origin.recorded_at,
            effective_at=origin.recorded_at if effective_at is None else effective_at,
            details=details,
        )
        move(account, facts)
        facts.available = account.free_at(origin.recorded_at) - account.owed
        account.available = facts.available
        self.facts.append(facts)


def allocation(lot: Lot, amount: int, *, reserved: bool = False, before: int = 0) -> Allocation:
    """`amount` of a lot, with the cost basis that consuming it releases.

    `before` is what the same entry has taken of the lot already.
    """
    released = lot.released_by(before + amount)
    if before:
        released -= lot.released_by(before)
    return Allocation(
        lot_id=lot.lot_id,
        amount=amount,
        kind=lot.kind,
        released_minor=released,
        currency=lot.currency,
        reserved=reserved,
    )


def returning(lot: Lot, amount: int) -> Allocation:
    """`amount` that goes back to a lot, with the cost basis that this takes back."""
    return Allocation(
        lot_id=lot.lot_id,
        amount=amount,
        kind=lot.kind,
        released_minor=lot.released_by(-amount),
        currency=lot.currency,
        reserved=False,
    )


def unreleased(lot: Lot, amount: int, *, reserved: bool) -> Allocation:
    """`amount` of a lot that stays in it: granted, reserved or given back from a reservation."""
    return Allocation(
        lot_id=lot.lot_id,
        amount=amount,
        kind=lot.kind,
        released_minor=0,
        currency=lot.currency,
        reserved=reserved,
    )
