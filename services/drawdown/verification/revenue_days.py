"""Revenue by lot and day, told from the entries one by one, to be held against the read model.

It shares nothing with the projector: every lot is kept whole, and what it has earned is counted
anew, as a fraction, after each entry that touches it.
"""

from collections import Counter
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Final
from zoneinfo import ZoneInfo

from drawdown.domain.entries import (
    PARTITION_CUSTOMER,
    Allocation,
    EntryDetails,
    EntryFacts,
    LedgerEntry,
    PolicyChange,
)
from drawdown.domain.numbers import PICO
from drawdown.domain.policies import merged

LotName = tuple[str, str, str]
"""Customer, unit, lot id."""
LotDay = tuple[str, str, str, str]
"""Customer, unit, lot id, day (ISO 8601)."""

_EPOCH: Final = datetime.fromisoformat("1970-01-01T00:00:00+00:00")

_CAUSES: Final = {
    "deduction": ("recognized", "spent", 1),
    "hold_captured": ("recognized", "spent", 1),
    "overdraft_settled": ("recognized", "spent", 1),
    "refund": ("recognized", "spent", -1),
    "expiration": ("breakage", "expired", 1),
    "adjustment": ("adjusted", "voided", 1),
}
"""What money and credits of an entry's allocations mean, and the sign of the credits."""


class RevenueDays:
    """What the entries of one partition, from its first, add to the days of their lots.

    The names of the figures are the columns of the read model's `days`.
    """

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self.days: Final[dict[LotDay, Counter[str]]] = {}
        self.last: Final[dict[LotDay, int]] = {}
        """The `partition_seq` of the last entry that changed a day."""
        self.lots: Final[dict[LotName, Counter[str]]] = {}
        self.priced_in: Final[dict[LotName, tuple[str, str]]] = {}
        """Kind and currency of each lot."""
        self.adjustments: Final[Counter[tuple[str, str, str, str, str]]] = Counter()
        self.overage: Final[Counter[tuple[str, str, str]]] = Counter()
        self.closed_until = 0
        self._bought: dict[tuple[str, str, str], str] = {}
        self._policies: dict[tuple[str, str], PolicyChange] = {}

    def add(self, entry: LedgerEntry) -> None:
        """Add an entry; they come in order."""
        facts, details = entry.facts, entry.facts.details or EntryDetails()
        day = self._day(facts.effective_at)
        if facts.charge is not None and facts.charge.overage:
            self.overage[facts.customer_id, facts.unit, day] += facts.charge.overage
        for lot_id, figures in self._figures(facts, details, day):
            self._book(entry, (facts.customer_id, facts.unit, lot_id), day, figures)
        if details.policy is not None:
            known = self._policies.get((facts.customer_id, facts.unit), PolicyChange())
            self._policies[facts.customer_id, facts.unit] = merged(known, details.policy)
            if details.policy.breakage_method or details.policy.breakage_rate_pico is not None:
                self._true_up_all(entry, day)
        if details.closed_until is not None:
            self.closed_until = max(self.closed_until, details.closed_until)

    def _day(self, effective_at: int) -> str:
        at = _EPOCH + timedelta(microseconds=max(effective_at, self.closed_until))
        return at.astimezone(self._zone).date().isoformat()

    def _book(self, entry: LedgerEntry, lot: LotName, day: str, figures: Counter[str]) -> None:
        self._write(lot, day, figures, entry.partition_seq)
        self._true_up(entry, lot, day)

    def _write(self, lot: LotName, day: str, figures: Counter[str], partition_seq: int) -> None:
        for kept in (self.days.setdefault((*lot, day), Counter()), self.lots[lot]):
            for name, amount in figures.items():
                kept[name] += amount
        self.last[(*lot, day)] = partition_seq

    def _true_up(self, entry: LedgerEntry, lot: LotName, day: str) -> None:
        change = self._advance(lot) - self.lots[lot]["advance_minor"]
        if change:
            figures = Counter(advance_minor=change, breakage_minor=change)
            self._write(lot, day, figures, entry.partition_seq)

    def _true_up_all(self, entry: LedgerEntry, day: str) -> None:
        owner = (entry.facts.customer_id, entry.facts.unit)
        for lot in self.lots:
            if owner[0] == PARTITION_CUSTOMER or lot[:2] == owner:
                self._true_up(entry, lot, day)

    def _advance(self, lot: LotName) -> int:
        """The breakage that is earned before it happens."""
        own = self._policies.get(lot[:2], PolicyChange())
        policy = merged(self._policies.get((PARTITION_CUSTOMER, "credit"), PolicyChange()), own)
        figures = self.lots[lot]
        if policy.breakage_method != "proportional" or not policy.breakage_rate_pico:
            return 0
        if not figures["spent"]:
            return 0
        price = figures["billed_minor"] + figures["transferred_minor"]
        price -= sum(figures[f"{name}_minor"] for name in ("refunded", "chargeback", "adjusted"))
        redeemable = 1 - Fraction(policy.breakage_rate_pico, PICO)
        redeemable *= figures["granted"] - figures["voided"] - figures["clawed_back"]
        progress = min(Fraction(1), figures["spent"] / redeemable) if redeemable else Fraction(1)
        told = figures["recognized_minor"] + figures["breakage_minor"] - figures["advance_minor"]
        return max(0, round(price * progress) - told)

    def _figures(
        self, facts: EntryFacts, details: EntryDetails, day: str
    ) -> list[tuple[str, Counter[str]]]:
        """What an entry adds, lot by lot."""
        if details.lot is not None:
            return [self._granted(facts, details)]
        match facts.type:
            case "void":
                return self._voided(facts, details)
            case "clawback":
                return self._clawed_back(facts, details)
            case "unfreeze":
                return self._paid(facts, details)
            case "adjustment":
                self._note_adjustment(facts, day)
        causes = _CAUSES.get(facts.type)
        return [] if causes is None else [_of(each, *causes) for each in facts.allocations]

    def _note_adjustment(self, facts: EntryFacts, day: str) -> None:
        for each in facts.allocations:
            name = (facts.customer_id, facts.unit, each.lot_id, day, facts.reason)
            if each.released_minor:
                self.adjustments[name] += each.released_minor

    def _granted(self, facts: EntryFacts, details: EntryDetails) -> tuple[str, Counter[str]]:
        terms = details.lot
        assert terms is not None
        name = (facts.customer_id, facts.unit, terms.lot_id)
        self.lots[name] = Counter()
        self.priced_in[name] = (terms.kind, terms.currency)
        if terms.payment_id:
            self._bought[facts.customer_id, facts.unit, terms.payment_id] = terms.lot_id
        rolled = facts.reason == "rollover" and facts.cause != "command"
        figures = Counter(granted=facts.amount)
        figures["transferred_minor" if rolled else "billed_minor"] = terms.price_minor
        if "payment_pending" in terms.freezes:
            figures["receivable_minor"] = terms.price_minor
        return terms.lot_id, figures

    def _voided(self, facts: EntryFacts, details: EntryDetails) -> list[tuple[str, Counter[str]]]:
        if facts.reason == "rollover" and facts.cause != "command":
            [(lot_id, figures)] = [_of(each, "refunded", "voided") for each in facts.allocations]
            figures["transferred_minor"] = -figures.pop("refunded_minor")
            return [(lot_id, figures)]
        refund = details.refund
        found = [_of(each, "refunded", "voided") for each in facts.allocations]
        if not found and refund is None:
            return []
        if not found:
            assert refund is not None
            bought = self._bought[facts.customer_id, facts.unit, refund.payment_id]
            found = [(bought, Counter())]
        [(lot_id, figures)] = found
        due = self.lots[facts.customer_id, facts.unit, lot_id]["receivable_minor"]
        money = min(due, figures["refunded_minor"])
        if refund is not None:
            money = refund.money_minor
            figures["contra_minor"] = max(0, money - figures["refunded_minor"])
        figures["returned_minor"] = money
        figures["receivable_minor"] = -min(due, money)
        return [(lot_id, figures)]

    def _clawed_back(
        self, facts: EntryFacts, details: EntryDetails
    ) -> list[tuple[str, Counter[str]]]:
        lost = details.lot_changes[0].lot_id
        if details.dispute is None:
            return [_of(each, "chargeback", "clawed_back") for each in facts.allocations]
        lot = self.lots[facts.customer_id, facts.unit, lost]
        if details.dispute.state == "lost":
            found = [_of(each, "chargeback", "clawed_back") for each in facts.allocations]
            money = lot["billed_minor"] - lot["returned_minor"]
            due = min(lot["receivable_minor"], money)
            return [*found, (lost, Counter(disputed_minor=money, receivable_minor=-due))]
        found = [
            _of(each, "chargeback", "clawed_back", -1)
            if each.lot_id == lost
            else _of(each, "recognized", "spent", -1)
            for each in facts.allocations
        ]
        return [*found, (lost, Counter(disputed_minor=-lot["disputed_minor"]))]

    def _paid(self, facts: EntryFacts, details: EntryDetails) -> list[tuple[str, Counter[str]]]:
        found: list[tuple[str, Counter[str]]] = []
        for change in details.lot_changes:
            due = self.lots[facts.customer_id, facts.unit, change.lot_id]["receivable_minor"]
            if due and "payment_pending" not in change.freezes:
                found.append((change.lot_id, Counter(receivable_minor=-due)))
        return found


def _of(part: Allocation, money: str, credits: str, sign: int = 1) -> tuple[str, Counter[str]]:
    """What one allocation moves; money carries its sign, credits have that of the entry."""
    figures = Counter({f"{money}_minor": part.released_minor, credits: sign * part.amount})
    return part.lot_id, figures
