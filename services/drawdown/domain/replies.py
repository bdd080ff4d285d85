"""Replies: what the ledger answers to a command, once its decision is committed.

The attributes are the fields of `schemas/reply.v1.avsc`, name by name.
"""

from dataclasses import dataclass
from typing import Literal

from drawdown.domain.entries import EntryType, LedgerEntry

Outcome = Literal["accepted", "rejected", "duplicate"]


@dataclass(frozen=True, kw_only=True)
class ReplyEntry:
    """An entry of the decision, in short. Amounts in micro-credits, after the entry."""

    entry_id: str
    type: EntryType
    amount: int
    balance: int
    available: int
    account_seq: int
    partition_seq: int


@dataclass(frozen=True, kw_only=True)
class Reply:
    """The answer to one command. `code` (a `RejectionCode`) and `first_entry_id` may be empty."""

    command_id: str
    customer_id: str
    unit: str
    outcome: Outcome
    code: str
    detail: str
    first_entry_id: str
    entries: list[ReplyEntry]
    recorded_at: int
    partition_seq: int


def in_short(entry: LedgerEntry) -> ReplyEntry:
    """An entry as the reply to its command tells it."""
    facts = entry.facts
    return ReplyEntry(
        entry_id=entry.entry_id,
        type=facts.type,
        amount=facts.amount,
        balance=facts.balance,
        available=facts.available,
        account_seq=facts.account_seq,
        partition_seq=entry.partition_seq,
    )
