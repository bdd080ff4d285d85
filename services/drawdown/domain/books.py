"""The books of one partition: everything its entries say, and nothing else."""

from collections.abc import Callable, Container
from heapq import heappop, heappush
from typing import Final

from drawdown.domain.accounts import Account
from drawdown.domain.charges import Charged
from drawdown.domain.command_memory import CommandMemory
from drawdown.domain.customers import Customer
from drawdown.domain.due_bookings import first_due
from drawdown.domain.entries import (
    PARTITION_CUSTOMER,
    Charge,
    EntryFacts,
    LedgerEntry,
)
from drawdown.domain.evolve import fold
from drawdown.domain.grants import business_keys
from drawdown.domain.inputs import UsageEvent
from drawdown.domain.memory import (
    WINDOW_US,
    Memory,
    RejectedUsage,
    first_decision,
    key_of,
)
from drawdown.domain.numbers import NEVER
from drawdown.domain.policies import DEFAULT_POLICY, Policy, changed
from drawdown.domain.rating import RateBook
from drawdown.domain.refunds import refund_key

ReadUsage = Callable[[bytes], UsageEvent | None]
"""The usage event in the bytes of a usage record, or of a command that captures with usage."""


def reads_nothing(_: bytes) -> UsageEvent | None:
    """For books that never redrive."""
    return None


class Books:
    """Accounts, rate cards, policies and memory of one partition.

    `evolve` is the only thing that changes them; recovery is `evolve` over the whole log.
    """

    def __init__(
        self,
        *,
        namespace: str,
        partition: int,
        rate_card_lead_us: int,
        read_usage: ReadUsage = reads_nothing,
    ) -> None:
        self.namespace: Final = namespace
        self.partition: Final = partition
        self.rate_card_lead_us: Final = rate_card_lead_us
        self.read_usage: Final = read_usage
        self.partition_seq = 0
        self.watermark = 0
        self.closed_until = 0
        self.rate_book: Final = RateBook()
        self.default_policy: Policy = DEFAULT_POLICY
        self.default_recurring_set_at = 0
        self.refused: Final = Memory()
        self.commands: Final = CommandMemory()
        self.disputes: Final[dict[str, str]] = {}
        """The payment that each dispute id names, by `key_of`."""
        self.rejected: Final[dict[str, RejectedUsage]] = {}
        self._customers: Final[dict[str, Customer]] = {}
        # A decision asks for its customer several times in a row.
        self._latest: Customer | None = None
        self._due: Final[list[tuple[int, str, str]]] = []

    def advance(self, watermark: int) -> None:
        """Book what falls due up to `watermark` (µs) from now on; it never goes back."""
        if watermark > self.watermark:
            self.watermark = watermark

    def knows(self, customer_id: str) -> bool:
        """Whether a customer has an account here."""
        return self._customer(customer_id) is not None

    def account(self, customer_id: str, unit: str) -> Account | None:
        """An account that has begun, or None."""
        customer = self._customer(customer_id)
        return None if customer is None else customer.account(unit)

    def charged(self, customer_id: str, event_id: str, recorded_at: int) -> Charged | None:
        """The charge of an event, in whatever unit, that stands for one recorded then, or None."""
        customer = self._customer(customer_id)
        return None if customer is None else customer.charges.standing(event_id, recorded_at)

    def business_keys(self, customer_id: str) -> Container[str]:
        """The lot, payment, campaign, referral and refund ids that a customer has used."""
        customer = self._customer(customer_id)
        return () if customer is None else customer.business_keys

    def _customer(self, customer_id: str) -> Customer | None:
        latest = self._latest
        if latest is None or latest.customer_id != customer_id:
            latest = self._customers.get(customer_id)
            if latest is not None:
                self._latest = latest
        return latest

    def accounts(self) -> list[Account]:
        """Every account that has begun."""
        customers = self._customers.values()
        return [account for customer in customers for account in customer.accounts.values()]

    def account_for(self, customer_id: str, unit: str) -> Account:
        """The account; a new one where none has begun."""
        account = self.account(customer_id, unit)
        if account is None:
            customer = self._customer(customer_id)
            account = Account(customer_id, unit, None if customer is None else customer.charges)
            self._resolve(account)
        return account

    def head(self, customer_id: str, unit: str) -> bytes:
        """The hash of an account's last entry; empty before its first."""
        account = self.account(customer_id, unit)
        return b"" if account is None else account.head

    def next_due_at(self) -> int:
        """Before this moment (µs) nothing falls due on any account; `NEVER`: nothing ever does."""
        return self._due[0][0] if self._due else NEVER

    def due_accounts(self, at_most: int) -> list[Account]:
        """Accounts on which something has fallen due, those that waited longest first."""
        due: list[Account] = []
        looked_at: list[Account] = []
        while self._due and self._due[0][0] <= self.watermark and len(due) < at_most:
            _, customer_id, unit = heappop(self._due)
            account = self._customers[customer_id].accounts[unit]
            if account.queued_at <= self.watermark:
                account.queued_at = NEVER
                looked_at.append(account)
                if first_due(account, self.watermark) is not None:
                    due.append(account)
        for account in looked_at:
            self._queue(account)
        return due

    def evolve(self, entry: LedgerEntry) -> None:
        """Fold one entry. Raises `UnknownEntry` for a type of a later version."""
        assert entry.partition_seq == self.partition_seq + 1, (
            f"entry {entry.partition_seq} of partition {self.partition} doesn't follow "
            f"{self.partition_seq}"
        )
        facts = entry.facts
        account = self.account_for(facts.customer_id, facts.unit)
        charged = fold(account, facts)
        if charged is not None:
            charged.stands_in(entry)
        account.head = entry.hash
        if account.account_seq == 1:
            self._begin(account)
        self.partition_seq = entry.partition_seq
        self._remember(entry)
        if account.dues.next_at < account.queued_at:
            self._queue(account)
        if facts.details is not None:
            self._evolve_beyond(account, facts)

    def _begin(self, account: Account) -> None:
        customer = self._customer(account.customer_id)
        if customer is None:
            self._customers[account.customer_id] = Customer(account)
        else:
            customer.accounts[account.unit] = account
        self._resolve(account)

    def _evolve_beyond(self, account: Account, facts: EntryFacts) -> None:
        """What an entry changes beside its account's figures, lots and holds."""
        details = facts.details
        assert details is not None
        if details.policy is not None:
            self._resolve(account)
        if facts.customer_id != PARTITION_CUSTOMER:
            return
        if details.rate_card is not None:
            self.rate_book.apply(details.rate_card)
        if details.closed_until is not None:
            self.closed_until = details.closed_until
        if details.policy is not None:
            self.default_policy = changed(self.default_policy, details.policy)
            if details.policy.recurring is not None:
                self.default_recurring_set_at = facts.recorded_at
            for each in self.accounts():
                self._resolve(each)

    def _resolve(self, account: Account) -> None:
        """Bring an account's policy up to the partition's default."""
        own = account.policy_change
        account.recurring_since = account.recurring_set_at
        if own.recurring is None:
            account.recurring_since = max(self.default_recurring_set_at, account.begun_at)
        account.set_policy(changed(self.default_policy, own))
        if account.account_seq:
            self._queue(account)

    def _queue(self, account: Account) -> None:
        """Look at an account when something may have fallen due on it; `$partition` has no lots."""
        next_at = account.dues.next_at
        if next_at < account.queued_at and account.customer_id != PARTITION_CUSTOMER:
            account.queued_at = next_at
            heappush(self._due, (next_at, account.customer_id, account.unit))

    # ---- Memory.

    def _remember(self, entry: LedgerEntry) -> None:
        facts = entry.facts
        if facts.cause == "usage":
            self.refused.forget_before(facts.recorded_at)
            if facts.type == "rejected":
                self._remember_refused(key_of(facts.customer_id, facts.cause_id), entry)
        elif facts.cause == "command":
            self._remember_command(entry)
        elif facts.cause == "tick":
            # What a tick books is about others; the command is of `$partition`.
            self.commands.remember(key_of(PARTITION_CUSTOMER, facts.cause_id), entry, "")
        hold = None if facts.details is None else facts.details.hold
        if hold is not None and hold.state != "open":
            self.commands.hold_ended(facts, hold.hold_id)

    def _remember_refused(self, key: str, entry: LedgerEntry) -> None:
        facts = entry.facts
        code = code_of(facts)
        place = refusal_key(key, facts.cause_digest, code)
        until = facts.recorded_at + WINDOW_US
        self.refused.keep(place, first_decision(entry, code, until, facts.cause_digest))
        assert facts.details is not None
        assert facts.details.rejection is not None
        raw = facts.details.rejection.input
        self._keep_rejected(key, raw, facts.cause_digest, facts.recorded_at)

    def _keep_rejected(self, key: str, raw: bytes, digest: bytes, recorded_at: int) -> None:
        """Keep a refused event for its redrive, with the time of its first refusal."""
        before = self.rejected.get(key)
        if before is None or before.digest != digest:
            self.rejected[key] = RejectedUsage(raw, digest, recorded_at)

    def _remember_command(self, entry: LedgerEntry) -> None:
        facts = entry.facts
        until = NEVER if facts.charge is None else self._kept_until(facts, facts.charge)
        key = key_of(facts.customer_id, facts.cause_id)
        self.commands.remember(key, entry, code_of(facts), until)
        if facts.details is None:
            return
        details = facts.details
        if details.rejection is not None:
            event = self.read_usage(details.rejection.input)
            if event is not None and details.rejection.code != "command_id_conflict":
                event_key = key_of(event.customer_id, event.event_id)
                raw = details.rejection.input
                self._keep_rejected(event_key, raw, event.digest, facts.recorded_at)
        self._use_business_keys(entry)

    def _kept_until(self, facts: EntryFacts, charge: Charge) -> int:
        """Until when a capture is remembered; of a hold that had ended, by that end."""
        account = self.account(facts.customer_id, facts.unit)
        if account is None or not charge.hold_ended or charge.hold_id not in account.holds:
            return NEVER
        return account.holds[charge.hold_id].ended_at + WINDOW_US

    def _use_business_keys(self, entry: LedgerEntry) -> None:
        facts = entry.facts
        details = facts.details
        assert details is not None
        used = self._customers[facts.customer_id].business_keys
        if details.lot is not None:
            used.update([key for _, key in business_keys(details.lot)])
        if details.refund is not None:
            used.add(refund_key(details.refund.refund_id))
        if details.dispute is not None:
            key = key_of(facts.customer_id, details.dispute.dispute_id)
            self.disputes[key] = details.dispute.payment_id


def code_of(facts: EntryFacts) -> str:
    """Why an entry's input was refused; empty where it wasn't."""
    details = facts.details
    if details is None or details.rejection is None:
        return ""
    return details.rejection.code


def refusal_key(key: str, digest: bytes, code: str) -> str:
    """The key of a refusal: the same event, refused for the same reason."""
    return f"{key}\0{code}\0{digest.hex()}"
