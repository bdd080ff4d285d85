"""Taking back and correcting: voids, adjustments, expiry changes (`rulings.md` 5, 6, 21, 37)."""

from drawdown.domain.bookings import close, open_granted, own_terms
from drawdown.domain.drafts import Draft, allocation
from drawdown.domain.entries import Allocation, EntryDetails
from drawdown.domain.inputs import Adjust, ChangeExpiry, Void
from drawdown.domain.lot_changes import dated
from drawdown.domain.numbers import AMOUNT_MAX, NEVER
from drawdown.domain.refusals import Refusal, wrong_amount


def void(draft: Draft, body: Void) -> Refusal | None:
    """Take back credits of a lot: all that is unreserved, and close it, or an amount."""
    if body.amount is not None and not 0 < body.amount <= AMOUNT_MAX:
        return wrong_amount(body.amount, "voided")
    lot = draft.account.lots.get(body.lot_id)
    if lot is None:
        return Refusal("unknown_lot", f"there is no lot {body.lot_id}")
    if lot.closed:
        return Refusal("lot_closed", f"lot {lot.lot_id} is closed")
    if body.amount is None:
        close(draft, lot)
        return None
    if body.amount > lot.unreserved:
        return Refusal("nothing_to_void", f"lot {lot.lot_id} has {lot.unreserved} unreserved")
    draft.book("void", amount=-body.amount, allocations=[allocation(lot, body.amount)])
    return None


def adjust(draft: Draft, body: Adjust, lot_id: str) -> Refusal | None:
    """Add credits in a lot of their own, or take free ones in burn order, whole or refused."""
    account, at = draft.account, draft.at
    if body.amount == 0:
        return Refusal("invalid_amount", "an adjustment of 0 changes nothing")
    if abs(body.amount) > AMOUNT_MAX or account.balance + body.amount > AMOUNT_MAX:
        return Refusal("out_of_range", f"{body.amount} micro-credits")
    if body.amount < 0:
        return _take(draft, body)
    if body.expires_at is not None and not at < body.expires_at < NEVER:
        return Refusal("invalid_period", "it would have expired before it is accepted")
    if lot_id in account.lots:
        return Refusal("lot_id_used", f"lot {lot_id} exists")
    terms = own_terms(
        account, lot_id=lot_id, kind="adjustment", effective_at=at, expires_at=body.expires_at
    )
    open_granted(draft, terms, body.amount, draft.origin, entry_type="adjustment")
    return None


def _take(draft: Draft, body: Adjust) -> Refusal | None:
    account, left = draft.account, -body.amount
    if body.expires_at is not None:
        return Refusal("invalid_period", "what is taken has no expiry")
    if account.free_at(draft.at) < left:
        return Refusal("insufficient_credits", f"{account.free_at(draft.at)} are free")
    parts: list[Allocation] = []
    for lot in account.live:
        part = min(left, lot.unreserved)
        if part and lot.usable_at(draft.at):
            parts.append(allocation(lot, part))
            left -= part
    draft.book("adjustment", amount=body.amount, allocations=parts)
    return None


def change_expiry(draft: Draft, body: ChangeExpiry) -> Refusal | None:
    """Set a lot's expiry, also while it is frozen; None: never."""
    at = draft.at
    expires_at = NEVER if body.expires_at is None else body.expires_at
    if body.expires_at is not None and not at < expires_at < NEVER:
        return Refusal("invalid_period", "a lot can't be made to expire in the past")
    lot = draft.account.lots.get(body.lot_id)
    if lot is not None and expires_at <= lot.effective_at:
        return Refusal("invalid_period", "a lot can't expire before it starts")
    if lot is None:
        return Refusal("unknown_lot", f"there is no lot {body.lot_id}")
    if lot.closed:
        return Refusal("lot_closed", f"lot {lot.lot_id} is closed")
    if lot.past_at(at):
        return Refusal("lot_expired", f"lot {lot.lot_id} has expired")
    change = dated(lot, expires_at, at)
    draft.book("expiry_changed", details=EntryDetails(lot_changes=[change]))
    return None
