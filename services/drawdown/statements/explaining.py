"""Explaining: what became of one usage event, as a document that says why at each step."""

from collections import Counter
from fractions import Fraction
from typing import Any, Final

from drawdown.adapters.documents.entries import CHARGE
from drawdown.adapters.documents.times import format_time
from drawdown.domain.accounts import Account
from drawdown.domain.codes import MEANING
from drawdown.domain.currencies import places_of
from drawdown.domain.entries import (
    PARTITION_CUSTOMER,
    Allocation,
    Charge,
    EntryFacts,
    LedgerEntry,
    RatedLine,
)
from drawdown.domain.evolve import fold
from drawdown.domain.lots import Lot
from drawdown.domain.numbers import ATTO_PER_MICRO, format_credits, format_decimal
from drawdown.domain.rate_cards import Line, RateCard
from drawdown.domain.rating import CompiledCard
from drawdown.statements.arithmetic import atto, month_steps_of, steps_of

Document = dict[str, Any]
_COST_PLACES: Final = 9


class Explanation:
    """One event's story, put together from the customer's entries and the partition's own."""

    def __init__(self, customer_id: str, event_id: str) -> None:
        self.customer_id: Final = customer_id
        self.event_id: Final = event_id
        self.charge: Document | None = None
        self.rejections: list[Document] = []
        self.refunds: list[Document] = []
        self.digest = b""
        """Of the body that was charged."""
        self.offsets: set[int] = set()
        """Where in `usage-events` the inputs stand that were charged or refused."""
        self._cards: dict[str, tuple[RateCard, int]] = {}
        self._accounts: dict[str, Account] = {}
        self._decision: tuple[str, int] | None = None

    @property
    def known(self) -> bool:
        """Whether the ledger has anything about the event."""
        return self.charge is not None or bool(self.rejections)

    def look_at(self, entry: LedgerEntry) -> None:
        """Take the next entry of the customer's or of `$partition`, in the log's order."""
        facts, details = entry.facts, entry.facts.details
        if facts.customer_id == PARTITION_CUSTOMER:
            if details is not None and details.rate_card is not None:
                self._cards[details.rate_card.label] = (details.rate_card, facts.recorded_at)
            return
        account = self._accounts.setdefault(facts.unit, Account(facts.customer_id, facts.unit))
        if charges(facts, self.event_id):
            self._explain_charge(entry, account)
        fold(account, facts)
        if facts.type == "rejected" and _is_usage(facts, self.event_id):
            self._note_rejection(entry)
        if details is not None and details.refund is not None:
            if details.refund.event_id == self.event_id:
                self.refunds.append(_refund(entry, account))
        elif self.charge is not None and self._decision == (
            entry.source_topic,
            entry.source_offset,
        ):
            self.charge["decision"].append(_in_short(entry))

    def document(self, repeats: list[Document]) -> Document:
        """The story as JSON; `repeats` are the inputs that booked nothing."""
        story: Document = {"event_id": self.event_id, "customer_id": self.customer_id}
        story["outcome"] = "charged" if self.charge is not None else "rejected"
        if self.charge is not None:
            story["charge"] = self.charge
            story["refunds"] = self.refunds
            story["left"] = self._left()
        return {**story, "rejections": self.rejections, "repeats": repeats}

    def _left(self) -> Document:
        """What of the charge stands after its refunds."""
        given_back = sum(each["_amount"] for each in self.refunds)
        assert self.charge is not None
        collected = self.charge["_collected"]
        for each in (*self.refunds, self.charge):
            for name in [name for name in each if name.startswith("_")]:
                del each[name]
        return {
            "charged": format_credits(collected),
            "given_back": format_credits(given_back),
            "stands": format_credits(collected - given_back),
        }

    def _note_rejection(self, entry: LedgerEntry) -> None:
        details = entry.facts.details
        assert details is not None
        rejection = details.rejection
        assert rejection is not None
        self.offsets.add(entry.source_offset)
        self.rejections.append(
            {
                "entry_id": entry.entry_id,
                "recorded_at": format_time(entry.facts.recorded_at),
                "occurred_at": format_time(entry.facts.occurred_at),
                "code": rejection.code,
                "meaning": MEANING[rejection.code],
                "detail": rejection.detail,
                "first_entry_id": rejection.first_entry_id,
            }
        )

    def _explain_charge(self, entry: LedgerEntry, account: Account) -> None:
        facts = entry.facts
        charge = facts.charge
        assert charge is not None
        self._decision = (entry.source_topic, entry.source_offset)
        if facts.cause == "usage":
            self.digest = facts.cause_digest
            self.offsets.add(entry.source_offset)
        elif facts.details is not None:
            self.digest = facts.details.event_digest
        written = CHARGE.write(charge)
        self.charge = {
            **_in_short(entry),
            "account_seq": facts.account_seq,
            "unit": facts.unit,
            "occurred_at": format_time(facts.occurred_at),
            "recorded_at": format_time(facts.recorded_at),
            "cause": facts.cause,
            "cause_id": facts.cause_id,
            "meter": charge.meter,
            "status": charge.status,
            "properties": charge.properties,
            "rate_card": self._card(charge.rate_card),
            "lines": self._lines(facts, charge),
            "sum": _sum(charge, account.residue, facts.residue),
            "split": {
                "drawn": format_credits(sum(part.amount for part in facts.allocations)),
                **{name: written[name] for name in ("overdrawn", "overage", "uncovered")},
            },
            "hold_id": charge.hold_id,
            "hold_ended": charge.hold_ended,
            "lots": [_drawn(account.lots[part.lot_id], part) for part in facts.allocations],
            "balance": {
                "before": format_credits(account.balance),
                "after": format_credits(facts.balance),
                "available_before": format_credits(account.available),
                "available_after": format_credits(facts.available),
            },
            "revenue": _revenue(facts.allocations),
            "decision": [],
            "_collected": charge.rated - charge.uncovered,
        }

    def _card(self, label: str) -> Document | None:
        if label not in self._cards:
            return None
        card, applied_at = self._cards[label]
        return {
            "label": label,
            "effective_from": format_time(card.effective_from),
            "applied_at": format_time(applied_at),
            "description": card.description,
        }

    def _lines(self, facts: EntryFacts, charge: Charge) -> list[Document]:
        if charge.rate_card not in self._cards:
            return [_line(each, None, []) for each in charge.lines]
        card = CompiledCard(self._cards[charge.rate_card][0])
        found = []
        for rated in charge.lines:
            line = card.line(facts.customer_id, charge.meter, charge.properties, rated.quantity)
            assert line is not None, "what was rated has a line"
            found.append(_line(rated, line, _steps(facts, line, rated)))
        return found


def charges(facts: EntryFacts, event_id: str) -> bool:
    """Whether an entry is the charge of an event, which usage or a command brought."""
    if facts.type != "deduction":
        return False
    if facts.details is not None and facts.details.event_id:
        return facts.details.event_id == event_id
    return _is_usage(facts, event_id)


def concerns(facts: EntryFacts, event_id: str) -> bool:
    """Whether an entry charges or refuses an event."""
    return charges(facts, event_id) or (facts.type == "rejected" and _is_usage(facts, event_id))


def money(minor: int, currency: str) -> str:
    """Minor units as people write them: `0.49 USD`."""
    places = places_of(currency) or 0
    sign, digits = "-" if minor < 0 else "", str(abs(minor)).rjust(places + 1, "0")
    whole, fraction = digits[: len(digits) - places], digits[len(digits) - places :]
    return f"{sign}{whole}.{fraction} {currency}" if places else f"{sign}{whole} {currency}"


def _is_usage(facts: EntryFacts, event_id: str) -> bool:
    return facts.cause == "usage" and facts.cause_id == event_id


def _steps(facts: EntryFacts, line: Line, rated: RatedLine) -> list[str]:
    if line.over == "month" and facts.details is not None:
        for total in facts.details.month_totals:
            if total.line_id == line.line_id:
                before = total.quantity_micro - rated.quantity_micro
                return month_steps_of(line, total.month, before, total.quantity_micro)
    return steps_of(line, rated.quantity_micro)


def _line(rated: RatedLine, line: Line | None, steps: list[str]) -> Document:
    written: Document = {
        "line_id": rated.line_id,
        "quantity": rated.quantity,
        "units": format_credits(rated.quantity_micro),
    }
    if line is not None:
        written["match"] = line.match
        written["rate"] = format_decimal(line.rate_pico * line.per, 12)
        written["per"] = line.per
    exact = rated.amount * ATTO_PER_MICRO + rated.amount_atto
    return {**written, "steps": steps, "amount": atto(exact)}


def _sum(charge: Charge, residue_before: int, residue_after: int) -> Document:
    lines = sum(each.amount * ATTO_PER_MICRO + each.amount_atto for each in charge.lines)
    total = lines + residue_before
    return {
        "lines": atto(lines),
        "residue_before": atto(residue_before),
        "total": atto(total),
        "rated": format_credits(charge.rated),
        "residue_after": atto(residue_after),
        "steps": [
            f"{atto(lines)} + {atto(residue_before)} left from before = {atto(total)}",
            f"cut to whole millionths of a credit = {format_credits(charge.rated)}",
            f"{atto(total)} − {format_credits(charge.rated)} = {atto(residue_after)} stays",
        ],
        "adds_up": total == charge.rated * ATTO_PER_MICRO + residue_after,
    }


def _drawn(lot: Lot, part: Allocation) -> Document:
    return {
        "lot_id": lot.lot_id,
        "kind": lot.kind,
        "reason": lot.reason,
        "amount": format_credits(part.amount),
        "reserved": part.reserved,
        "remaining_before": format_credits(lot.remaining),
        "remaining_after": format_credits(lot.remaining - part.amount),
        "price": money(lot.price_minor, lot.currency) if lot.price_minor else "",
        "granted": format_credits(lot.granted),
        "cost_per_credit": _cost_per_credit(lot),
        "released_minor": part.released_minor,
        "released": money(part.released_minor, lot.currency) if lot.price_minor else "",
        "steps": _release_steps(lot, part) if lot.price_minor else [],
    }


def _cost_per_credit(lot: Lot) -> str:
    """In whole currency units; marked with ≈ where the decimals don't end."""
    if not lot.price_minor:
        return "0"
    exact = Fraction(lot.price_minor * 10**6, 10 ** (places_of(lot.currency) or 0) * lot.granted)
    scaled = exact * 10**_COST_PLACES
    text = format_decimal(round(scaled), _COST_PLACES)
    return f"{'' if scaled.denominator == 1 else '≈ '}{text} {lot.currency}"


def _release_steps(lot: Lot, part: Allocation) -> list[str]:
    """How much of the lot's price the credits drawn release: one cumulative figure's growth."""
    gone = lot.granted - lot.remaining + part.amount
    after = lot.released_minor + part.released_minor
    return [
        f"{lot.price_minor} minor units × {format_credits(gone)} ÷ {format_credits(lot.granted)}"
        f", rounded half to even = {after}",
        f"{after} − {lot.released_minor} released before = {part.released_minor}",
    ]


def _revenue(allocations: list[Allocation]) -> list[Document]:
    """What is recognized, by currency."""
    by_currency: Counter[str] = Counter()
    for part in allocations:
        if part.currency:
            by_currency[part.currency] += part.released_minor
    return [
        {"currency": currency, "released_minor": minor, "released": money(minor, currency)}
        for currency, minor in sorted(by_currency.items())
    ]


def _refund(entry: LedgerEntry, account: Account) -> Document:
    """A refund of usage, after it was folded."""
    facts = entry.facts
    assert facts.details is not None
    refund = facts.details.refund
    assert refund is not None
    return {
        **_in_short(entry),
        "refund_id": refund.refund_id,
        "recorded_at": format_time(facts.recorded_at),
        "given_back": format_credits(refund.amount),
        "lots": [
            {
                "lot_id": part.lot_id,
                "kind": part.kind,
                "amount": format_credits(part.amount),
                "remaining_after": format_credits(account.lots[part.lot_id].remaining),
                "released_minor": part.released_minor,
            }
            for part in facts.allocations
        ],
        "revenue": _revenue(facts.allocations),
        "reason": facts.reason,
        "actor": facts.actor,
        "_amount": refund.amount,
    }


def _in_short(entry: LedgerEntry) -> Document:
    facts = entry.facts
    return {
        "entry_id": entry.entry_id,
        "type": facts.type,
        "amount": format_credits(facts.amount),
        "balance": format_credits(facts.balance),
    }
