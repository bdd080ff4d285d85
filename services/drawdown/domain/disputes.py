"""Disputes of payments, in whatever order and number their notices come (`rulings.md` 26, 35)."""

from typing import Final, Literal, final

from drawdown.domain.accounts import Account, Payment
from drawdown.domain.drafts import Draft, allocation
from drawdown.domain.entries import Dispute, EntryDetails, LotChange
from drawdown.domain.ids import valid_id
from drawdown.domain.inputs import NoteDispute
from drawdown.domain.lot_changes import frozen, lost, reinstated, reopened, thawed
from drawdown.domain.lots import Lot
from drawdown.domain.refusals import Refusal
from drawdown.domain.returns import Returns

DISPUTE: Final = "dispute"
"""The reason for which a disputed lot is frozen."""

State = Literal["opened", "won", "lost", "reinstated"]

_REPEATED: Final = frozenset(
    {
        ("opened", "opened"),
        ("won", "opened"),
        ("won", "won"),
        ("lost", "opened"),
        ("lost", "lost"),
        ("reinstated", "opened"),
        ("reinstated", "lost"),
        ("reinstated", "reinstated"),
    }
)
"""What a dispute is, and a notice that says nothing newer."""
_CONTRADICTED: Final = frozenset(
    {("won", "lost"), ("won", "reinstated"), ("lost", "won"), ("reinstated", "won")}
)


@final
class Repeated:
    """A notice that repeats what is known, or is older: it changes nothing."""


def note_dispute(draft: Draft, body: NoteDispute, named: str | None) -> Refusal | Repeated | None:
    """Bring a payment's dispute to a state. `named` is the payment that this dispute id named
    before, None: none."""
    if not valid_id(body.dispute_id) or not valid_id(body.payment_id):
        return Refusal("invalid_id", "dispute_id and payment_id must be 1–128 bytes without NUL")
    if named is not None and named != body.payment_id:
        return Refusal("dispute_id_used", f"{body.dispute_id} disputes {named}")
    account = draft.account
    payment = account.payments.get(body.payment_id)
    before: State | None = None
    if payment is not None and payment.dispute is not None:
        if payment.dispute.dispute_id != body.dispute_id:
            other = payment.dispute.dispute_id
            return Refusal("dispute_state", f"{body.payment_id} is disputed by {other}")
        before = payment.dispute.state
    if (before, body.state) in _REPEATED:
        return Repeated()
    if (before, body.state) in _CONTRADICTED:
        return Refusal("dispute_state", f"the dispute was {before}")
    state: State = body.state
    if state == "reinstated" and before != "lost":
        state = "won"
    dispute = Dispute(dispute_id=body.dispute_id, payment_id=body.payment_id, state=state)
    _act(draft, payment, dispute, before)
    return None


def act_on_opening(draft: Draft, lot: Lot, dispute: Dispute) -> None:
    """Do to a lot that just opened what a dispute of its payment asks for."""
    if dispute.state == "opened":
        _freeze(draft, lot, dispute)
    elif dispute.state == "lost":
        _lose(draft, lot, dispute)


def _act(draft: Draft, payment: Payment | None, dispute: Dispute, before: State | None) -> None:
    lot_id = "" if payment is None else payment.lot_id
    if payment is None or not lot_id or (dispute.state == "won" and before is None):
        draft.book("dispute_noted", details=EntryDetails(dispute=dispute))
        return
    lot = draft.account.lots[lot_id]
    if dispute.state == "opened":
        _freeze(draft, lot, dispute)
    elif dispute.state == "won":
        left = [each for each in lot.freezes if each != DISPUTE]
        change = thawed(lot, left, draft.at)
        draft.book("unfreeze", details=EntryDetails(lot_changes=[change], dispute=dispute))
    elif dispute.state == "lost":
        _lose(draft, lot, dispute)
    else:
        _reinstate(draft, lot, dispute)


def _freeze(draft: Draft, lot: Lot, dispute: Dispute) -> None:
    change = frozen(lot, DISPUTE, draft.at)
    draft.book("freeze", details=EntryDetails(lot_changes=[change], dispute=dispute))


def _lose(draft: Draft, lot: Lot, dispute: Dispute) -> None:
    """Unspent credits are clawed back, spent ones become debt; the freeze ends."""
    left = [each for each in lot.freezes if each != DISPUTE]
    change = lost(lot, left, draft.at)
    taken = lot.unreserved
    draft.book(
        "clawback",
        amount=-(taken + lot.spent),
        allocations=[allocation(lot, taken)] if taken else [],
        details=EntryDetails(lot_changes=[change], dispute=dispute),
        debt=lot.spent,
    )


def _reinstate(draft: Draft, lot: Lot, dispute: Dispute) -> None:
    """The money came back after all: so do the credits, and what had become debt."""
    account, at = draft.account, draft.at
    returns = Returns(account, reinstated=lot.lot_id)
    if lot.clawed_back:
        returns.credits[lot.lot_id] = lot.clawed_back
    returns.lower_debt(lot.debt)
    returns.expire_first(draft)
    changes = [each for each in returns.lot_changes(at) if each.lot_id != lot.lot_id]
    draft.book(
        "clawback",
        amount=returns.amount,
        allocations=returns.allocations(),
        details=EntryDetails(
            lot_changes=[_reinstated(account, lot, at), *changes], dispute=dispute
        ),
        debt=-returns.off_debt,
    )


def _reinstated(account: Account, lot: Lot, at: int) -> LotChange:
    """Its expiry moves by the time of the dispute; a closed lot that gets credits back reopens as
    for a refund."""
    change = reinstated(lot, at)
    if lot.closed and lot.clawed_back:
        return reopened(change, at + account.policy.refund_grace_us, at)
    return change
