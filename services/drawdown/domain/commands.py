"""Commands: what each asks for, and what it comes to."""

from drawdown.domain.books import Books
from drawdown.domain.disputes import Repeated, note_dispute
from drawdown.domain.drafts import Draft
from drawdown.domain.entries import PARTITION_CUSTOMER, PARTITION_UNIT, EntryDetails
from drawdown.domain.freezing import freeze, unfreeze
from drawdown.domain.grants import grant_credits
from drawdown.domain.holding import (
    capture_hold,
    extend_hold,
    place_batch,
    place_hold,
    release_hold,
)
from drawdown.domain.ids import valid_id
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
    RefundPurchase,
    RefundUsage,
    ReleaseHold,
    Tick,
    Unfreeze,
    Void,
)
from drawdown.domain.memory import key_of
from drawdown.domain.numbers import SECOND_US
from drawdown.domain.parking import park
from drawdown.domain.policies import refusal as policy_refusal
from drawdown.domain.rate_card_rules import check_card
from drawdown.domain.refunds import refund_purchase, refund_usage
from drawdown.domain.refusals import Refusal
from drawdown.domain.voiding import adjust, change_expiry, void

Ruling = Refusal | Repeated | None
"""Why a command is refused, or that it says nothing new; None: it is carried out."""

_ABOUT_NO_CUSTOMER = (ApplyRateCard, ChangePolicy, ClosePeriod, ParkRecord)


def carry_out(books: Books, draft: Draft, command: Command) -> Ruling:
    """Carry out a command that wasn't decided before, or say why not. What is refused may have
    been booked in part: the caller starts anew."""
    account = draft.account
    body = command.body
    if not valid_id(account.unit):
        return Refusal("invalid_id", "unit must be 1–128 bytes without NUL")
    if account.customer_id == PARTITION_CUSTOMER:
        if account.unit != PARTITION_UNIT:
            return Refusal("invalid_customer", f"$partition has one account, in {PARTITION_UNIT}")
        if not isinstance(body, _ABOUT_NO_CUSTOMER):
            return Refusal("invalid_customer", "this is asked of a customer, not of $partition")
    elif isinstance(body, (ApplyRateCard, ClosePeriod, ParkRecord, Tick)):
        return Refusal("invalid_customer", "this is asked of $partition, not of a customer")
    if isinstance(body, (ChangePolicy, ApplyRateCard, ClosePeriod)):
        return _about_rules(books, draft, body)
    if isinstance(body, ParkRecord):
        return park(books.parking, draft, body)
    if isinstance(body, (PlaceHold, ExtendHold, CaptureHold, ReleaseHold, Batch)):
        return _about_holds(draft, body)
    return _about_lots(books, draft, command)


def _about_holds(
    draft: Draft, body: PlaceHold | ExtendHold | CaptureHold | ReleaseHold | Batch
) -> Refusal | None:
    if isinstance(body, PlaceHold):
        return place_hold(draft, body)
    if isinstance(body, ExtendHold):
        return extend_hold(draft, body)
    if isinstance(body, CaptureHold):
        return capture_hold(draft, body)
    if isinstance(body, ReleaseHold):
        return release_hold(draft, body)
    return place_batch(draft, body)


def _about_lots(books: Books, draft: Draft, command: Command) -> Ruling:
    body = command.body
    customer_id = command.customer_id
    used = books.business_keys(customer_id)
    if isinstance(body, Grant):
        return grant_credits(draft, body, body.lot_id or command.command_id, used)
    if isinstance(body, Void):
        return void(draft, body)
    if isinstance(body, RefundUsage):
        return refund_usage(draft, body, used)
    if isinstance(body, RefundPurchase):
        return refund_purchase(draft, body, used)
    if isinstance(body, Adjust):
        return adjust(draft, body, command.command_id)
    if isinstance(body, ChangeExpiry):
        return change_expiry(draft, body)
    if isinstance(body, Freeze):
        return freeze(draft, body)
    if isinstance(body, Unfreeze):
        return unfreeze(draft, body)
    assert isinstance(body, NoteDispute), f"{type(body).__name__} is carried out elsewhere"
    named = books.disputes.get(key_of(customer_id, body.dispute_id))
    return note_dispute(draft, body, named)


def _about_rules(
    books: Books, draft: Draft, body: ChangePolicy | ApplyRateCard | ClosePeriod
) -> Refusal | None:
    if isinstance(body, ChangePolicy):
        wrong = policy_refusal(body.policy)
        if wrong:
            return Refusal("invalid_policy", wrong)
        draft.book("policy_changed", details=EntryDetails(policy=body.policy))
        return None
    if isinstance(body, ApplyRateCard):
        return _apply_rate_card(books, draft, body)
    if not books.closed_until < body.closed_until <= draft.at:
        return Refusal("invalid_period", "a period is closed once, and after it has ended")
    draft.book("period_closed", details=EntryDetails(closed_until=body.closed_until))
    return None


def _apply_rate_card(books: Books, draft: Draft, body: ApplyRateCard) -> Refusal | None:
    card = body.card
    wrong = check_card(card)
    if wrong:
        return Refusal("invalid_rate_card", "; ".join(wrong[:5]))
    if books.rate_book.labelled(card.label) is not None:
        return Refusal("invalid_rate_card", f"{card.label} was applied before: name a new version")
    if card.effective_from < draft.at + books.rate_card_lead_us:
        lead_s = books.rate_card_lead_us // SECOND_US
        return Refusal(
            "invalid_rate_card", f"effective_from must be {lead_s} s or more after it is recorded"
        )
    draft.book("rate_card_applied", details=EntryDetails(rate_card=card))
    return None
