"""Postings: what each entry of the ledger means for revenue, lot by lot and day by day."""

from collections.abc import Mapping, Sequence
from typing import Final

from drawdown.domain.entries import Allocation, EntryFacts, LedgerEntry
from drawdown.domain.evolve import MOVES_NO_CREDITS, RESERVING, SPENDING, UnknownEntry
from drawdown.domain.lots import ROLLOVER
from drawdown.revenue_projector.breakage import BreakageRates
from drawdown.revenue_projector.days import OpenDays
from drawdown.revenue_projector.figures import DayKey, Figures, LotKey, advance_due

PAYMENT_PENDING: Final = "payment_pending"
"""A lot that is frozen for this reason was billed and isn't paid yet."""

_KNOWN: Final = frozenset({*MOVES_NO_CREDITS, *RESERVING})
"""Entries that move no credits out of lots or into them."""


class Postings:
    """What one partition's next entries add to the days of their lots.

    `known` are figures since their grant of lots that must be known to say so: where cash is at
    stake, or where breakage is estimated. `lot_by_payment` names the lots of payments of which
    money alone is refunded.
    """

    def __init__(
        self,
        days: OpenDays,
        rates: BreakageRates,
        known: dict[LotKey, Figures],
        lot_by_payment: Mapping[LotKey, str],
    ) -> None:
        self._days: Final = days
        self._rates: Final = rates
        self._known: Final = known
        self._lot_by_payment: Final = lot_by_payment
        self.rows: Final[dict[DayKey, Figures]] = {}
        self.opened: Final[list[LedgerEntry]] = []
        self.adjustments: Final[dict[tuple[str, str, str, str, str], int]] = {}
        """Minor units by customer, unit, lot, day and reason."""
        self.overage: Final[dict[tuple[str, str, str], int]] = {}
        """Micro-credits by customer, unit and day."""
        self.closes: Final[list[LedgerEntry]] = []

    def add(self, entries: Sequence[LedgerEntry]) -> None:
        """Post entries, in order. Raises `UnknownEntry` for a type of a later version."""
        for entry in entries:
            facts = entry.facts
            day = self._days.of(facts.effective_at)
            if facts.type in SPENDING:
                self._spend(entry, day)
            elif facts.type not in _KNOWN:
                self._move(entry, day)
            elif facts.details is not None:
                self._note(entry, day)
            if facts.charge is not None and facts.charge.overage:
                key = (facts.customer_id, facts.unit, day)
                self.overage[key] = self.overage.get(key, 0) + facts.charge.overage
            if self._rates.any and facts.allocations:
                self._estimate(entry, day)

    def true_up(
        self, key: LotKey, lot: Figures, rate_pico: int, day: str, partition_seq: int
    ) -> None:
        """Bring the advance breakage of a lot to what a rate makes it, on a day."""
        change = advance_due(lot, rate_pico) - lot.advance_minor
        if change:
            row = self._row((*key, day), lot.kind, lot.currency, partition_seq)
            row.plain = False
            for figures in (row, lot):
                figures.advance_minor += change
                figures.breakage_minor += change

    def _row(self, key: DayKey, kind: str, currency: str, partition_seq: int) -> Figures:
        row = self.rows.get(key)
        if row is None:
            row = self.rows[key] = Figures(kind, currency)
        row.partition_seq = partition_seq
        return row

    def _spend(self, entry: LedgerEntry, day: str) -> None:
        """Used credits are earned. Nearly every entry is this one."""
        facts = entry.facts
        for part in facts.allocations:
            lot = (facts.customer_id, facts.unit, part.lot_id)
            row = self._row((*lot, day), part.kind, part.currency, entry.partition_seq)
            row.spent += part.amount
            row.recognized_minor += part.released_minor
            known = self._known.get(lot)
            if known is not None:
                known.spent += part.amount
                known.recognized_minor += part.released_minor

    def _post(
        self, entry: LedgerEntry, day: str, lot_id: str, of: Allocation | Figures, **amounts: int
    ) -> None:
        """Add amounts to a lot's day, and to the lot where it is known."""
        lot = (entry.facts.customer_id, entry.facts.unit, lot_id)
        row = self._row((*lot, day), of.kind, of.currency, entry.partition_seq)
        row.plain = False
        known = self._known.get(lot)
        for name, amount in amounts.items():
            if amount:
                row.add(name, amount)
                if known is not None:
                    known.add(name, amount)

    def _move(self, entry: LedgerEntry, day: str) -> None:
        facts = entry.facts
        if facts.details is not None and facts.details.lot is not None:
            self._open(entry, day)
        elif facts.type == "expiration":
            for part in facts.allocations:
                amounts = {"breakage_minor": part.released_minor, "expired": part.amount}
                self._post(entry, day, part.lot_id, part, **amounts)
        elif facts.type == "refund":
            for part in facts.allocations:
                self._give_back(entry, day, part)
        elif facts.type == "void":
            self._void(entry, day)
        elif facts.type == "adjustment":
            self._adjust(entry, day)
        elif facts.type == "clawback":
            self._claw_back(entry, day)
        else:
            raise UnknownEntry(f"this version can't project an entry of type {facts.type!r}")

    def _open(self, entry: LedgerEntry, day: str) -> None:
        facts = entry.facts
        assert facts.details is not None
        terms = facts.details.lot
        assert terms is not None
        self.opened.append(entry)
        lot = Figures(terms.kind, terms.currency)
        key = (facts.customer_id, facts.unit, terms.lot_id)
        if key in self._known:
            self._known[key] = lot
        amounts = {"granted": facts.amount, "billed_minor": terms.price_minor}
        if _rolls_over(facts):
            amounts = {"granted": facts.amount, "transferred_minor": terms.price_minor}
        elif PAYMENT_PENDING in terms.freezes:
            amounts["receivable_minor"] = terms.price_minor
        self._post(entry, day, terms.lot_id, lot, **amounts)

    def _give_back(self, entry: LedgerEntry, day: str, part: Allocation) -> None:
        """Spent credits go back to their lot; what it releases is negative."""
        amounts = {"recognized_minor": part.released_minor, "spent": -part.amount}
        self._post(entry, day, part.lot_id, part, **amounts)

    def _void(self, entry: LedgerEntry, day: str) -> None:
        facts = entry.facts
        share = sum(part.released_minor for part in facts.allocations)
        credits = sum(part.amount for part in facts.allocations)
        lot_id = facts.allocations[0].lot_id if facts.allocations else ""
        if _rolls_over(facts):
            amounts = {"transferred_minor": -share, "voided": credits}
            self._post(entry, day, lot_id, facts.allocations[0], **amounts)
            return
        refund = None if facts.details is None else facts.details.refund
        if refund is not None:
            key = (facts.customer_id, facts.unit, refund.payment_id)
            lot_id = lot_id or self._lot_by_payment[key]
        if not lot_id:
            return  # It closes a lot that was empty.
        lot = self._known[facts.customer_id, facts.unit, lot_id]
        # What was billed and isn't paid is no longer due for what is voided.
        money = min(lot.receivable_minor, share) if refund is None else refund.money_minor
        self._post(
            entry,
            day,
            lot_id,
            lot,
            refunded_minor=share,
            voided=credits,
            returned_minor=money,
            contra_minor=0 if refund is None else max(0, money - share),
            receivable_minor=-min(lot.receivable_minor, money),
        )

    def _adjust(self, entry: LedgerEntry, day: str) -> None:
        facts = entry.facts
        for part in facts.allocations:
            amounts = {"adjusted_minor": part.released_minor, "voided": part.amount}
            self._post(entry, day, part.lot_id, part, **amounts)
            if part.released_minor:
                key = (facts.customer_id, facts.unit, part.lot_id, day, facts.reason)
                self.adjustments[key] = self.adjustments.get(key, 0) + part.released_minor

    def _claw_back(self, entry: LedgerEntry, day: str) -> None:
        facts = entry.facts
        assert facts.details is not None
        sign = 1 if facts.amount <= 0 else -1
        of_payment = facts.details.lot_changes[0].lot_id
        for part in facts.allocations:
            if sign < 0 and part.lot_id != of_payment:
                self._give_back(entry, day, part)
                continue
            amounts = {"chargeback_minor": part.released_minor, "clawed_back": sign * part.amount}
            self._post(entry, day, part.lot_id, part, **amounts)
        dispute = facts.details.dispute
        if dispute is None:
            return  # What a hold returned to a lot whose payment was lost before.
        lot = self._known[facts.customer_id, facts.unit, of_payment]
        if dispute.state == "lost":
            money = lot.billed_minor - lot.returned_minor
            due = min(lot.receivable_minor, money)
            amounts = {"disputed_minor": money, "receivable_minor": -due}
        else:
            amounts = {"disputed_minor": -lot.disputed_minor}
        self._post(entry, day, of_payment, lot, **amounts)

    def _note(self, entry: LedgerEntry, day: str) -> None:
        """Entries that move no credits: a payment has come in, or a period was closed."""
        facts = entry.facts
        assert facts.details is not None
        if facts.details.closed_until is not None:
            self._days.closed_until = max(self._days.closed_until, facts.details.closed_until)
            self.closes.append(entry)
        if facts.type != "unfreeze":
            return
        for change in facts.details.lot_changes:
            lot = self._known[facts.customer_id, facts.unit, change.lot_id]
            if lot.receivable_minor and PAYMENT_PENDING not in change.freezes:
                due = {"receivable_minor": -lot.receivable_minor}
                self._post(entry, day, change.lot_id, lot, **due)

    def _estimate(self, entry: LedgerEntry, day: str) -> None:
        facts = entry.facts
        rate_pico = self._rates.of(facts.customer_id, facts.unit)
        if rate_pico == 0 or facts.type in RESERVING:
            return
        for part in facts.allocations:
            key = (facts.customer_id, facts.unit, part.lot_id)
            self.true_up(key, self._known[key], rate_pico, day, entry.partition_seq)


def _rolls_over(facts: EntryFacts) -> bool:
    """Whether a void or a grant is one half of a rollover, which nobody asks for."""
    return facts.reason == ROLLOVER and facts.cause != "command"


def lots_to_know(entries: Sequence[LedgerEntry], rates: BreakageRates) -> set[LotKey]:
    """The lots whose figures must be known to post these entries."""
    lots: set[LotKey] = set()
    for entry in entries:
        facts = entry.facts
        if facts.type in ("void", "clawback", "unfreeze"):
            if facts.details is not None:
                changed = facts.details.lot_changes
                lots.update((facts.customer_id, facts.unit, each.lot_id) for each in changed)
        elif not rates.any or rates.of(facts.customer_id, facts.unit) == 0:
            continue
        lots.update((facts.customer_id, facts.unit, part.lot_id) for part in facts.allocations)
    return lots


def payments_to_know(entries: Sequence[LedgerEntry]) -> set[LotKey]:
    """The payments, by customer and unit, of refunds that name no lot: of money alone."""
    return {
        (entry.facts.customer_id, entry.facts.unit, entry.facts.details.refund.payment_id)
        for entry in entries
        if entry.facts.type == "void"
        and not entry.facts.allocations
        and entry.facts.details is not None
        and entry.facts.details.refund is not None
    }


def paid_lots(entries: Sequence[LedgerEntry]) -> dict[LotKey, str]:
    """The lots that these entries open, by customer, unit and payment id."""
    found: dict[LotKey, str] = {}
    for entry in entries:
        terms = None if entry.facts.details is None else entry.facts.details.lot
        if terms is not None and terms.payment_id:
            found[entry.facts.customer_id, entry.facts.unit, terms.payment_id] = terms.lot_id
    return found
