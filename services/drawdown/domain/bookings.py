"""Bookings that several kinds of decision share: a lot opens, expires, is closed."""

from drawdown.domain.drafts import Draft, Origin, allocation
from drawdown.domain.entries import Allocation, EntryDetails, EntryType, LotTerms
from drawdown.domain.lot_changes import closed
from drawdown.domain.lots import Lot


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
