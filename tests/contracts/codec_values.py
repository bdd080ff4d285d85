"""One value of each record that the hot path encodes."""

from typing import Any

from drawdown.domain.entries import Allocation, Charge, EntryFacts, LedgerEntry, RatedLine
from drawdown.domain.inputs import Command, Grant, UsageEvent
from drawdown.domain.replies import Reply, ReplyEntry

OCCURRED_AT = 1_764_000_000_123_456
ZEROS = bytes(32)


def usage(**changed: Any) -> UsageEvent:
    """A usage event, with these fields changed."""
    fields: dict[str, Any] = {
        "event_id": "0191e5a4-7c1e-7b3a-9d2f-1a2b3c4d5e6f",
        "customer_id": "cus_01HZX3V9K2Q7R8T5W6Y4",
        "unit": "credit",
        "meter": "meter",
        "occurred_at": OCCURRED_AT,
        "status": "succeeded",
        "properties": {"model": "claude-sonnet-4-5", "region": "eu"},
        "quantities": {"input": 2_743_000_000, "output": 4_000_000},
        "hold_id": "",
        "hold_final": False,
        "digest": b"",
    }
    return UsageEvent(**fields | changed)


def command(**changed: Any) -> Command:
    """A grant, with these fields changed."""
    fields: dict[str, Any] = {
        "command_id": "grant-1",
        "issued_at": OCCURRED_AT,
        "actor": "ops",
        "customer_id": "cus_01HZX3V9K2Q7R8T5W6Y4",
        "unit": "credit",
        "reason": "welcome",
        "body": Grant(amount=5_000_000, kind="promotional", properties={"b": "1", "a": "2"}),
    }
    return Command(**fields | changed)


def facts() -> EntryFacts:
    """The facts of a deduction of two lines from one lot."""
    event = usage()
    lines = [
        RatedLine(
            line_id=name,
            quantity=name,
            quantity_micro=quantity,
            rate_pico=3_000_000,
            amount=quantity * 3 // 1_000_000,
            amount_atto=0,
        )
        for name, quantity in event.quantities.items()
    ]
    charge = Charge(
        meter=event.meter,
        status=event.status,
        properties=event.properties,
        rate_card="default@1",
        lines=lines,
        rated=8_241,
        overdrawn=0,
        overage=0,
        uncovered=0,
        hold_id="",
        hold_ended=False,
        charged_before=False,
    )
    lot = Allocation(
        lot_id="grant-1",
        amount=8_241,
        kind="purchased",
        released_minor=1,
        currency="USD",
        reserved=False,
    )
    return EntryFacts(
        namespace="live",
        customer_id=event.customer_id,
        unit=event.unit,
        account_seq=12_345,
        type="deduction",
        amount=-8_241,
        balance=99_123_456_789,
        held=0,
        available=99_123_456_789,
        overdraft=0,
        debt=0,
        overage_total=0,
        residue=123_456_789_012,
        allocations=[lot],
        charge=charge,
        cause="usage",
        cause_id=event.event_id,
        cause_digest=ZEROS,
        burn_order_version=1,
        reason="",
        actor="",
        occurred_at=event.occurred_at,
        recorded_at=event.occurred_at + 1_000,
        effective_at=event.occurred_at,
        details=None,
    )


def entry() -> LedgerEntry:
    """An entry of those facts, whose hash is no hash."""
    return LedgerEntry(
        partition_seq=1_234_567,
        source_topic="usage_events",
        source_partition=3,
        source_offset=7_654_321,
        index=0,
        count=1,
        hash_version=1,
        prev_hash=ZEROS,
        facts=facts(),
        hash=ZEROS,
    )


def reply() -> Reply:
    """The reply to that command."""
    short = ReplyEntry(
        entry_id="c-3-17-0",
        type="grant",
        amount=5_000_000,
        balance=5_000_000,
        available=5_000_000,
        account_seq=1,
        partition_seq=9,
    )
    return Reply(
        command_id="grant-1",
        customer_id="cus_01HZX3V9K2Q7R8T5W6Y4",
        unit="credit",
        outcome="accepted",
        code="",
        detail="",
        first_entry_id="",
        entries=[short],
        recorded_at=OCCURRED_AT,
        partition_seq=9,
    )
