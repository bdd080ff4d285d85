"""How commands are carried out."""

from drawdown.domain.inputs import (
    Adjust,
    ApplyRateCard,
    Batch,
    CaptureHold,
    ChangeExpiry,
    ChangePolicy,
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
    Tick,
    Unfreeze,
    Void,
)
from tests.domain.naive import disputes, hold_commands, lot_commands, refund_commands
from tests.domain.naive.accounts import Account
from tests.domain.naive.charging import capture_credits
from tests.domain.naive.commands import captured
from tests.domain.naive.disputes import Dispute
from tests.domain.naive.partition import Partition
from tests.domain.naive.redrives import rejected_event
from tests.domain.naive.refund_commands import Refunded


def carry_out(ledger: Partition, account: Account, command: Command) -> None:
    """Do what a command asks; nothing stands against it."""
    body = command.body
    match body:
        case Grant():
            _grant(ledger, account, command, body)
        case Adjust():
            lot_commands.adjust(account, body, command.command_id)
        case Void():
            lot_commands.void(account, body)
        case ChangeExpiry():
            lot_commands.change_date(account, body)
        case Freeze():
            lot_commands.freeze(account, body)
        case Unfreeze():
            lot_commands.unfreeze(account, body)
        case PlaceHold() | Batch() | ExtendHold() | CaptureHold() | ReleaseHold():
            _carry_out_on_hold(ledger, account, command)
        case _:
            _carry_out_the_rest(ledger, account, command)


def _carry_out_the_rest(ledger: Partition, account: Account, command: Command) -> None:
    body, at = command.body, account.now
    match body:
        case RefundUsage() | RefundPurchase():
            _refund(ledger, account, command.customer_id, body)
        case NoteDispute():
            _note(ledger, account, command.customer_id, body)
        case RedriveRejected():
            _redrive(ledger, account, command.customer_id, body)
        case ChangePolicy():
            change = command.customer_id, command.unit, body.policy, at
            ledger.policies.append(change)
            account.book("policy_changed", at)
        case ApplyRateCard():
            ledger.cards.append(body.card)
            account.book("rate_card_applied", at)
        case ClosePeriod():
            ledger.closed_until = body.closed_until
            account.book("period_closed", at)
        case ParkRecord():
            ledger.parked.append(body)
            account.book("record_parked", at)
        case Tick():
            ledger.tick(at)
        case _:
            raise AssertionError(f"{body} isn't supported")


def _carry_out_on_hold(ledger: Partition, account: Account, command: Command) -> None:
    body = command.body
    used = captured(command)
    match body:
        case PlaceHold():
            hold_commands.place(account, [body])
        case Batch():
            hold_commands.place(account, body.holds)
        case ExtendHold():
            hold_commands.extend(account, body)
        case CaptureHold() if used is not None:
            exact = ledger.judge(used, account.now, account.now)[1]
            ledger.charge(account, used, exact)
        case CaptureHold() | ReleaseHold():
            hold = account.open_hold(body.hold_id)
            assert hold is not None
            if isinstance(body, CaptureHold):
                capture_credits(account, hold, body.amount, final=body.final)
            else:
                account.end(hold, "released", account.now, [])


def _redrive(ledger: Partition, account: Account, customer_id: str, body: RedriveRejected) -> None:
    rejected = rejected_event(ledger, customer_id, body.event_id)
    assert rejected is not None
    used, label = rejected.used, body.rate_card
    exact = ledger.judge(used, rejected.at, account.now, label)[1]
    ledger.charge(account, used, exact, label=label, for_ever=True)


def _grant(ledger: Partition, account: Account, command: Command, body: Grant) -> None:
    ledger.granted.append((command.customer_id, body))
    lot = lot_commands.grant(account, body, body.lot_id or command.command_id)
    for dispute in ledger.disputes:
        whose = dispute.customer_id, dispute.payment_id
        if lot.payment_id and whose == (command.customer_id, lot.payment_id):
            disputes.act_on_opening(account, lot, dispute)


def _refund(
    ledger: Partition, account: Account, customer_id: str, body: RefundUsage | RefundPurchase
) -> None:
    if isinstance(body, RefundUsage):
        refund_commands.give_back(account, body)
        made = Refunded(customer_id=customer_id, refund_id=body.refund_id)
    else:
        money = refund_commands.refund_purchase(account, body)
        made = Refunded(
            customer_id=customer_id,
            refund_id=body.refund_id,
            payment_id=body.payment_id,
            money=money,
        )
    ledger.refunded.append(made)


def _note(ledger: Partition, account: Account, customer_id: str, body: NoteDispute) -> None:
    before = [each for each in ledger.disputes if each.customer_id == customer_id]
    state = disputes.outcome(body, before)
    known = [each for each in before if each.payment_id == body.payment_id]
    if not known:
        new = Dispute(
            customer_id=customer_id, dispute_id=body.dispute_id, payment_id=body.payment_id
        )
        ledger.disputes.append(new)
        known = [new]
    disputes.note(account, known[0], state)
