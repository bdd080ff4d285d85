"""Bookings that several kinds of decision share: a lot opens, expires, is closed."""

from drawdown.domain.accounts import Account
from drawdown.domain.drafts import Draft, Origin, allocation
from drawdown.domain.entries import Allocation, EntryDetails, EntryType, LotKind, LotTerms
from drawdown.domain.lot_changes import closed
from drawdown.domain.lots import Lot


def own_terms(
    account: Account,
    *,
    lot_id: str,
    kind: LotKind,
    effective_at: int,
    expires_at: int | None,
    campaign: str = "",
    price_minor: int = 0,
    currency: str = "",
    priority: int = 50,
    meters: list[str] | None = None,
    properties: dict[str, str] | None = None,
    period_at: int | None = None,
) -> LotTerms:
    """The terms of a lot that no grant was asked for: of no payment, referral or freeze of its
    own."""
    return LotTerms(
        lot_id=lot_id,
        lot_seq=len(account.lots) + 1,
        kind=kind,
        campaign=campaign,
        price_minor=price_minor,
        currency=currency,
        list_price_minor=0,
        priority=priority,
        meters=[] if meters is None else meters,
        properties={} if properties is None else properties,
        effective_at=effective_at,
        expires_at=expires_at,
        payment_id="",
        referral_id="",
        opens_at=None,
        voids_at=None,
        freezes=account.freezes,
        period_at=period_at,
    )


def open_granted(
    draft: Draft,
    terms: LotTerms,
    amount: int,
    origin: Origin,
    *,
    entry_type: EntryType = "grant",
) -> None:
    """Book the entry that opens a lot of `amount` micro-credits."""
    opening = Allocation(
        lot_id=terms.lot_id,
        amount=amount,
        kind=terms.kind,
        released_minor=0,
        currency=terms.currency,
        reserved=False,
    )
    draft.book(
        entry_type,
        amount=amount,
        effective_at=terms.effective_at,
        allocations=[opening],
        details=EntryDetails(lot=terms),
        origin=origin,
    )


def expire(draft: Draft, lot: Lot, amount: int, origin: Origin) -> None:
    """Book the expiration of credits of a lot, effective when it expired."""
    draft.book(
        "expiration",
        amount=-amount,
        effective_at=lot.expires_at,
        allocations=[allocation(lot, amount)],
        origin=origin,
    )


def close(
    draft: Draft, lot: Lot, *, effective_at: int | None = None, origin: Origin | None = None
) -> None:
    """Void what is unreserved of a lot, be it 0, and close it."""
    amount = lot.unreserved
    draft.book(
        "void",
        amount=-amount,
        effective_at=effective_at,
        allocations=[allocation(lot, amount)] if amount else [],
        details=EntryDetails(lot_changes=[closed(lot)]),
        origin=origin,
    )
