"""Inputs that booked nothing: what they say must stand in the ledger, decided before them."""

from collections.abc import Iterator

from drawdown.adapters.avro.wire import captured_usage
from drawdown.domain.entries import LedgerEntry
from drawdown.domain.inputs import Command, NoteDispute, RedriveRejected, UsageEvent
from drawdown.verification.checkpoint import Sign


def repeated_by(read: UsageEvent | Command) -> Iterator[Sign]:
    """What may have been said before, so that an input came to nothing."""
    if isinstance(read, UsageEvent):
        yield "usage", read.customer_id, read.event_id, read.digest
        return
    yield "command", read.customer_id, read.command_id, read.digest
    body = read.body
    if isinstance(body, NoteDispute):
        # Repeats and older states of a dispute change nothing, under whatever command id.
        yield "dispute", read.customer_id, f"{body.dispute_id}\0{body.payment_id}", b""
    elif isinstance(body, RedriveRejected):
        yield "charge", read.customer_id, body.event_id, b""
    elif (event := captured_usage(read)) is not None:
        yield "usage", read.customer_id, event.event_id, event.digest


def told_by(entry: LedgerEntry) -> Iterator[Sign]:
    """What an entry says, so that saying it again comes to nothing."""
    facts, details = entry.facts, entry.facts.details
    customer = facts.customer_id
    yield facts.cause, customer, facts.cause_id, facts.cause_digest
    event_id, digest = facts.cause_id, facts.cause_digest
    if details is not None and details.event_id:
        event_id, digest = details.event_id, details.event_digest
        yield "usage", customer, event_id, digest
    if facts.type == "deduction":
        yield "charge", customer, event_id, b""
    if details is not None and details.dispute is not None:
        dispute = details.dispute
        yield "dispute", customer, f"{dispute.dispute_id}\0{dispute.payment_id}", b""
