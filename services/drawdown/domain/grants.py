"""Grants: additions of credits, each of which opens a lot."""

from collections.abc import Container

from drawdown.domain.accounts import Account, Lot
from drawdown.domain.codes import RejectionCode
from drawdown.domain.currencies import places_of
from drawdown.domain.drafts import Draft, Origin
from drawdown.domain.entries import (
    PARTITION_CUSTOMER,
    Allocation,
    EntryDetails,
    EntryFacts,
    LotTerms,
)
from drawdown.domain.inputs import Grant
from drawdown.domain.numbers import AMOUNT_MAX, NEVER
from drawdown.domain.settlement import settle

ID_BYTES_MAX = 128


def valid_id(text: str) -> bool:
    """1–128 bytes, without NUL (which no text column of the read models could hold)."""
    length = len(text)
    if length == 0 or length > ID_BYTES_MAX or "\0" in text:
        return False
    # Four bytes a character at most, so that short ids need no encoding to be measured.
    return length <= ID_BYTES_MAX // 4 or len(text.encode()) <= ID_BYTES_MAX


def business_keys(grant: Grant | LotTerms) -> list[tuple[RejectionCode, str]]:
    """What may be granted to a customer once for ever: the refusal and the key of each."""
    keys: list[tuple[RejectionCode, str]] = []
    if grant.payment_id:
        keys.append(("payment_id_used", f"payment:{grant.payment_id}"))
    if grant.campaign:
        keys.append(("campaign_used", f"campaign:{grant.campaign}"))
    if grant.referral_id:
        keys.append(("referral_used", f"referral:{grant.referral_id}"))
    return keys


def refusal(
    account: Account, grant: Grant, lot_id: str, recorded_at: int, used: Container[str]
) -> tuple[RejectionCode, str] | None:
    """Why a grant can't be accepted, by precedence, or None. `used` holds business keys."""
    return (
        _ids_refusal(grant, lot_id)
        or _reach_refusal(account, grant)
        or _value_refusal(grant)
        or _period_refusal(grant, recorded_at)
        or _state_refusal(account, grant, lot_id, used)
    )


def _ids_refusal(grant: Grant, lot_id: str) -> tuple[RejectionCode, str] | None:
    named = (("lot_id", lot_id), ("payment_id", grant.payment_id), ("campaign", grant.campaign))
    for name, value in (*named, ("referral_id", grant.referral_id)):
        if (value or name == "lot_id") and not valid_id(value):
            return "invalid_id", f"{name} must be 1–128 bytes without NUL"
    return None


def _reach_refusal(account: Account, grant: Grant) -> tuple[RejectionCode, str] | None:
    balance = account.balance + grant.amount
    if grant.amount > AMOUNT_MAX or balance > AMOUNT_MAX:
        return "out_of_range", f"{grant.amount} micro-credits, to a balance of {balance}"
    if grant.freeze or grant.opens_at is not None or grant.voids_at is not None:
        return "unsupported_command", "grants that open frozen aren't carried out yet"
    if account.customer_id == PARTITION_CUSTOMER:
        return "invalid_customer", "credits are granted to a customer"
    return None


def _value_refusal(grant: Grant) -> tuple[RejectionCode, str] | None:
    if grant.amount <= 0:
        return "invalid_amount", f"{grant.amount} micro-credits can't be granted"
    priced = grant.price_minor or grant.list_price_minor
    if (priced or grant.currency) and places_of(grant.currency) is None:
        return "invalid_currency", f"{grant.currency!r} is no ISO 4217 currency"
    for price in (grant.price_minor, grant.list_price_minor):
        if not 0 <= price <= AMOUNT_MAX:
            return "invalid_price", f"{price} minor units"
    if grant.kind == "promotional" and grant.price_minor:
        return "invalid_price", "a promotional grant has no price, only a list price"
    if not 0 <= grant.priority <= 100:
        return "invalid_priority", f"{grant.priority} is outside 0–100"
    return None


def _period_refusal(grant: Grant, recorded_at: int) -> tuple[RejectionCode, str] | None:
    if grant.effective_at is not None and grant.effective_at >= NEVER:
        return "invalid_period", "it would start after the end of time"
    if grant.expires_at is None:
        return None
    if grant.expires_at <= recorded_at:
        return "invalid_period", "it would have expired before it is accepted"
    if grant.expires_at >= NEVER:
        return "invalid_period", "leave expires_at out for credits that never expire"
    if grant.effective_at is not None and grant.effective_at >= grant.expires_at:
        return "invalid_period", "its start isn't before its expiry"
    return None


def _state_refusal(
    account: Account, grant: Grant, lot_id: str, used: Container[str]
) -> tuple[RejectionCode, str] | None:
    if lot_id in account.lots:
        return "lot_id_used", f"lot {lot_id} exists"
    for code, key in business_keys(grant):
        if key in used:
            return code, f"{key} was granted before"
    return None


def grant_credits(
    account: Account, namespace: str, grant: Grant, lot_id: str, origin: Origin
) -> list[EntryFacts]:
    """The `grant` entry, and the settlement of what was owed.

    What fell due before is booked by now, so that no lot but the new one could pay.
    """
    recorded_at = origin.recorded_at
    terms = _terms(account, grant, lot_id, recorded_at)
    lot = Lot(terms, granted=grant.amount, reason=origin.reason, accepted_at=recorded_at)
    draft = Draft(account, namespace, origin)
    if lot.usable_at(recorded_at):
        draft.free += grant.amount
    opened = draft.entry(
        "grant",
        amount=grant.amount,
        effective_at=lot.effective_at,
        allocations=[_opening(lot)],
        details=EntryDetails(lot=terms, lot_changes=[], month_totals=[]),
    )
    return [opened, *settle(draft, [lot], effective_at=recorded_at)]


def _opening(lot: Lot) -> Allocation:
    return Allocation(
        lot_id=lot.lot_id,
        amount=lot.granted,
        kind=lot.kind,
        released_minor=0,
        currency=lot.currency,
        reserved=False,
    )


def _terms(account: Account, grant: Grant, lot_id: str, recorded_at: int) -> LotTerms:
    start = recorded_at if grant.effective_at is None else max(grant.effective_at, recorded_at)
    return LotTerms(
        lot_id=lot_id,
        lot_seq=len(account.lots) + 1,
        kind=grant.kind,
        campaign=grant.campaign,
        price_minor=grant.price_minor,
        currency=grant.currency,
        list_price_minor=grant.list_price_minor,
        priority=grant.priority,
        meters=grant.meters,
        properties=grant.properties,
        effective_at=start,
        expires_at=grant.expires_at,
        payment_id=grant.payment_id,
        referral_id=grant.referral_id,
        opens_at=None,
        voids_at=None,
        freezes=[],
    )
