"""Accounts: the state that entries fold into, and the indexes that keep decisions quick."""

from collections.abc import Callable
from typing import Final, final

from mypy_extensions import mypyc_attr

from drawdown.domain.charges import Charges, Settled
from drawdown.domain.dues import Dues
from drawdown.domain.entries import (
    PARTITION_CUSTOMER,
    Dispute,
    HoldState,
    LotChange,
)
from drawdown.domain.holds import Hold
from drawdown.domain.journal import Journal
from drawdown.domain.kept import Kept
from drawdown.domain.lots import ACCOUNT, Lot
from drawdown.domain.numbers import AMOUNT_MAX, NEVER
from drawdown.domain.paying_lots import PayingLots
from drawdown.domain.periods import next_start
from drawdown.domain.policies import DEFAULT_POLICY, NO_CHANGE, Policy


@final
class Payment:
    """A payment of the account: the lot it bought, the money returned of it, its dispute."""

    def __init__(self, payment_id: str) -> None:
        self.payment_id: Final = payment_id
        self.lot_id = ""
        self.returned_minor = 0
        self.dispute: Dispute | None = None


@mypyc_attr(acyclic=True)
@final
class Account:
    """The ledger of one customer in one unit, as of its last entry. Amounts in micro-credits.

    `charges` are the customer's, shared by its accounts.
    """

    def __init__(self, customer_id: str, unit: str, charges: Charges | None = None) -> None:
        self.customer_id: Final = customer_id
        self.unit: Final = unit
        self.account_seq = 0
        self.head = b""
        """Hash of its last entry; empty before its first."""
        self.begun_at = 0
        self.balance = 0
        self.held = 0
        self.available = 0
        self.overdraft = 0
        self.debt = 0
        self.overage_total = 0
        self.residue = 0
        self.reserved_room = 0
        self.frozen = False
        self.policy_change = NO_CHANGE
        self.policy: Policy = DEFAULT_POLICY
        self.recurring_set_at = 0
        """When its own recurring grant was set; 0: it goes by the partition's."""
        self.recurring_since = 0
        """From when its recurring grant is due: when it was set, or when the account began."""
        self.recurred_at = 0
        """The start of the last period that was granted for."""
        self.lots: Final[dict[str, Lot]] = {}
        self.holds: Final[dict[str, Hold]] = {}
        """Those that are open, and those that ended and aren't saved."""
        self.holds_placed = 0
        self.ended_hold: Callable[[str, str, str], Hold | None] | None = None
        """Asks the shelf for a hold that ended, by customer, unit and id; None: all are here. It
        may not lead back to the account: nothing looks for cycles through accounts."""
        self.unsaved_holds: dict[str, None] = {}
        """Ids of holds that changed since they were saved last, if somebody saves them."""
        self.charges: Final = Charges(customer_id, Kept()) if charges is None else charges
        self.payments: Final[dict[str, Payment]] = {}
        self.month_totals: Final[dict[str, int]] = {}
        """Micro-units by line and month, for lines that are priced over the month."""
        self.settled_overdraft: Settled | None = None
        self.settled_debt: Settled | None = None
        self.paying = PayingLots(DEFAULT_POLICY.burn_order)
        self.dues: Final = Dues()
        self.queued_at = NEVER
        """When its partition will look whether something has fallen due."""
        self.journal: Journal | None = None
        # The sum of the free credits of lots that are usable at `_free_at`, and from `_free_from`
        # until `_free_until`: counted once, so that an event doesn't look at every lot.
        self._free = 0
        self._free_at = NEVER
        self._free_from = NEVER
        self._free_until = 0

    @property
    def freezes(self) -> list[str]:
        """What freezes a lot that opens now, beside reasons of its own."""
        return [ACCOUNT] if self.frozen else []

    @property
    def owed(self) -> int:
        """Overdraft and debt."""
        return self.overdraft + self.debt

    @property
    def live(self) -> list[Lot]:
        """Lots with credits left, in burn order. Sorted anew: not for the hot path."""
        order = self.policy.burn_order
        live = [lot for lot in self.lots.values() if lot.remaining > 0]
        return sorted(live, key=lambda lot: lot.burn_key(order))

    def free_at(self, at: int) -> int:
        """Σ (remaining − reserved) of lots that are usable at `at`."""
        if not self._free_from <= at < self._free_until:
            self._count_free(at)
        return self._free

    def _count_free(self, at: int) -> None:
        self._free, self._free_at, self._free_from, self._free_until = 0, at, 0, NEVER
        for lot in self.lots.values():
            if lot.remaining > lot.reserved and not lot.freezes:
                self._count_lot(lot, at)

    def _count_lot(self, lot: Lot, at: int) -> None:
        if lot.effective_at <= at < lot.expires_at:
            self._free += lot.remaining - lot.reserved
        for moment in (lot.effective_at, lot.expires_at):
            if moment <= at:
                self._free_from = max(self._free_from, moment)
            else:
                self._free_until = min(self._free_until, moment)

    def set_policy(self, policy: Policy) -> None:
        """Put a policy in force; what depends on it is sorted anew."""
        if policy.burn_order != self.policy.burn_order:
            self.paying = PayingLots(policy.burn_order)
            for lot in self.lots.values():
                lot.listed = None
                self.paying.place(lot)
        self.policy = policy
        self.dues.set_policy(policy.grace_us, self.next_period())

    def next_period(self) -> int:
        """When the next recurring grant is due; `NEVER`: there is none."""
        grant = self.policy.recurring
        if grant is None or grant.amount == 0 or self.account_seq == 0:
            return NEVER
        if self.customer_id == PARTITION_CUSTOMER:
            return NEVER
        if self.balance >= AMOUNT_MAX:
            return NEVER
        return next_start(grant, self.recurring_since, self.recurred_at)

    # ---- Lots.

    def open_lot(self, lot: Lot) -> None:
        """Add a lot that an entry opened."""
        assert lot.lot_id not in self.lots, f"lot {lot.lot_id} opened twice"
        self.lots[lot.lot_id] = lot
        if self.journal is not None:
            self.journal.opened.append(lot.lot_id)
        self.dues.lot_opened(lot)
        if lot.period_at is not None:
            self.recurred_at = lot.period_at
            self.dues.set_policy(self.policy.grace_us, self.next_period())
        self.paying.place(lot)
        self._count(lot)

    def take_in(self, lot: Lot) -> None:
        """Take in a lot that was saved."""
        self.lots[lot.lot_id] = lot
        self.dues.lot_changed(lot)
        self.paying.place(lot)

    def take_in_hold(self, hold: Hold) -> None:
        """Take in an open hold that was saved."""
        self.holds[hold.hold_id] = hold
        self.dues.hold_changed(hold)

    def spend(self, lot: Lot, amount: int, released_minor: int) -> None:
        """Consume unreserved credits of a lot."""
        assert 0 < amount <= lot.remaining - lot.reserved, f"{amount} of {lot.lot_id} isn't there"
        if self.journal is not None:
            self.journal.lot(lot)
        if lot.usable_at(self._free_at):
            self._free -= amount
        lot.remaining -= amount
        lot.spent += amount
        lot.released_minor += released_minor
        if lot.remaining == lot.reserved:
            self.paying.used_up(lot)

    def touch(self, lot: Lot) -> None:
        """Announce that a lot will be changed other than by `spend`; `moved` must follow."""
        if self.journal is not None:
            self.journal.lot(lot)
        if lot.usable_at(self._free_at):
            self._free -= lot.remaining - lot.reserved

    def moved(self, lot: Lot) -> None:
        """Count a touched lot's credits again; its terms are as they were."""
        assert 0 <= lot.reserved <= lot.remaining, f"lot {lot.lot_id} has less than is reserved"
        self._count(lot)
        if lot.remaining == lot.reserved:
            self.paying.used_up(lot)
        elif lot.listed is None:
            self.paying.place(lot)

    def change_lot(self, change: LotChange) -> None:
        """Set what an entry says of a lot beyond its credits."""
        lot = self.lots[change.lot_id]
        self.touch(lot)
        lot.expires_at = NEVER if change.expires_at is None else change.expires_at
        lot.freezes = change.freezes
        lot.frozen_since = change.frozen_since
        lot.closed, lot.clawed, lot.debt = change.closed, change.clawed, change.debt
        self.dues.lot_changed(lot)
        self.paying.place(lot)
        self._count(lot)

    def _count(self, lot: Lot) -> None:
        """Count a lot that was touched or opened among the free credits, if they are counted."""
        if self._free_from < self._free_until and lot.unreserved > 0 and not lot.freezes:
            self._count_lot(lot, self._free_at)

    # ---- Holds.

    def hold(self, hold_id: str) -> Hold | None:
        """A hold, whatever became of it, or None."""
        hold = self.holds.get(hold_id)
        if hold is None and self.ended_hold is not None:
            return self.ended_hold(self.customer_id, self.unit, hold_id)
        return hold

    def open_hold(self, hold_id: str, at: int) -> Hold | None:
        """The hold if it is open at `at` (µs)."""
        hold = self.hold(hold_id)
        return hold if hold is not None and hold.open_at(at) else None

    def set_hold(self, state: HoldState) -> Hold:
        """Bring a hold to what an entry says of it, but for its reservations of lots."""
        hold = self.holds.get(state.hold_id)
        if hold is None:
            self.holds_placed += 1
            hold = Hold(state, self.holds_placed)
            self.holds[state.hold_id] = hold
            if self.journal is not None:
                self.journal.placed.append(state.hold_id)
            self.dues.hold_changed(hold)
        elif self.journal is not None:
            self.journal.hold(hold)
        hold.state = state.state
        hold.reserved_room = state.reserved_room
        if hold.expires_at != state.expires_at:
            hold.expires_at = state.expires_at
            self.dues.hold_changed(hold)
        return hold

    def reserve(self, hold: Hold, lot: Lot, amount: int) -> None:
        """Reserve credits of a lot for a hold."""
        self.touch(lot)
        lot.reserved += amount
        hold.reserve(lot.lot_id, amount)
        self.moved(lot)

    def give_back(self, hold: Hold, lot: Lot, amount: int) -> None:
        """Return reserved credits to their lot."""
        self.touch(lot)
        lot.reserved -= amount
        hold.give_up(lot.lot_id, amount)
        self.moved(lot)

    def spend_reserved(self, hold: Hold, lot: Lot, amount: int, released_minor: int) -> None:
        """Consume reserved credits of a lot."""
        assert 0 < amount <= lot.reserved, f"{amount} of {lot.lot_id} isn't reserved"
        if self.journal is not None:
            self.journal.lot(lot)
        lot.reserved -= amount
        lot.remaining -= amount
        lot.spent += amount
        lot.released_minor += released_minor
        hold.give_up(lot.lot_id, amount)

    # ---- Trying a decision.

    def begin(self) -> None:
        """Note every change of figures, lots and holds from now on, to be taken back by `undo`."""
        assert self.journal is None, "one decision is tried at a time"
        self.journal = Journal(
            self._figures(), self.settled_overdraft, self.settled_debt, frozen=self.frozen
        )
        self.dues.passed = []

    def undo(self) -> None:
        """Take back every change since `begin`."""
        journal = self.journal
        assert journal is not None
        self.journal = None
        for lot_id in journal.opened:
            lot = self.lots.pop(lot_id)
            # Where it waits to begin it is passed over, as one that is used up.
            lot.remaining, lot.reserved = 0, 0
            self.paying.used_up(lot)
        for lot, saved in journal.lots.values():
            if lot.lot_id in self.lots:
                lot.restore(saved)
                self.paying.place(lot)
        for hold, figures in journal.holds.values():
            hold.restore(figures)
        for hold_id in journal.placed:
            del self.holds[hold_id]
        self._restore_figures(journal)
        self.dues.put_back()
        self.dues.set_policy(self.policy.grace_us, self.next_period())

    def _figures(self) -> list[int]:
        return [
            self.account_seq,
            self.balance,
            self.held,
            self.available,
            self.overdraft,
            self.debt,
            self.overage_total,
            self.residue,
            self.reserved_room,
            self.recurred_at,
            self._free,
            self._free_at,
            self._free_from,
            self._free_until,
            self.holds_placed,
        ]

    def _restore_figures(self, journal: Journal) -> None:
        before = journal.figures
        self.account_seq, self.balance, self.held, self.available = before[0:4]
        self.overdraft, self.debt, self.overage_total, self.residue = before[4:8]
        self.reserved_room, self.recurred_at = before[8], before[9]
        self._free, self._free_at, self._free_from, self._free_until = before[10:14]
        self.holds_placed = before[14]
        self.settled_overdraft, self.settled_debt = journal.settled_overdraft, journal.settled_debt
        self.frozen = journal.frozen

    def payment(self, payment_id: str) -> Payment:
        """A payment, known or announced by a dispute."""
        payment = self.payments.get(payment_id)
        if payment is None:
            payment = Payment(payment_id)
            self.payments[payment_id] = payment
        return payment
