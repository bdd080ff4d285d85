"""What commands are about, and which of them change nothing."""

from drawdown.domain.inputs import (
    Batch,
    CaptureHold,
    Command,
    CommandBody,
    ExtendHold,
    NoteDispute,
    PlaceHold,
    RedriveRejected,
    ReleaseHold,
)
from tests.domain.naive import disputes
from tests.domain.naive.accounts import Account
from tests.domain.naive.booked import Used
from tests.domain.naive.partition import Partition
from tests.domain.naive.redrives import rejected_event


def hold_ids(body: CommandBody) -> list[str]:
    """The holds that a command is about."""
    if isinstance(body, PlaceHold | ExtendHold | CaptureHold | ReleaseHold):
        return [body.hold_id]
    return [each.hold_id for each in body.holds] if isinstance(body, Batch) else []


def captured(command: Command) -> Used | None:
    """The usage that a capture carries."""
    body = command.body
    if not isinstance(body, CaptureHold) or body.usage is None:
        return None
    return Used(
        customer_id=command.customer_id,
        unit=command.unit,
        event_id=body.usage.event_id,
        meter=body.usage.meter,
        occurred_at=body.usage.occurred_at,
        status=body.usage.status,
        properties=body.usage.properties,
        quantities=body.usage.quantities,
        hold_id=body.hold_id,
        final=body.final,
    )


def changes_nothing(ledger: Partition, account: Account, command: Command) -> bool:
    """Its event was charged before, or its notice is a repeat or an older one."""
    body, customer = command.body, command.customer_id
    if isinstance(body, NoteDispute):
        before = [each for each in ledger.disputes if each.customer_id == customer]
        refused = [*disputes.refuse_notice(body, before)]
        return not refused and disputes.outcome(body, before) == ""
    if isinstance(body, RedriveRejected):
        rejected = rejected_event(ledger, customer, body.event_id)
        if rejected is None:
            return False
        charge = ledger.charge_of(customer, body.event_id, rejected.at)
        return charge is not None and charge.used.body == rejected.used.body
    used = captured(command)
    if isinstance(body, CaptureHold) and used is not None and body.amount is None:
        charge = ledger.charge_of(customer, used.event_id, account.now)
        return charge is not None and charge.used.body == used.body
    return False


def end_anyway(ledger: Partition, account: Account, command: Command) -> bool:
    """A final capture of what was charged before still ends its hold."""
    body = command.body
    if not isinstance(body, CaptureHold) or not body.final:
        return False
    return ledger.end_charged(account, body.hold_id)
