"""Grants: additions of credits, each of which opens a lot."""

from collections.abc import Container

from drawdown.domain.accounts import Account
from drawdown.domain.bookings import open_granted
from drawdown.domain.codes import RejectionCode
from drawdown.domain.currencies import places_of
from drawdown.domain.disputes import act_on_opening
from drawdown.domain.drafts import Draft
from drawdown.domain.entries import LotTerms
from drawdown.domain.ids import valid_id
from drawdown.domain.inputs import Grant
from drawdown.domain.lots import PENDING
from drawdown.domain.numbers import AMOUNT_MAX, NEVER
from drawdown.domain.refusals import Refusal


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
) -> Refusal | None:
    """Why a grant can't be accepted, by precedence, or None. `used` holds business keys."""
    return (
        _ids_refusal(grant, lot_id)
        or _reach_refusal(account, grant)
        or _value_refusal(grant)
        or _period_refusal(grant, recorded_at)
        or _state_refusal(account, grant, lot_id, used)
    )


def _ids_refusal(grant: Grant, lot_id: str) -> Refusal | None:
    named = (("lot_id", lot_id), ("payment_id", grant.payment_id), ("campaign", grant.campaign))
    for name, value in (*named, ("referral_id", grant.referral_id)):
        if (value or name == "lot_id") and not valid_id(value):
            return Refusal("invalid_id", f"{name} must be 1–128 bytes without NUL")
    return None


def _reach_refusal(account: Account, grant: Grant) -> Refusal | None:
    balance = account.balance + grant.amount
    if grant.amount > AMOUNT_MAX or balance > AMOUNT_MAX:
        return Refusal("out_of_range", f"{grant.amount} micro-credits, to a balance of {balance}")
    return None


def _value_refusal(grant: Grant) -> Refusal | None:
    if grant.amount <= 0:
        return Refusal("invalid_amount", f"{grant.amount} micro-credits can't be granted")
    priced = grant.price_minor or grant.list_price_minor
    if (priced or grant.currency) and places_of(grant.currency) is None:
        return Refusal("invalid_currency", f"{grant.currency!r} is no ISO 4217 currency")
    for price in (grant.price_minor, grant.list_price_minor):
        if not 0 <= price <= AMOUNT_MAX:
            return Refusal("invalid_price", f"{price} minor units")
    if grant.kind == "promotional" and grant.price_minor:
        return Refusal("invalid_price", "a promotional grant has no price, only a list price")
    if not 0 <= grant.priority <= 100:
        return Refusal("invalid_priority", f"{grant.priority} is outside 0–100")
    dated = grant.opens_at is not None or grant.voids_at is not None
    if (grant.freeze or dated) and grant.freeze not in PENDING:
        return Refusal("invalid_freeze", f"{grant.freeze!r} is none of {', '.join(PENDING)}")
    return None


def _period_refusal(grant: Grant, recorded_at: int) -> Refusal | None:
    if grant.effective_at is not None and grant.effective_at >= NEVER:
        return Refusal("invalid_period", "it would start after the end of time")
    for name, moment in (("opened", grant.opens_at), ("voided", grant.voids_at)):
        if moment is not None and not recorded_at < moment < NEVER:
            return Refusal("invalid_period", f"it would have been {name} before it is accepted")
    if grant.expires_at is None:
        return None
    if grant.expires_at <= recorded_at:
        return Refusal("invalid_period", "it would have expired before it is accepted")
    if grant.expires_at >= NEVER:
        return Refusal("invalid_period", "leave expires_at out for credits that never expire")
    if grant.effective_at is not None and grant.effective_at >= grant.expires_at:
        return Refusal("invalid_period", "its start isn't before its expiry")
    return None


def _state_refusal(
    account: Account, grant: Grant, lot_id: str, used: Container[str]
) -> Refusal | None:
    if lot_id in account.lots:
        return Refusal("lot_id_used", f"lot {lot_id} exists")
    for code, key in business_keys(grant):
        if key in used:
            return Refusal(code, f"{key} was granted before")
    return None


def grant_credits(draft: Draft, grant: Grant, lot_id: str, used: Container[str]) -> Refusal | None:
    """Open a lot, and let a dispute of its payment act that was noted before."""
    account = draft.account
    refused = refusal(account, grant, lot_id, draft.at, used)
    if refused is not None:
        return refused
    terms = _terms(account, grant, lot_id, draft.at)
    open_granted(draft, terms, grant.amount, draft.origin)
    payment = account.payments.get(grant.payment_id) if grant.payment_id else None
    if payment is not None and payment.dispute is not None:
        act_on_opening(draft, account.lots[lot_id], payment.dispute)
    return None


def _terms(account: Account, grant: Grant, lot_id: str, recorded_at: int) -> LotTerms:
    start = recorded_at if grant.effective_at is None else max(grant.effective_at, recorded_at)
    freezes = [grant.freeze] if grant.freeze else []
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
        opens_at=grant.opens_at,
        voids_at=grant.voids_at,
        freezes=freezes + account.freezes,
    )
