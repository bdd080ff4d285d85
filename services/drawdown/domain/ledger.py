"""The ledger of one partition: everything its entries say, and the decisions it makes next."""

from collections.abc import Iterable
from typing import Final, Literal, final

from drawdown.domain.accounts import Account
from drawdown.domain.codes import RejectionCode
from drawdown.domain.commands import Ruling, Terms, rule
from drawdown.domain.drafts import Draft, Origin
from drawdown.domain.entries import (
    PARTITION_CUSTOMER,
    EntryDetails,
    EntryFacts,
    LedgerEntry,
    Rejection,
)
from drawdown.domain.evolve import fold
from drawdown.domain.grants import business_keys
from drawdown.domain.inputs import Command, UsageEvent
from drawdown.domain.memory import WINDOW_US, Memory, Remembered, first_decision, key_of
from drawdown.domain.numbers import AMOUNT_MAX, MINUTE_US, NEVER
from drawdown.domain.policies import DEFAULT_POLICY, Policy, changed
from drawdown.domain.rating import RateBook
from drawdown.domain.settlement import after, settle_due
from drawdown.domain.usage import charge_usage, usage_origin

FUTURE_US: Final = 5 * MINUTE_US
"""Usage that occurred further ahead of its own recording is refused."""

Outcome = Literal["accepted", "rejected", "duplicate"]


@final
class Decision:
    """What an input came to: the facts of its entries, in order; none for a duplicate."""

    def __init__(
        self,
        outcome: Outcome,
        facts: list[EntryFacts],
        code: str = "",
        detail: str = "",
        first_entry_id: str = "",
    ) -> None:
        self.outcome: Final[Outcome] = outcome
        self.facts: Final = facts
        self.code: Final = code
        self.detail: Final = detail
        self.first_entry_id: Final = first_entry_id


@final
class Ledger:
    """Decides the inputs of one partition, and folds its entries.

    `decide_*` change nothing; the caller seals the facts into entries and hands each, in order,
    to `evolve`. Recovery is `evolve` over the whole log.
    """

    def __init__(self, *, namespace: str, partition: int, rate_card_lead_us: int) -> None:
        self.namespace: Final = namespace
        self.partition: Final = partition
        self.rate_card_lead_us: Final = rate_card_lead_us
        self.partition_seq = 0
        self.rate_book: Final = RateBook()
        self.default_policy: Policy = DEFAULT_POLICY
        self.default_version = 0
        self.charged: Final = Memory()
        self.refused: Final = Memory()
        self.commands: Final[dict[str, Remembered]] = {}
        self.business_keys: Final[dict[str, dict[str, str]]] = {}
        self._accounts: Final[dict[str, dict[str, Account]]] = {}
        # A decision asks for its account several times in a row.
        self._latest: Account | None = None

    def knows(self, customer_id: str) -> bool:
        """Whether a customer has an account here."""
        return customer_id in self._accounts

    def account(self, customer_id: str, unit: str) -> Account | None:
        """An account that has begun, with its policy resolved, or None."""
        account = self._latest
        if account is None or account.customer_id != customer_id or account.unit != unit:
            units = self._accounts.get(customer_id)
            account = None if units is None else units.get(unit)
            if account is None:
                return None
            self._latest = account
        if account.policy_version != self.default_version:
            self._resolve(account)
        return account

    def accounts(self) -> Iterable[Account]:
        """Every account that has begun."""
        found = [account for units in self._accounts.values() for account in units.values()]
        for account in found:
            self._resolve(account)
        return found

    def head(self, customer_id: str, unit: str) -> bytes:
        """The hash of an account's last entry; empty before its first."""
        account = self.account(customer_id, unit)
        return b"" if account is None else account.head

    def decide_usage(self, event: UsageEvent, recorded_at: int, raw: bytes = b"") -> Decision:
        """Charge, refuse or recognize one usage event (`domain.md`, «Usage»).

        `raw` is the record as it came, kept by a refusal so that it can be redriven.
        """
        key = key_of(event.customer_id, event.event_id)
        first = self.charged.get(key, recorded_at)
        if first is not None:
            if first.digest == event.digest:
                return Decision("duplicate", [], "", "", first.entry_id)
            detail = f"{event.event_id} was charged with another body by {first.entry_id}"
            return self._refuse_usage(
                event, recorded_at, raw, "event_id_conflict", detail, first.entry_id
            )
        if recorded_at - event.occurred_at > WINDOW_US:
            return self._refuse_usage(event, recorded_at, raw, "too_old", "")
        if event.occurred_at - recorded_at > FUTURE_US:
            return self._refuse_usage(event, recorded_at, raw, "in_future", "")
        wrong = _quantities_refusal(event.quantities)
        if wrong or event.customer_id == PARTITION_CUSTOMER:
            code: RejectionCode = "invalid_quantity" if wrong else "invalid_customer"
            return self._refuse_usage(event, recorded_at, raw, code, wrong)
        account = self._account_for(event.customer_id, event.unit)
        if event.status == "failed":
            facts = charge_usage(account, self.namespace, event, recorded_at, "", [], 0)
            return Decision("accepted", facts)
        return self._charge(account, event, recorded_at, raw)

    def _charge(
        self, account: Account, event: UsageEvent, recorded_at: int, raw: bytes
    ) -> Decision:
        card = self.rate_book.in_force(event.unit, event.occurred_at)
        if card is None:
            detail = f"no rate card for {event.unit} was in force"
            return self._refuse_usage(event, recorded_at, raw, "no_rate", detail)
        if not card.check(event.meter, event.quantities):
            detail = "the quantities don't add up to the stated total"
            return self._refuse_usage(event, recorded_at, raw, "invalid_quantity", detail)
        rated = card.rate(event.customer_id, event.meter, event.properties, event.quantities)
        if rated is None:
            detail = f"{card.label} has no line for all of {event.meter}: {list(event.quantities)}"
            return self._refuse_usage(event, recorded_at, raw, "no_rate", detail)
        facts = charge_usage(
            account,
            self.namespace,
            event,
            recorded_at,
            card.label,
            rated.lines,
            rated.total_atto,
        )
        if not facts:
            return self._refuse_usage(event, recorded_at, raw, "out_of_range", "")
        return Decision("accepted", facts)

    def decide_command(self, command: Command, recorded_at: int, raw: bytes = b"") -> Decision:
        """Carry out, refuse or recognize one command."""
        origin = Origin(
            cause="command",
            cause_id=command.command_id,
            digest=command.digest,
            reason=command.reason,
            actor=command.actor,
            occurred_at=command.issued_at,
            recorded_at=recorded_at,
        )
        account = self._account_for(command.customer_id, command.unit)
        first = self.commands.get(key_of(command.customer_id, command.command_id))
        if first is not None:
            if first.digest == command.digest:
                return Decision("duplicate", [], first.code, "", first.entry_id)
            conflict = Ruling("command_id_conflict", f"{first.entry_id} decided another body", [])
            return self._refuse_command(account, origin, conflict, raw, first.entry_id)
        if recorded_at - command.issued_at > WINDOW_US:
            return self._refuse_command(account, origin, Ruling("too_old", "", []), raw, "")
        due = settle_due(account, self.namespace, origin)
        terms = Terms(
            namespace=self.namespace,
            used=self.business_keys.get(command.customer_id, {}),
            rate_book=self.rate_book,
            lead_us=self.rate_card_lead_us,
        )
        ruling = rule(after(account, due), command, origin, terms)
        if ruling.code is not None:
            return self._refuse_command(account, origin, ruling, raw, "")
        return Decision("accepted", due + ruling.facts)

    def evolve(self, entry: LedgerEntry) -> None:
        """Fold one entry. Raises `UnknownEntry` for a type of a later version."""
        assert entry.partition_seq == self.partition_seq + 1, (
            f"entry {entry.partition_seq} of partition {self.partition} doesn't follow "
            f"{self.partition_seq}"
        )
        facts = entry.facts
        account = self._account_for(facts.customer_id, facts.unit)
        fold(account, facts)
        account.head = entry.hash
        if account.account_seq == 1:
            self._accounts.setdefault(account.customer_id, {})[account.unit] = account
        self.partition_seq = entry.partition_seq
        self._remember(entry)
        if facts.customer_id == PARTITION_CUSTOMER:
            self._evolve_partition(facts)

    def _evolve_partition(self, facts: EntryFacts) -> None:
        details = facts.details
        assert details is not None
        if details.rate_card is not None:
            self.rate_book.apply(details.rate_card)
        if details.policy is not None:
            self.default_policy = changed(self.default_policy, details.policy)
            self.default_version += 1

    def _remember(self, entry: LedgerEntry) -> None:
        facts = entry.facts
        key = key_of(facts.customer_id, facts.cause_id)
        if facts.cause == "usage":
            self._remember_usage(key, entry)
        elif facts.cause == "command":
            # A decision's first entry stands for it; a conflict never takes its place.
            if key not in self.commands:
                self.commands[key] = first_decision(entry, _code(facts), NEVER)
            if facts.type == "grant":
                self._use_business_keys(entry)

    def _remember_usage(self, key: str, entry: LedgerEntry) -> None:
        facts = entry.facts
        self.charged.forget_before(facts.recorded_at)
        self.refused.forget_before(facts.recorded_at)
        if facts.type == "deduction":
            until = facts.occurred_at + WINDOW_US
            self.charged.keep(key, first_decision(entry, "", until))
        elif facts.type == "rejected":
            code = _code(facts)
            until = facts.recorded_at + WINDOW_US
            first = first_decision(entry, code, until)
            self.refused.keep(_refusal_key(key, facts.cause_digest, code), first)

    def _use_business_keys(self, entry: LedgerEntry) -> None:
        details = entry.facts.details
        assert details is not None
        assert details.lot is not None
        used = self.business_keys.setdefault(entry.facts.customer_id, {})
        for _, key in business_keys(details.lot):
            used[key] = entry.entry_id

    def _account_for(self, customer_id: str, unit: str) -> Account:
        """The account, with its policy resolved; a new one where none has begun."""
        account = self.account(customer_id, unit)
        if account is None:
            account = Account(customer_id, unit)
            self._resolve(account)
        return account

    def _resolve(self, account: Account) -> None:
        """Bring an account's policy up to the partition's default."""
        account.policy = changed(self.default_policy, account.policy_change)
        account.policy_version = self.default_version

    def _refuse_usage(
        self,
        event: UsageEvent,
        recorded_at: int,
        raw: bytes,
        code: RejectionCode,
        detail: str,
        first_entry_id: str = "",
    ) -> Decision:
        key = _refusal_key(key_of(event.customer_id, event.event_id), event.digest, code)
        before = self.refused.get(key, recorded_at)
        if before is not None:
            return Decision("duplicate", [], code, detail, before.entry_id)
        account = self._account_for(event.customer_id, event.unit)
        origin = usage_origin(event, recorded_at)
        facts = self._rejected(account, origin, code, detail, raw, first_entry_id)
        return Decision("rejected", facts, code, detail, first_entry_id)

    def _refuse_command(
        self, account: Account, origin: Origin, ruling: Ruling, raw: bytes, first_entry_id: str
    ) -> Decision:
        code, detail = ruling.code, ruling.detail
        assert code is not None
        facts = self._rejected(account, origin, code, detail, raw, first_entry_id)
        return Decision("rejected", facts, code, detail, first_entry_id)

    def _rejected(
        self,
        account: Account,
        origin: Origin,
        code: RejectionCode,
        detail: str,
        raw: bytes,
        first_entry_id: str,
    ) -> list[EntryFacts]:
        """The `rejected` entry, after what fell due before it."""
        due = settle_due(account, self.namespace, origin)
        rejection = Rejection(code=code, detail=detail, first_entry_id=first_entry_id, input=raw)
        refused = Draft(after(account, due), self.namespace, origin).entry(
            "rejected",
            amount=0,
            effective_at=origin.recorded_at,
            allocations=[],
            details=EntryDetails(rejection=rejection, lot_changes=[], month_totals=[]),
        )
        return [*due, refused]


def _quantities_refusal(quantities: dict[str, int]) -> str:
    if not quantities:
        return "there is no quantity"
    for name, quantity in quantities.items():
        if quantity < 0 or quantity > AMOUNT_MAX:
            return f"{name} is {quantity} micro-units"
    return ""


def _code(facts: EntryFacts) -> str:
    details = facts.details
    if details is None or details.rejection is None:
        return ""
    return details.rejection.code


def _refusal_key(key: str, digest: bytes, code: str) -> str:
    return f"{key}\0{code}\0{digest.hex()}"
