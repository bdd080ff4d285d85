"""A deliberately naive ledger: lists that are searched and fractions that are added up.

It shares nothing with the domain but the values of its inputs, is written from the specification,
and is compared with the ledger entry by entry.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction

from drawdown.domain.inputs import ApplyRateCard, ChangePolicy, Command, Grant, UsageEvent
from drawdown.domain.rate_cards import Line, RateCard

MINUTE = 60 * 10**6
DAYS_35 = 35 * 24 * 60 * MINUTE
MOST = 2**62


@dataclass(frozen=True, kw_only=True)
class Booked:
    """What an entry must say. Credits in micro-credits, the residue as a fraction of one."""

    type: str
    amount: int = 0
    balance: int
    available: int
    overdraft: int
    overage_total: int
    residue: Fraction
    effective_at: int
    parts: list[tuple[str, int, int]] = field(default_factory=list)
    """Lot, credits, minor units released."""
    charge: tuple[int, int, int, int] | None = None
    """Rated, overdrawn, overage, uncovered."""
    code: str = ""


@dataclass(kw_only=True)
class Lot:
    """A lot: its grant, its interval, and what was taken of it."""

    lot_id: str
    grant: Grant
    start: int
    number: int
    taken: list[int] = field(default_factory=list)

    @property
    def left(self) -> int:
        return self.grant.amount - sum(self.taken)

    @property
    def scoped(self) -> bool:
        return bool(self.grant.meters or self.grant.properties)

    def usable(self, at: int) -> bool:
        end = self.grant.expires_at
        return self.start <= at and (end is None or at < end)

    def pays(self, event: UsageEvent, at: int, grace: int) -> bool:
        end = self.grant.expires_at
        in_time = end is None or (event.occurred_at < end and at < end + grace)
        in_scope = not self.grant.meters or event.meter in self.grant.meters
        has_all = self.grant.properties.items() <= event.properties.items()
        return self.start <= at and in_time and in_scope and has_all

    def place(self) -> tuple[object, ...]:
        """Its place in the burn order."""
        grant = self.grant
        never = grant.expires_at is None
        cost = Fraction(grant.price_minor, grant.amount)
        conditions = len(grant.properties) + int(bool(grant.meters))
        return (
            grant.priority,
            never,
            grant.expires_at or 0,
            cost > 0,
            grant.currency if cost else "",
            cost,
            -conditions,
            self.start,
            self.number,
        )

    def take(self, wanted: int) -> tuple[str, int, int]:
        """Take as much as is wanted and there: lot, credits, minor units released."""
        before = self._released()
        amount = min(wanted, self.left)
        self.taken.append(amount)
        return self.lot_id, amount, self._released() - before

    def _released(self) -> int:
        return round(Fraction(self.grant.price_minor * sum(self.taken), self.grant.amount))


@dataclass(kw_only=True)
class Account:
    """What a customer has and owes in one unit."""

    lots: list[Lot] = field(default_factory=list)
    overdrawn: list[int] = field(default_factory=list)
    settled: list[int] = field(default_factory=list)
    overage: list[int] = field(default_factory=list)
    exact: Fraction = Fraction(0)
    """All that was ever rated, in micro-credits."""
    rated: int = 0

    @property
    def owed(self) -> int:
        return sum(self.overdrawn) - sum(self.settled)

    @property
    def balance(self) -> int:
        return sum(lot.left for lot in self.lots) - self.owed

    def booked(self, kind: str, at: int, effective_at: int, **more: object) -> Booked:
        """An entry with the figures as they are now."""
        return Booked(
            type=kind,
            balance=self.balance,
            available=sum(lot.left for lot in self.lots if lot.usable(at)) - self.owed,
            overdraft=self.owed,
            overage_total=sum(self.overage),
            residue=self.exact - self.rated,
            effective_at=effective_at,
            **more,  # type: ignore[arg-type]
        )

    def settle(self, lots: Iterable[Lot], at: int, effective_at: int) -> list[Booked]:
        """What usable, unscoped lots pay of what is owed."""
        usable = [lot for lot in lots if lot.usable(at) and not lot.scoped and lot.left]
        parts = []
        for lot in sorted(usable, key=Lot.place):
            if self.owed:
                parts.append(lot.take(self.owed))
                self.settled.append(parts[-1][1])
        return [self.booked("overdraft_settled", at, effective_at, parts=parts)] if parts else []

    def settle_due(self, at: int) -> list[Booked]:
        """What lots that have become effective pay, moment by moment."""
        booked = []
        for moment in sorted({lot.start for lot in self.lots}):
            lots = [lot for lot in self.lots if lot.start == moment]
            booked += self.settle(lots, at, moment)
        return booked


class NaiveLedger:
    """One partition, as plainly as it can be said."""

    def __init__(self, *, lead_us: int) -> None:
        self.lead_us = lead_us
        self.accounts: dict[tuple[str, str], Account] = {}
        self.charged: list[UsageEvent] = []
        self.refused: list[tuple[UsageEvent, str, int]] = []
        self.decided: list[tuple[Command, str]] = []
        self.granted: list[tuple[str, Grant]] = []
        self.cards: list[RateCard] = []
        self.policies: list[tuple[str, str, ChangePolicy]] = []

    def account(self, customer_id: str, unit: str) -> Account:
        return self.accounts.setdefault((customer_id, unit), Account())

    def take(self, given: UsageEvent | Command, at: int) -> tuple[str, str, list[Booked]]:
        """Outcome, code and entries of one input recorded at `at`."""
        if isinstance(given, UsageEvent):
            return self._usage(given, at)
        return self._command(given, at)

    def _usage(self, event: UsageEvent, at: int) -> tuple[str, str, list[Booked]]:
        code, exact = self._judged(event, at)
        if code == "duplicate":
            return "duplicate", "", []
        if code:
            for other, before, since in self.refused:
                same = (other.customer_id, other.event_id, other.digest, before) == (
                    event.customer_id,
                    event.event_id,
                    event.digest,
                    code,
                )
                if same and at <= since + DAYS_35:
                    return "duplicate", code, []
            self.refused.append((event, code, at))
            return "rejected", code, self._rejected(event.customer_id, event.unit, code, at)
        self.charged.append(event)
        return "accepted", "", self._charged(event, exact, at)

    def _judged(self, event: UsageEvent, at: int) -> tuple[str, Fraction]:
        for other in self.charged:
            same = (other.customer_id, other.event_id) == (event.customer_id, event.event_id)
            if same and at <= other.occurred_at + DAYS_35:
                code = "duplicate" if other.digest == event.digest else "event_id_conflict"
                return code, Fraction(0)
        if at - event.occurred_at > DAYS_35:
            return "too_old", Fraction(0)
        if event.occurred_at - at > 5 * MINUTE:
            return "in_future", Fraction(0)
        if not event.quantities or min(event.quantities.values()) < 0:
            return "invalid_quantity", Fraction(0)
        if event.status == "failed":
            return "", Fraction(0)
        return self._price(event)

    def _price(self, event: UsageEvent) -> tuple[str, Fraction]:
        cards = [
            card
            for card in self.cards
            if card.unit == event.unit and card.effective_from <= event.occurred_at
        ]
        if not cards:
            return "no_rate", Fraction(0)
        newest = max(card.effective_from for card in cards)
        card = [card for card in cards if card.effective_from == newest][-1]
        exact = Fraction(0)
        for quantity, micro in event.quantities.items():
            lines = [
                line
                for meter in card.meters
                if meter.name == event.meter
                for line in meter.lines
                if line.quantity == quantity and line.match.items() <= event.properties.items()
            ]
            if not lines:
                return "no_rate", Fraction(0)
            narrowest = max(len(line.match) for line in lines)
            line = next(line for line in lines if len(line.match) == narrowest)
            exact += _line_price(line, micro)
        return "", exact

    def _charged(self, event: UsageEvent, exact: Fraction, at: int) -> list[Booked]:
        account = self.account(event.customer_id, event.unit)
        booked = account.settle_due(at)
        mode, limit, grace = self._policy(event.customer_id, event.unit)
        account.exact += exact
        rated = int(account.exact) - account.rated
        account.rated += rated
        applicable = [lot for lot in account.lots if lot.pays(event, at, grace)]
        rest, parts = rated, []
        for lot in sorted(applicable, key=Lot.place):
            if rest and lot.left:
                parts.append(lot.take(rest))
                rest -= parts[-1][1]
        drawn = rated - rest
        overdrawn = min(rest, max(0, limit - account.owed)) if mode == "overdraft" else 0
        overage = rest if mode == "overage" else 0
        account.overdrawn.append(overdrawn)
        account.overage.append(overage)
        booked.append(
            account.booked(
                "deduction",
                at,
                event.occurred_at,
                amount=-(drawn + overdrawn),
                parts=parts,
                charge=(rated, overdrawn, overage, rest - overdrawn - overage),
            )
        )
        return booked + account.settle(account.lots, at, at)

    def _policy(self, customer_id: str, unit: str) -> tuple[str, int, int]:
        mode, limit, grace = "hard_stop", 0, 5 * MINUTE
        for owner in (("$partition", "credit"), (customer_id, unit)):
            for customer, in_unit, body in self.policies:
                if (customer, in_unit) == owner:
                    change = body.policy
                    mode = change.overage_mode or mode
                    limit = limit if change.overdraft_limit is None else change.overdraft_limit
                    grace = grace if change.grace_us is None else change.grace_us
        return mode, limit, grace

    def _rejected(self, customer_id: str, unit: str, code: str, at: int) -> list[Booked]:
        account = self.account(customer_id, unit)
        due = account.settle_due(at)
        return [*due, account.booked("rejected", at, at, code=code)]

    def _command(self, command: Command, at: int) -> tuple[str, str, list[Booked]]:
        for other, code in self.decided:
            if (other.customer_id, other.command_id) == (command.customer_id, command.command_id):
                if other.digest == command.digest:
                    return "duplicate", code, []
                conflict = "command_id_conflict"
                rejected = self._rejected(command.customer_id, command.unit, conflict, at)
                return "rejected", conflict, rejected
        code = "too_old" if at - command.issued_at > DAYS_35 else self._refusal(command, at)
        self.decided.append((command, code))
        if code:
            return "rejected", code, self._rejected(command.customer_id, command.unit, code, at)
        return "accepted", "", self._carried_out(command, at)

    def _refusal(self, command: Command, at: int) -> str:
        body = command.body
        if isinstance(body, Grant):
            return self._grant_refusal(command, body, at)
        if isinstance(body, ApplyRateCard):
            known = [card for card in self.cards if card.label == body.card.label]
            late = body.card.effective_from - at < self.lead_us
            return "invalid_rate_card" if known or late else ""
        return ""

    def _grant_refusal(self, command: Command, grant: Grant, at: int) -> str:
        account = self.account(command.customer_id, command.unit)
        if account.balance + grant.amount > MOST:
            return "out_of_range"
        if grant.amount <= 0:
            return "invalid_amount"
        if grant.price_minor and not grant.currency:
            return "invalid_currency"
        if grant.price_minor and grant.kind == "promotional":
            return "invalid_price"
        if not 0 <= grant.priority <= 100:
            return "invalid_priority"
        end = grant.expires_at
        if end is not None and (end <= at or (grant.effective_at or at) >= end):
            return "invalid_period"
        if (grant.lot_id or command.command_id) in [lot.lot_id for lot in account.lots]:
            return "lot_id_used"
        before = [other for owner, other in self.granted if owner == command.customer_id]
        if grant.payment_id and grant.payment_id in [other.payment_id for other in before]:
            return "payment_id_used"
        if grant.campaign and grant.campaign in [other.campaign for other in before]:
            return "campaign_used"
        return ""

    def _carried_out(self, command: Command, at: int) -> list[Booked]:
        account = self.account(command.customer_id, command.unit)
        due = account.settle_due(at)
        body = command.body
        if isinstance(body, Grant):
            return [*due, *self._granted(command, body, account, at)]
        if isinstance(body, ChangePolicy):
            self.policies.append((command.customer_id, command.unit, body))
            return [*due, account.booked("policy_changed", at, at)]
        assert isinstance(body, ApplyRateCard)
        self.cards.append(body.card)
        return [account.booked("rate_card_applied", at, at)]

    def _granted(self, command: Command, grant: Grant, account: Account, at: int) -> list[Booked]:
        self.granted.append((command.customer_id, grant))
        lot = Lot(
            lot_id=grant.lot_id or command.command_id,
            grant=grant,
            start=max(at, grant.effective_at or at),
            number=len(account.lots) + 1,
        )
        account.lots.append(lot)
        parts = [(lot.lot_id, grant.amount, 0)]
        opened = account.booked("grant", at, lot.start, amount=grant.amount, parts=parts)
        return [opened, *account.settle([lot], at, at)]


def _line_price(line: Line, micro: int) -> Fraction:
    """Micro-credits for a quantity at a linear line with a minimum."""
    if micro == 0:
        return Fraction(0)
    return max(Fraction(micro * line.rate_pico, 10**12), Fraction(line.minimum))
