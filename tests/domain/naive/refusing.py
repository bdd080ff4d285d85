"""Why a command is refused."""

from collections.abc import Iterator

from drawdown.domain.inputs import (
    Adjust,
    ApplyRateCard,
    Batch,
    CaptureHold,
    ChangeExpiry,
    ClosePeriod,
    Command,
    ExtendHold,
    Freeze,
    Grant,
    NoteDispute,
    ParkRecord,
    PlaceHold,
    RedriveRejected,
    RefundPurchase,
    RefundUsage,
    ReleaseHold,
    Unfreeze,
    Void,
)
from tests.domain.naive import disputes, hold_commands, lot_commands, refund_commands
from tests.domain.naive.accounts import Account
from tests.domain.naive.commands import captured
from tests.domain.naive.partition import NUMBER, Partition
from tests.domain.naive.redrives import refuse_redrive

NEEDS_ACCOUNT = (
    Void,
    RefundUsage,
    RefundPurchase,
    ChangeExpiry,
    Unfreeze,
    ExtendHold,
    ReleaseHold,
)


def refusals(ledger: Partition, account: Account, command: Command) -> list[str]:
    """Every reason for which it is refused."""
    rooms = (_of_lots, _of_holds, _of_the_rest)
    codes = [code for room in rooms for code in room(ledger, account, command)]
    capture_in_credits = isinstance(command.body, CaptureHold) and command.body.usage is None
    of_lot = isinstance(command.body, Freeze) and command.body.lot_id != ""
    if isinstance(command.body, NEEDS_ACCOUNT) or capture_in_credits or of_lot:
        return codes if account.began is not None else [*codes, "unknown_account"]
    return codes


def _of_lots(ledger: Partition, account: Account, command: Command) -> Iterator[str]:
    body, customer = command.body, command.customer_id
    match body:
        case Grant():
            before = [other for owner, other in ledger.granted if owner == customer]
            yield from lot_commands.refuse_range(account, body.amount)
            lot_id = body.lot_id or command.command_id
            yield from lot_commands.refuse_terms(account, body)
            yield from lot_commands.refuse_used(account, body, lot_id, before)
        case Adjust():
            yield from lot_commands.refuse_range(account, body.amount)
            yield from lot_commands.refuse_adjustment(account, body, command.command_id)
        case Void():
            yield from lot_commands.refuse_void(account, body)
        case ChangeExpiry():
            yield from lot_commands.refuse_date(account, body)
        case Freeze() | Unfreeze():
            yield from lot_commands.refuse_freeze(account, body)
        case RefundUsage() | RefundPurchase():
            before_ids = [(each.customer_id, each.refund_id) for each in ledger.refunded]
            if (customer, body.refund_id) in before_ids:
                yield "refund_id_used"
            if isinstance(body, RefundUsage):
                yield from refund_commands.refuse_usage_refund(account, body)
            else:
                made = [each for each in ledger.refunded if each.customer_id == customer]
                yield from refund_commands.refuse_purchase_refund(account, body, made)
        case _:
            return


def _of_holds(ledger: Partition, account: Account, command: Command) -> Iterator[str]:
    body = command.body
    match body:
        case PlaceHold():
            yield from hold_commands.refuse_holds(account, [body])
        case Batch():
            yield from hold_commands.refuse_holds(account, body.holds)
        case ExtendHold():
            yield from hold_commands.refuse_extension(account, body)
        case CaptureHold():
            yield from hold_commands.refuse_capture(account, body)
            used = captured(command) if body.amount is None else None
            code = "" if used is None else ledger.judge(used, account.now, account.now)[0]
            yield from [code] if code else []
        case ReleaseHold():
            yield from hold_commands.refuse_end(account, body.hold_id)
        case _:
            return


def _of_the_rest(ledger: Partition, account: Account, command: Command) -> Iterator[str]:
    body, customer = command.body, command.customer_id
    match body:
        case NoteDispute():
            before = [each for each in ledger.disputes if each.customer_id == customer]
            yield from disputes.refuse_notice(body, before)
        case RedriveRejected():
            yield from refuse_redrive(ledger, customer, body, account.now)
        case ApplyRateCard():
            known = [card for card in ledger.cards if card.label == body.card.label]
            if known or body.card.effective_from - account.now < ledger.lead_us:
                yield "invalid_rate_card"
        case ClosePeriod():
            before_it = ledger.closed_until
            late = body.closed_until > account.now
            if late or (before_it is not None and body.closed_until <= before_it):
                yield "invalid_period"
        case ParkRecord():
            if body.topic != "usage-events" or body.partition != NUMBER or body.offset < 0:
                yield "unknown_record"
            if body in ledger.parked:
                yield "record_decided"
        case _:
            return
