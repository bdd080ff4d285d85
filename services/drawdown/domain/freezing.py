"""Freezing: lots and accounts that pay for nothing until they are unfrozen (`rulings.md` 4, 36)."""

from typing import Final

from drawdown.domain.drafts import Draft
from drawdown.domain.entries import EntryDetails
from drawdown.domain.inputs import Freeze, Unfreeze
from drawdown.domain.lot_changes import frozen, thawed
from drawdown.domain.lots import ACCOUNT, PENDING
from drawdown.domain.refusals import Refusal

MANUAL: Final = "manual"


def freeze(draft: Draft, body: Freeze) -> Refusal | None:
    """Freeze a lot, or the account with all its lots."""
    account, at = draft.account, draft.at
    if not body.lot_id:
        if account.frozen:
            return Refusal("already_frozen", "the account is frozen")
        changes = [frozen(lot, ACCOUNT, at) for lot in account.lots.values()]
        draft.book("freeze", details=EntryDetails(lot_changes=changes, account_frozen=True))
        return None
    lot = account.lots.get(body.lot_id)
    if lot is None:
        return Refusal("unknown_lot", f"there is no lot {body.lot_id}")
    if MANUAL in lot.freezes:
        return Refusal("already_frozen", f"lot {lot.lot_id} is frozen by hand")
    draft.book("freeze", details=EntryDetails(lot_changes=[frozen(lot, MANUAL, at)]))
    return None


def unfreeze(draft: Draft, body: Unfreeze) -> Refusal | None:
    """Lift a lot's manual and pending freezes, or the account's."""
    account, at = draft.account, draft.at
    if not body.lot_id:
        if not account.frozen:
            return Refusal("not_frozen", "the account isn't frozen")
        changes = [
            thawed(lot, [each for each in lot.freezes if each != ACCOUNT], at)
            for lot in account.lots.values()
            if ACCOUNT in lot.freezes
        ]
        draft.book("unfreeze", details=EntryDetails(lot_changes=changes, account_frozen=False))
        return None
    lot = account.lots.get(body.lot_id)
    if lot is None:
        return Refusal("unknown_lot", f"there is no lot {body.lot_id}")
    left = [each for each in lot.freezes if each != MANUAL and each not in PENDING]
    if left == lot.freezes:
        return Refusal("not_frozen", f"no freeze of lot {lot.lot_id} could be lifted")
    draft.book("unfreeze", details=EntryDetails(lot_changes=[thawed(lot, left, at)]))
    return None
