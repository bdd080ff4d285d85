"""Evolve: an entry applied to the state. It decides nothing, so that every later version folds an
old ledger to the same state.

What allocations mean is said by the entry's type; `details` carry what changes beyond them.
"""

from collections.abc import Callable
from typing import Final

from drawdown.domain.accounts import Account
from drawdown.domain.charges import (
    Charged,
    Settled,
    charged_by,
    charged_event,
    taken_back,
    without_lost,
)
from drawdown.domain.entries import Allocation, EntryDetails, EntryFacts
from drawdown.domain.lots import Lot, lot_of
from drawdown.domain.policies import DEFAULT_POLICY, changed, merged
from drawdown.domain.rating import month_key

MOVES_NO_CREDITS: Final = frozenset(
    {"freeze", "unfreeze", "expiry_changed", "dispute_noted"}
    | {"policy_changed", "rejected", "rate_card_applied", "period_closed", "record_parked"}
)
"""Entries that move no credits; some change a lot's terms."""
SPENDING: Final = frozenset({"deduction", "hold_captured", "overdraft_settled"})
"""Entries whose allocations are spent; the reserved ones are reserved no more."""
RESERVING: Final = {"hold_placed": 1, "hold_extended": 1, "hold_released": -1, "hold_expired": -1}
"""Entries whose allocations are reserved, or given back."""
VOIDING: Final = frozenset({"void", "adjustment"})
"""Entries whose allocations are voided; an adjustment that adds credits has none."""


class UnknownEntry(ValueError):
    """An entry of a type that this version can't fold."""


def fold(account: Account, facts: EntryFacts, record: bytes = b"") -> Charged | None:
    """Apply one entry's facts to its account. Gives the charge of a deduction.

    `record` is the entry's in the log, where a shelf can find it again: what a charge drew is left
    to that.

    Raises `UnknownEntry` for a type of a later version; an entry that doesn't follow the
    account's last one is an assertion.
    """
    assert facts.account_seq == account.account_seq + 1, (
        f"{account.customer_id}: entry {facts.account_seq} doesn't follow {account.account_seq}"
    )
    assert facts.balance == account.balance + facts.amount, (
        f"{account.customer_id}: entry {facts.account_seq} moves the balance by another amount"
    )
    move(account, facts)
    account.available = facts.available
    return keep(account, facts, record)


def move(account: Account, facts: EntryFacts) -> None:
    """Apply what an entry does to figures, lots and holds."""
    # Most entries are deductions: they don't look their move up.
    if facts.type == "deduction":
        _spend(account, facts)
    elif facts.type not in MOVES_NO_CREDITS:
        moves = _MOVES.get(facts.type)
        if moves is None:
            raise UnknownEntry(f"this version can't fold an entry of type {facts.type!r}")
        moves(account, facts)
    details = facts.details
    if details is not None:
        _apply_details(account, details)
    account.account_seq = facts.account_seq
    account.balance = facts.balance
    account.held = facts.held
    account.overdraft = facts.overdraft
    account.debt = facts.debt
    account.overage_total = facts.overage_total
    account.residue = facts.residue


def _open(account: Account, facts: EntryFacts) -> None:
    account.open_lot(opened_lot(facts))


def opened_lot(facts: EntryFacts) -> Lot:
    """The lot that a `grant`, or a positive `adjustment`, opens.

    What fell due counts as accepted when it did, however long afterwards it was booked.
    """
    assert facts.details is not None
    terms = facts.details.lot
    assert terms is not None, "a grant says what it opens"
    accepted_at = min(facts.recorded_at, facts.effective_at)
    return lot_of(terms, granted=facts.amount, reason=facts.reason, accepted_at=accepted_at)


def _apply_details(account: Account, details: EntryDetails) -> None:
    for change in details.lot_changes:
        account.change_lot(change)
    account.reserved_room += details.reserved_room
    if details.account_frozen is not None:
        account.frozen = details.account_frozen


def _spend(account: Account, facts: EntryFacts) -> None:
    lots = account.lots
    details = facts.details
    if details is None or details.hold is None:
        for part in facts.allocations:
            account.spend(lots[part.lot_id], part.amount, part.released_minor)
        return
    hold = account.set_hold(details.hold)
    for part in facts.allocations:
        lot = lots[part.lot_id]
        if part.reserved:
            account.spend_reserved(hold, lot, part.amount, part.released_minor)
        else:
            account.spend(lot, part.amount, part.released_minor)


def _settle(account: Account, facts: EntryFacts) -> None:
    """Debt is paid before overdraft, so the first allocations are those of debt."""
    of_debt = account.debt - facts.debt
    for part in facts.allocations:
        account.spend(account.lots[part.lot_id], part.amount, part.released_minor)
        for_debt = min(of_debt, part.amount)
        of_debt -= for_debt
        if for_debt:
            account.settled_debt = Settled(part.lot_id, for_debt, account.settled_debt)
        if part.amount > for_debt:
            rest = part.amount - for_debt
            account.settled_overdraft = Settled(part.lot_id, rest, account.settled_overdraft)


def _reserve(account: Account, facts: EntryFacts) -> None:
    assert facts.details is not None
    assert facts.details.hold is not None
    hold = account.set_hold(facts.details.hold)
    for part in facts.allocations:
        account.reserve(hold, account.lots[part.lot_id], part.amount)


def _end_hold(account: Account, facts: EntryFacts) -> None:
    assert facts.details is not None
    assert facts.details.hold is not None
    hold = account.set_hold(facts.details.hold)
    hold.ended_at = facts.effective_at
    for part in facts.allocations:
        account.give_back(hold, account.lots[part.lot_id], part.amount)


def _shift(account: Account, part: Allocation, amount: int) -> Lot:
    """Add credits to a lot, or take them; the caller says what they come from or go to."""
    lot = account.lots[part.lot_id]
    account.touch(lot)
    lot.remaining += amount
    lot.released_minor += part.released_minor
    account.moved(lot)
    return lot


def _expire(account: Account, facts: EntryFacts) -> None:
    for part in facts.allocations:
        _shift(account, part, -part.amount).expired += part.amount


def _void(account: Account, facts: EntryFacts) -> None:
    for part in facts.allocations:
        _shift(account, part, -part.amount).voided += part.amount


def _adjust(account: Account, facts: EntryFacts) -> None:
    if facts.amount > 0:
        _open(account, facts)
    else:
        _void(account, facts)


def _return(account: Account, part: Allocation) -> None:
    """Spent credits go back to their lot."""
    _shift(account, part, part.amount).spent -= part.amount


def _refund(account: Account, facts: EntryFacts) -> None:
    charge = facts.charge
    assert charge is not None
    for part in facts.allocations:
        _return(account, part)
    unsettled = -charge.overdrawn - (account.overdraft - facts.overdraft)
    _, account.settled_overdraft = taken_back(account.settled_overdraft, unsettled)
    _lower_debt(account, facts)


def reinstated_lot(facts: EntryFacts) -> str:
    """The lot of the payment that a clawback of positive amount gives back: the first it changes.

    What else it allocates goes back to lots that had settled the debt. Empty for other entries.
    """
    if facts.type != "clawback" or facts.amount <= 0:
        return ""
    assert facts.details is not None
    return facts.details.lot_changes[0].lot_id


def _claw_back(account: Account, facts: EntryFacts) -> None:
    reinstated = reinstated_lot(facts)
    for part in facts.allocations:
        if facts.amount > 0 and part.lot_id != reinstated:
            _return(account, part)
            continue
        amount = part.amount if facts.amount <= 0 else -part.amount
        _shift(account, part, -amount).clawed_back += amount
    if facts.amount > 0:
        _lower_debt(account, facts)


def _lower_debt(account: Account, facts: EntryFacts) -> None:
    """Lots whose debt falls: what was outstanding falls with the figure, the rest was settled."""
    assert facts.details is not None
    fallen = 0
    for change in facts.details.lot_changes:
        lot = account.lots[change.lot_id]
        fall = lot.debt - change.debt
        fallen += fall
        if fall and change.clawed:
            account.touch(lot)
            lot.spent -= fall
            lot.clawed_back += fall
            account.moved(lot)
    if fallen:
        lost = lost_lots(account, reinstated_lot(facts))
        undone, account.settled_debt = without_lost(account.settled_debt, lost)
        unsettled = fallen - sum(undone.values()) - (account.debt - facts.debt)
        _, account.settled_debt = taken_back(account.settled_debt, unsettled)


def lost_lots(account: Account, reinstated: str) -> frozenset[str]:
    """The lots whose payments were lost, but for the one that is being reinstated."""
    return frozenset(
        lot.lot_id for lot in account.lots.values() if lot.clawed and lot.lot_id != reinstated
    )


_MOVES: Final[dict[str, Callable[[Account, EntryFacts], None]]] = {
    "deduction": _spend,
    "hold_captured": _spend,
    "grant": _open,
    "overdraft_settled": _settle,
    "hold_placed": _reserve,
    "hold_extended": _reserve,
    "hold_released": _end_hold,
    "hold_expired": _end_hold,
    "refund": _refund,
    "clawback": _claw_back,
    "adjustment": _adjust,
    "expiration": _expire,
    "void": _void,
}


# ---- What later decisions look up.


def keep(account: Account, facts: EntryFacts, record: bytes) -> Charged | None:
    """Keep what an entry says beyond figures, lots and holds. Gives the charge of a deduction."""
    if facts.account_seq == 1:
        account.begun_at = facts.recorded_at
    charged = _keep_charge(account, facts, record) if facts.type == "deduction" else None
    if facts.details is not None:
        _keep_details(account, facts, facts.details)
    return charged


def _keep_charge(account: Account, facts: EntryFacts, record: bytes) -> Charged:
    assert facts.charge is not None, "a deduction says what was charged"
    event_id, charged = charged_event(facts), charged_by(facts, record)
    if facts.charge.charged_before:
        account.charges.keep(event_id, charged)
    else:
        account.charges.keep_first(event_id, charged)
    return charged


def _keep_details(account: Account, facts: EntryFacts, details: EntryDetails) -> None:
    for total in details.month_totals:
        account.month_totals[month_key(total.line_id, total.month)] = total.quantity_micro
    if details.lot is not None and details.lot.payment_id:
        account.payment(details.lot.payment_id).lot_id = details.lot.lot_id
    _keep_refund(account, details)
    if details.dispute is not None:
        account.payment(details.dispute.payment_id).dispute = details.dispute
    if details.policy is not None:
        _change_policy(account, facts)


def _keep_refund(account: Account, details: EntryDetails) -> None:
    refund = details.refund
    if refund is None:
        return
    if refund.event_id:
        account.charges.refunded(refund.event_id, account.unit, refund.amount)
    else:
        account.payment(refund.payment_id).returned_minor += refund.money_minor


def _change_policy(account: Account, facts: EntryFacts) -> None:
    assert facts.details is not None
    change = facts.details.policy
    assert change is not None, "a policy_changed entry says what changes"
    account.policy_change = merged(account.policy_change, change)
    if change.recurring is not None:
        account.recurring_set_at = facts.recorded_at
    # Whoever knows the partition's default resolves it against that.
    account.set_policy(changed(DEFAULT_POLICY, account.policy_change))
