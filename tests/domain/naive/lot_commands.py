"""Grants, adjustments, voids, freezes and dates: the commands about lots, and why they're refused.

Each `refuse_…` lists every reason that holds; which one is given is the ledger's business.
"""

from collections.abc import Iterator

from drawdown.domain.inputs import Adjust, ChangeExpiry, Freeze, Grant, Unfreeze, Void
from tests.domain.naive.accounts import Account
from tests.domain.naive.booked import MOST
from tests.domain.naive.lots import PENDING, Lot


def refuse_terms(account: Account, grant: Grant) -> Iterator[str]:
    at = account.now
    if grant.amount <= 0:
        yield "invalid_amount"
    if grant.price_minor and not grant.currency:
        yield "invalid_currency"
    if grant.price_minor and grant.kind == "promotional":
        yield "invalid_price"
    if not 0 <= grant.priority <= 100:
        yield "invalid_priority"
    moments = [grant.expires_at, grant.opens_at, grant.voids_at]
    start = grant.effective_at or at
    if any(moment is not None and moment <= at for moment in moments):
        yield "invalid_period"
    if grant.expires_at is not None and start >= grant.expires_at:
        yield "invalid_period"
    timed = grant.opens_at is not None or grant.voids_at is not None
    if grant.freeze not in ("", *PENDING) or (timed and not grant.freeze):
        yield "invalid_freeze"


def refuse_used(account: Account, grant: Grant, lot_id: str, before: list[Grant]) -> Iterator[str]:
    if account.lot(lot_id) is not None:
        yield "lot_id_used"
    if grant.payment_id and grant.payment_id in [other.payment_id for other in before]:
        yield "payment_id_used"
    if grant.campaign and grant.campaign in [other.campaign for other in before]:
        yield "campaign_used"
    if grant.referral_id and grant.referral_id in [other.referral_id for other in before]:
        yield "referral_used"


def refuse_range(account: Account, amount: int) -> Iterator[str]:
    balance = sum(lot.remaining for lot in account.lots) - account.owed
    if balance + amount > MOST:
        yield "out_of_range"


def grant(account: Account, body: Grant, lot_id: str) -> Lot:
    lot = Lot(
        lot_id=lot_id,
        number=len(account.lots) + 1,
        kind=body.kind,
        granted=body.amount,
        price_minor=body.price_minor,
        currency=body.currency,
        priority=body.priority,
        meters=body.meters,
        properties=body.properties,
        start=max(account.now, body.effective_at or account.now),
        expires_at=body.expires_at,
        payment_id=body.payment_id,
        opens_at=body.opens_at,
        voids_at=body.voids_at,
        freezes=[body.freeze] if body.freeze else [],
    )
    account.open(lot, account.now)
    parts = [(lot_id, body.amount, 0, False)]
    account.book("grant", lot.start, amount=body.amount, parts=parts)
    return lot


def refuse_adjustment(account: Account, body: Adjust, lot_id: str) -> Iterator[str]:
    if body.amount == 0:
        yield "invalid_amount"
    if body.expires_at is not None and (body.amount < 0 or body.expires_at <= account.now):
        yield "invalid_period"
    if body.amount > 0 and account.lot(lot_id) is not None:
        yield "lot_id_used"
    free = sum(account.free(lot) for lot in account.lots if lot.usable(account.now))
    if free < -body.amount:
        yield "insufficient_credits"


def adjust(account: Account, body: Adjust, lot_id: str) -> None:
    if body.amount < 0:
        usable = [lot for lot in account.lots if lot.usable(account.now)]
        parts = account.draw(-body.amount, usable, "voided")
    else:
        lot = Lot(
            lot_id=lot_id,
            number=len(account.lots) + 1,
            kind="adjustment",
            granted=body.amount,
            start=account.now,
            expires_at=body.expires_at,
        )
        account.open(lot, account.now)
        parts = [(lot_id, body.amount, 0, False)]
    account.book("adjustment", account.now, amount=body.amount, parts=parts)


def refuse_void(account: Account, body: Void) -> Iterator[str]:
    if body.amount is not None and body.amount <= 0:
        yield "invalid_amount"
    lot = account.lot(body.lot_id)
    if lot is None:
        yield "unknown_lot"
        return
    if body.amount is not None and body.amount > account.free(lot):
        yield "nothing_to_void"
    if lot.closed:
        yield "lot_closed"


def void(account: Account, body: Void) -> None:
    lot = account.lot(body.lot_id)
    assert lot is not None
    if body.amount is None:
        account.void_rest(lot, account.now)
    else:
        part = account.move(lot, "voided", body.amount)
        account.book("void", account.now, amount=-body.amount, parts=[part])


def refuse_date(account: Account, body: ChangeExpiry) -> Iterator[str]:
    if body.expires_at is not None and body.expires_at <= account.now:
        yield "invalid_period"
    lot = account.lot(body.lot_id)
    if lot is None:
        yield "unknown_lot"
        return
    if body.expires_at is not None and body.expires_at <= lot.start:
        yield "invalid_period"
    if lot.closed:
        yield "lot_closed"
    # The date of a lot that stands still moves yet, unless it was past it by then.
    if lot.gone(account.now):
        yield "lot_expired"


def change_date(account: Account, body: ChangeExpiry) -> None:
    lot = account.lot(body.lot_id)
    assert lot is not None
    lot.set_date(body.expires_at, account.now)
    account.book("expiry_changed", account.now)


def refuse_freeze(account: Account, body: Freeze | Unfreeze) -> Iterator[str]:
    lot = account.lot(body.lot_id)
    if body.lot_id and lot is None:
        yield "unknown_lot"
    if isinstance(body, Freeze):
        stands = account.frozen if lot is None else "manual" in lot.freezes
        if stands:
            yield "already_frozen"
    else:
        lifts = account.frozen if lot is None else lot.pending or "manual" in lot.freezes
        if not lifts:
            yield "not_frozen"


def freeze(account: Account, body: Freeze) -> None:
    lot = account.lot(body.lot_id)
    if lot is not None:
        lot.freeze("manual", account.now)
    else:
        account.frozen = True
        for each in account.lots:
            each.freeze("account", account.now)
    account.book("freeze", account.now)


def unfreeze(account: Account, body: Unfreeze) -> None:
    lot = account.lot(body.lot_id)
    if lot is not None:
        lot.thaw(("manual", *PENDING), account.now)
    else:
        account.frozen = False
        for each in account.lots:
            each.thaw(("account",), account.now)
    account.book("unfreeze", account.now)
