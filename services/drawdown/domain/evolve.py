"""Evolve: an entry applied to the state. It decides nothing, so that every later version folds an
old ledger to the same state."""

from drawdown.domain.accounts import Account, Lot
from drawdown.domain.entries import EntryFacts
from drawdown.domain.policies import DEFAULT_POLICY, changed, merged


class UnknownEntry(ValueError):
    """An entry of a type that this version can't fold."""


def fold(account: Account, facts: EntryFacts) -> None:
    """Apply one entry's facts to its account.

    Raises `UnknownEntry` for a type of a later version; an entry that doesn't follow the
    account's last one is an assertion.
    """
    assert facts.account_seq == account.account_seq + 1, (
        f"{account.customer_id}: entry {facts.account_seq} doesn't follow {account.account_seq}"
    )
    assert facts.balance == account.balance + facts.amount, (
        f"{account.customer_id}: entry {facts.account_seq} moves the balance by another amount"
    )
    entry_type = facts.type
    if entry_type == "deduction" or entry_type == "overdraft_settled":
        for part in facts.allocations:
            account.spend(account.lots[part.lot_id], part.amount, part.released_minor)
    elif entry_type == "grant":
        account.open_lot(opened_lot(facts))
    elif entry_type == "policy_changed":
        _change_policy(account, facts)
    elif entry_type != "rejected" and entry_type != "rate_card_applied":
        raise UnknownEntry(f"this version can't fold an entry of type {entry_type!r}")
    account.account_seq = facts.account_seq
    account.balance = facts.balance
    account.held = facts.held
    account.available = facts.available
    account.overdraft = facts.overdraft
    account.debt = facts.debt
    account.overage_total = facts.overage_total
    account.residue = facts.residue


def opened_lot(facts: EntryFacts) -> Lot:
    """The lot that a `grant` entry opens."""
    assert facts.details is not None
    terms = facts.details.lot
    assert terms is not None, "a grant says what it opens"
    return Lot(terms, granted=facts.amount, reason=facts.reason, accepted_at=facts.recorded_at)


def _change_policy(account: Account, facts: EntryFacts) -> None:
    assert facts.details is not None
    change = facts.details.policy
    assert change is not None, "a policy_changed entry says what changes"
    account.policy_change = merged(account.policy_change, change)
    # The ledger resolves it against the partition's default before the next decision.
    account.policy = changed(DEFAULT_POLICY, account.policy_change)
    account.policy_version = -1
