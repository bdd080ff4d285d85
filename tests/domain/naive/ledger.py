"""One partition, as plainly as it can be said."""

from dataclasses import dataclass, field
from fractions import Fraction

from drawdown.domain.codes import PRECEDENCE
from drawdown.domain.entries import PARTITION_CUSTOMER, PolicyChange
from drawdown.domain.inputs import (
    ApplyRateCard,
    ChangePolicy,
    ClosePeriod,
    Command,
    Grant,
    ParkRecord,
    Tick,
    UsageEvent,
)
from drawdown.domain.rate_cards import RateCard
from tests.domain.naive.accounts import Account
from tests.domain.naive.booked import DAYS_35, MINUTE, Booked, Charge, Used
from tests.domain.naive.carrying import carry_out
from tests.domain.naive.charging import charge_usage
from tests.domain.naive.commands import (
    captured,
    changes_nothing,
    end_anyway,
    hold_ids,
)
from tests.domain.naive.disputes import Dispute
from tests.domain.naive.due import book_due
from tests.domain.naive.lots import Hold
from tests.domain.naive.policies import policy_after
from tests.domain.naive.rating import rate
from tests.domain.naive.refund_commands import Refunded
from tests.domain.naive.refused import Refused
from tests.domain.naive.refusing import refusals

Outcome = tuple[str, str, list[Booked]]
"""Accepted, rejected or duplicate; the code; the entries."""


@dataclass(kw_only=True)
class Decided:
    """A command that was decided, and the holds that it concerned."""

    command: Command
    code: str
    at: int
    holds: list[Hold]


@dataclass(kw_only=True)
class NaiveLedger:
    """What was decided, in lists."""

    lead_us: int
    watermark: int = 0
    accounts: dict[tuple[str, str], Account] = field(default_factory=dict)
    refused: list[Refused] = field(default_factory=list)
    decided: list[Decided] = field(default_factory=list)
    granted: list[tuple[str, Grant]] = field(default_factory=list)
    refunded: list[Refunded] = field(default_factory=list)
    disputes: list[Dispute] = field(default_factory=list)
    cards: list[RateCard] = field(default_factory=list)
    policies: list[tuple[str, str, PolicyChange, int]] = field(default_factory=list)
    closed_until: int | None = None
    parked: list[ParkRecord] = field(default_factory=list)

    def account(self, customer_id: str, unit: str) -> Account:
        key = customer_id, unit
        return self.accounts.setdefault(key, Account(customer_id=customer_id))

    def take(self, given: UsageEvent | Command, at: int) -> Outcome:
        """Decide one input recorded at `at`, when both inputs have been read until then."""
        self.watermark = max(self.watermark, at)
        logged = {key: len(account.log) for key, account in self.accounts.items()}
        self._begin(given.customer_id, given.unit, at)
        if isinstance(given, UsageEvent):
            outcome, code = self._usage(_used(given), at)
        else:
            outcome, code = self._command(given, at)
        booked = [
            entry
            for key, account in self.accounts.items()
            for entry in account.log[logged.get(key, 0) :]
        ]
        return outcome, code, booked

    def _begin(self, customer_id: str, unit: str, at: int) -> Account:
        """An account with the time and the policy of this decision."""
        account = self.account(customer_id, unit)
        account.now = at
        account.policy = policy_after(
            (change, since)
            for owner in ((PARTITION_CUSTOMER, "credit"), (customer_id, unit))
            for customer, in_unit, change, since in self.policies
            if (customer, in_unit) == owner
        )
        return account

    def book_due(self, account: Account) -> None:
        if account.customer_id != PARTITION_CUSTOMER:
            book_due(account, self.watermark)

    def reject(self, account: Account, code: str) -> None:
        self.book_due(account)
        account.book("rejected", account.now, code=code)
        account.settle(account.now)

    def _usage(self, used: Used, at: int) -> tuple[str, str]:
        account = self.account(used.customer_id, used.unit)
        charge = self.charge_of(used.customer_id, used.event_id, at)
        if charge is not None and charge.used.body == used.body:
            if used.final:
                self.end_charged(account, used.hold_id)
            return "duplicate", ""
        code, exact = self.judge(used, at, at)
        if code:
            same = [
                other
                for other in self.refused
                if not other.captured
                and other.used.event_id == used.event_id
                and other.used.customer_id == used.customer_id
                and (other.used.body, other.code) == (used.body, code)
                and at <= other.at + DAYS_35
            ]
            if same:
                return "duplicate", code
            self.refused.append(Refused(used=used, code=code, at=at))
            self.reject(account, code)
            return "rejected", code
        self.charge(account, used, exact)
        return "accepted", ""

    def end_charged(self, account: Account, hold_id: str) -> bool:
        """The final usage of a hold was charged before: it still ends the hold."""
        if account.open_hold(hold_id) is None:
            return False
        self.book_due(account)
        hold = account.open_hold(hold_id)
        assert hold is not None
        account.end(hold, "released", account.now, [])
        account.settle(account.now)
        return True

    def charge_of(self, customer_id: str, event_id: str, at: int) -> Charge | None:
        """The charge of an event id that is kept at this time."""
        for (customer, _), account in self.accounts.items():
            for charge in account.charges:
                if customer == customer_id and charge.used.event_id == event_id:
                    kept = charge.for_ever or at <= charge.used.occurred_at + DAYS_35
                    if kept:
                        return charge
        return None

    def judge(self, used: Used, first_at: int, at: int, label: str = "") -> tuple[str, Fraction]:
        """Why usage is refused, or what it costs. `first_at`: when it was first recorded."""
        if self.charge_of(used.customer_id, used.event_id, first_at) is not None:
            return "event_id_conflict", Fraction(0)
        if first_at - used.occurred_at > DAYS_35:
            return "too_old", Fraction(0)
        if used.occurred_at - at > 5 * MINUTE:
            return "in_future", Fraction(0)
        if not used.quantities or min(used.quantities.values()) < 0:
            return "invalid_quantity", Fraction(0)
        if used.status == "failed":
            return "", Fraction(0)
        account = self.account(used.customer_id, used.unit)
        rated = rate(used, self.card_for(used, label), account.months)
        return ("no_rate", Fraction(0)) if rated is None else ("", rated[0])

    def card_for(self, used: Used, label: str) -> RateCard | None:
        """The card named, or the one in force when it occurred."""
        cards = [card for card in self.cards if card.unit == used.unit]
        if label:
            return next((card for card in cards if card.label == label), None)
        cards = [card for card in cards if card.effective_from <= used.occurred_at]
        newest = max((card.effective_from for card in cards), default=0)
        return next((card for card in reversed(cards) if card.effective_from == newest), None)

    def charge(
        self,
        account: Account,
        used: Used,
        exact: Fraction,
        *,
        label: str = "",
        for_ever: bool = False,
    ) -> None:
        """Book what is due, the charge, and what it settles."""
        self.book_due(account)
        if used.status != "failed":
            rated = rate(used, self.card_for(used, label), account.months)
            assert rated is not None
            account.months = rated[1]
        charge_usage(account, used, exact, for_ever=for_ever)
        account.settle(account.now)

    def _command(self, command: Command, at: int) -> tuple[str, str]:
        account = self.account(command.customer_id, command.unit)
        for other in self.decided:
            if self._is_repeat(other, command, at):
                if other.command.digest == command.digest:
                    return "duplicate", other.code
                self.reject(account, "command_id_conflict")
                return "rejected", "command_id_conflict"
        code: str = _refuse_sender(command, at)
        if not code and changes_nothing(self, account, command):
            if end_anyway(self, account, command):
                self._remember(account, command, "")
            return "duplicate", ""
        if not code:
            self.book_due_for(account, command)
            codes = refusals(self, account, command)
            code = next((each for each in PRECEDENCE if each in codes), "")
        if code:
            self.reject(account, code)
            self._remember(account, command, code)
            used = captured(command)
            if used is not None:
                self.refused.append(Refused(used=used, code=code, at=at, captured=True))
            return "rejected", code
        before = self.entries
        self.book_due_by_default(command, at)
        carry_out(self, account, command)
        account.settle(at)
        if self.entries > before:
            self._remember(account, command, "")
        return "accepted", ""

    @staticmethod
    def _is_repeat(decided: Decided, command: Command, at: int) -> bool:
        first = decided.command
        same = (first.customer_id, first.command_id) == (command.customer_id, command.command_id)
        return same and _kept(decided, at)

    def _remember(self, account: Account, command: Command, code: str) -> None:
        holds = [account.hold(hold_id) for hold_id in hold_ids(command.body)]
        self.decided.append(
            Decided(
                command=command,
                code=code,
                at=account.now,
                holds=[hold for hold in holds if hold is not None],
            )
        )

    def book_due_for(self, account: Account, command: Command) -> None:
        """A tick is about every account, any other command about its own."""
        if not isinstance(command.body, Tick):
            self.book_due(account)

    def book_due_by_default(self, command: Command, at: int) -> None:
        """Before another default, what fell due everywhere goes by the one that was in force."""
        if isinstance(command.body, ChangePolicy) and command.customer_id == PARTITION_CUSTOMER:
            self.tick(at)

    @property
    def entries(self) -> int:
        return sum(len(account.log) for account in self.accounts.values())

    def tick(self, at: int) -> None:
        """Book what is due on every account."""
        for customer_id, unit in [*self.accounts]:
            self.book_due(self._begin(customer_id, unit, at))


def _refuse_sender(command: Command, at: int) -> str:
    """What is refused before anything else is looked at."""
    if at - command.issued_at > DAYS_35:
        return "too_old"
    of_partition = command.customer_id == PARTITION_CUSTOMER
    body = command.body
    if isinstance(body, ChangePolicy):
        return ""
    for_partition = isinstance(body, ApplyRateCard | ClosePeriod | ParkRecord | Tick)
    return "" if of_partition == for_partition else "invalid_customer"


def _used(event: UsageEvent) -> Used:
    return Used(
        customer_id=event.customer_id,
        unit=event.unit,
        event_id=event.event_id,
        meter=event.meter,
        occurred_at=event.occurred_at,
        status=event.status,
        properties=event.properties,
        quantities=event.quantities,
        hold_id=event.hold_id,
        final=event.hold_final,
    )


def _kept(decided: Decided, at: int) -> bool:
    """For ever, but those carried out on holds until 35 days after the hold's end."""
    if not decided.holds or decided.code:
        return True
    return any(hold.ended_at is None or at <= hold.ended_at + DAYS_35 for hold in decided.holds)
