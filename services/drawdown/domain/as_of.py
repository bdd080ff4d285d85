"""As of: an account's balance and lots at any past instant, told from its entries.

*As known then*: the entries recorded by the instant. *As known now*: the entries effective by it,
as they were allocated, however late they were recorded; a movement of a lot shows from that lot's
start. Either way unreserved credits of a lot that isn't effective or has expired at the instant
are left out, whether or not that is booked (`domain.md`, «Balances and invariants»).
"""

from collections.abc import Iterable
from typing import Final, Literal, final

from drawdown.domain.entries import Allocation, EntryFacts, LedgerEntry, LotChange
from drawdown.domain.evolve import RESERVING, SPENDING, VOIDING, opened_lot, reinstated_lot
from drawdown.domain.lots import Lot
from drawdown.domain.numbers import NEVER

Known = Literal["then", "now"]
LotStanding = Literal["usable", "frozen", "expired", "not effective"]


@final
class AsOf:
    """An account at an instant (µs). Amounts in micro-credits.

    `standing` are the lots by their seq; `lots` what each still has, by id, be it counted or not.
    """

    def __init__(
        self,
        *,
        at: int,
        known: Known,
        standing: list[Lot],
        overdraft: int,
        debt: int,
        overage_total: int,
        entries: int,
    ) -> None:
        self.at: Final = at
        self.known: Final[Known] = known
        self.standing: Final = standing
        self.overdraft: Final = overdraft
        self.debt: Final = debt
        self.overage_total: Final = overage_total
        self.entries: Final = entries
        """How many entries it is told from."""
        self.lots: Final = {lot.lot_id: lot.remaining for lot in standing}
        self.held: Final = sum([lot.reserved for lot in standing])
        counted = sum([counted_at(lot, at) for lot in standing])
        self.balance: Final = counted - overdraft - debt
        usable = [lot for lot in standing if standing_at(lot, at) == "usable"]
        self.available: Final = sum([lot.unreserved for lot in usable]) - overdraft - debt


def standing_at(lot: Lot, at: int) -> LotStanding:
    """Whether a lot's credits can be used at an instant (µs), or why not."""
    if at < lot.effective_at:
        return "not effective"
    # The time that it is frozen moves its date, unless it had passed before.
    if at >= lot.expires_at and lot.frozen_since is None:
        return "expired"
    return "frozen" if lot.freezes else "usable"


def counted_at(lot: Lot, at: int) -> int:
    """What of a lot stands in the balance at an instant (µs): reserved credits always do."""
    if standing_at(lot, at) in ("usable", "frozen"):
        return lot.remaining
    return lot.reserved


def balance_as_of(entries: Iterable[LedgerEntry], t: int, known: Known = "now") -> AsOf:
    """The account at `t` (µs) from all of its entries, in their order; none: an empty account."""
    retold = Retold(t, known)
    for entry in entries:
        retold.look_at(entry.facts)
    return retold.told()


@final
class Retold:
    """An account told again up to an instant (µs), entry by entry.

    What is included is no prefix of its entries, so that nothing is checked against the figures
    that an entry states; overdraft, debt and overage move by what the entry moved them.
    """

    def __init__(self, t: int, known: Known) -> None:
        self._at: Final = t
        self._known: Final[Known] = known
        self._lots: Final[dict[str, Lot]] = {}
        self._overdraft = 0
        self._debt = 0
        self._overage_total = 0
        self._entries = 0
        self._stated: tuple[int, int, int] = (0, 0, 0)
        self._debts: Final[dict[str, int]] = {}

    def look_at(self, facts: EntryFacts) -> None:
        """Take the account's next entry, and apply it where it was known or effective."""
        moment = facts.effective_at if self._known == "now" else facts.recorded_at
        stated = (facts.overdraft, facts.debt, facts.overage_total)
        changes = [] if facts.details is None else facts.details.lot_changes
        if moment <= self._at:
            self._entries += 1
            self._overdraft += stated[0] - self._stated[0]
            self._debt += stated[1] - self._stated[1]
            self._overage_total += stated[2] - self._stated[2]
            if facts.details is not None and facts.details.lot is not None:
                self._open(facts)
            else:
                self._move(facts, changes)
        self._stated = stated
        for change in changes:
            self._debts[change.lot_id] = change.debt

    def told(self) -> AsOf:
        """The account at the instant, once all of its entries were taken."""
        return AsOf(
            at=self._at,
            known=self._known,
            standing=sorted(self._lots.values(), key=_seq),
            overdraft=self._overdraft,
            debt=self._debt,
            overage_total=self._overage_total,
            entries=self._entries,
        )

    def _open(self, facts: EntryFacts) -> None:
        lot = opened_lot(facts)
        self._lots[lot.lot_id] = lot

    def _move(self, facts: EntryFacts, changes: list[LotChange]) -> None:
        reinstated = reinstated_lot(facts)
        for part in facts.allocations:
            lot = self._lots.get(part.lot_id)
            # What happened before its lot's start shows from that start.
            if lot is not None:
                _move_lot(lot, part, facts, disputed=part.lot_id == reinstated)
        for change in changes:
            lot = self._lots.get(change.lot_id)
            if lot is not None:
                if change.clawed and (facts.type == "refund" or reinstated):
                    fallen = self._debts.get(change.lot_id, 0) - change.debt
                    lot.spent -= fallen
                    lot.clawed_back += fallen
                _change_lot(lot, change)


def _seq(lot: Lot) -> int:
    return lot.lot_seq


def _move_lot(lot: Lot, part: Allocation, facts: EntryFacts, *, disputed: bool) -> None:
    """Apply one allocation, meant by its entry's type."""
    kind, amount = facts.type, part.amount
    lot.released_minor += part.released_minor
    if kind in RESERVING:
        lot.reserved += RESERVING[kind] * amount
    elif kind == "refund" or (kind == "clawback" and facts.amount > 0):
        lot.remaining += amount
        if kind == "clawback" and disputed:
            lot.clawed_back -= amount
        else:
            lot.spent -= amount
    else:
        lot.remaining -= amount
        if part.reserved:
            lot.reserved -= amount
        _take(lot, kind, amount)


def _take(lot: Lot, kind: str, amount: int) -> None:
    if kind in SPENDING:
        lot.spent += amount
    elif kind == "expiration":
        lot.expired += amount
    elif kind in VOIDING:
        lot.voided += amount
    else:
        assert kind == "clawback", f"an entry of type {kind} moves no lot"
        lot.clawed_back += amount


def _change_lot(lot: Lot, change: LotChange) -> None:
    lot.expires_at = NEVER if change.expires_at is None else change.expires_at
    lot.freezes = change.freezes
    lot.frozen_since = change.frozen_since
    lot.closed, lot.clawed, lot.debt = change.closed, change.clawed, change.debt
