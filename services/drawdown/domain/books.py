"""The books of one partition: everything its entries say, and nothing else."""

from collections.abc import Callable, Container, Iterable, Sequence
from typing import Final

from drawdown.domain.accounts import Account
from drawdown.domain.business_keys import UsedKeys
from drawdown.domain.cabinet import BUSINESS_KEY, COMMAND, DISPUTE, REFUSAL, REJECTED, Cabinet
from drawdown.domain.charges import Charged, Charges
from drawdown.domain.customers import Customer
from drawdown.domain.due_bookings import first_due
from drawdown.domain.entries import (
    PARTITION_CUSTOMER,
    PARTITION_UNIT,
    Charge,
    EntryDetails,
    EntryFacts,
    HoldState,
    LedgerEntry,
)
from drawdown.domain.evolve import fold
from drawdown.domain.grants import business_keys
from drawdown.domain.inputs import UsageEvent
from drawdown.domain.memory import (
    WINDOW_US,
    RejectedUsage,
    first_decision,
    key_of,
)
from drawdown.domain.numbers import NEVER
from drawdown.domain.parking import Parked, Parking
from drawdown.domain.policies import DEFAULT_POLICY, Policy, changed
from drawdown.domain.rate_cards import RateCard
from drawdown.domain.rating import RateBook
from drawdown.domain.refunds import refund_key

ReadUsage = Callable[[bytes], UsageEvent | None]
"""The usage event in the bytes of a usage record, or of a command that captures with usage."""


def reads_nothing(_: bytes) -> UsageEvent | None:
    """For books that never redrive."""
    return None


class Books:
    """Accounts, rate cards, policies and memory of one partition.

    `evolve` is the only thing that changes them; recovery is `evolve` over the log, from its start
    or from what a shelf holds.
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
        self.parking: Final = Parking(partition)
        self.rate_book: Final = RateBook()
        self.default_policy: Policy = DEFAULT_POLICY
        self.default_recurring_set_at = 0
        self.cabinet: Final = Cabinet()
        self.commands: Final = self.cabinet.commands
        self.refused: Final = self.cabinet.refused
        self.rejected: Final = self.cabinet.rejected
        self.disputes: Final = self.cabinet.disputes

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

    def charged(self, customer_id: str, event_id: str) -> Charged | None:
        """The latest charge of an event, in whatever unit, or None."""
        customer = self._customer(customer_id)
        return None if customer is None else customer.charges.latest(event_id)

    def foresee(self, inputs: Sequence[object]) -> None:
        """Look up at once which of these events weren't charged before; what is no event is left
        out."""
        if self.cabinet.shelf is None:
            return
        keys: list[str] = []
        for each in inputs:
            if isinstance(each, UsageEvent):
                keys.append(key_of(each.customer_id, each.event_id))
        self.cabinet.foresee(keys)

    def business_keys(self, customer_id: str) -> Container[str]:
        """The lot, payment, campaign, referral and refund ids that a customer has used."""
        return UsedKeys(customer_id, self.cabinet.business_keys)

    def _customer(self, customer_id: str) -> Customer | None:
        customer = self.cabinet.customer(customer_id)
        shelf = self.cabinet.shelf
        if customer is None and shelf is not None:
            customer = shelf.customer(customer_id)
            if customer is not None:
                self.cabinet.came_in(customer)
                for account in customer.accounts.values():
                    self._resolve(account)
        return customer

    def accounts(self) -> list[Account]:
        """Every account that is in memory: all, where nothing is on a shelf."""
        customers = self.cabinet.here()
        return [account for customer in customers for account in customer.accounts.values()]

    def account_for(self, customer_id: str, unit: str) -> Account:
        """The account; a new one where none has begun."""
        account = self.account(customer_id, unit)
        if account is None:
            customer = self._customer(customer_id)
            charges = (
                Charges(customer_id, self.cabinet.charges, self.cabinet.recall)
                if customer is None
                else customer.charges
            )
            account = Account(customer_id, unit, charges)
            self._resolve(account)
        return account

    def head(self, customer_id: str, unit: str) -> bytes:
        """The hash of an account's last entry; empty before its first."""
        account = self.account(customer_id, unit)
        return b"" if account is None else account.head

    def next_due_at(self) -> int:
        """Before this moment (µs) nothing falls due on any account; `NEVER`: nothing ever does."""
        return self.cabinet.dues.first_at()

    def due_accounts(self, at_most: int) -> list[Account]:
        """Accounts on which something has fallen due, those that waited longest first."""
        due: list[Account] = []
        looked_at: list[Account] = []
        while len(due) < at_most:
            place = self.cabinet.dues.foremost(self.watermark)
            if place is None:
                break
            account = self.account(place[0], place[1])
            assert account is not None, f"{place[0]} has no account in {place[1]}"
            self.cabinet.dues.pass_by(account)
            looked_at.append(account)
            if first_due(account, self.watermark) is not None:
                due.append(account)
        for account in looked_at:
            self.cabinet.dues.note(account)
        return due

    def restore(
        self,
        *,
        partition_seq: int,
        closed_until: int,
        cards: list[RateCard],
        parked: list[Parked],
        dues: Iterable[tuple[str, int]],
    ) -> None:
        """Begin with what the shelf holds: what follows are the entries after `partition_seq`."""
        self.partition_seq = partition_seq
        self.closed_until = closed_until
        for card in cards:
            self.rate_book.apply(card)
        self.parking.restore(parked)
        self.cabinet.dues.restore(dues)
        account = self.account(PARTITION_CUSTOMER, PARTITION_UNIT)
        if account is not None:
            self.default_policy = changed(DEFAULT_POLICY, account.policy_change)
            self.default_recurring_set_at = account.recurring_set_at

    def evolve(
        self, entry: LedgerEntry, record: bytes = b"", account: Account | None = None
    ) -> None:
        """Fold one entry. `record` is its record in the log, where a shelf can do with it, and
        `account` is that of `account_for`, where the caller has asked already.

        Raises `UnknownEntry` for a type of a later version.
        """
        assert entry.partition_seq == self.partition_seq + 1, (
            f"entry {entry.partition_seq} of partition {self.partition} doesn't follow "
            f"{self.partition_seq}"
        )
        facts = entry.facts
        if account is None:
            account = self.account_for(facts.customer_id, facts.unit)
        charged = fold(account, facts, record if self.cabinet.shelf is not None else b"")
        if charged is not None:
            charged.stands_in(entry)
        account.head = entry.hash
        if account.account_seq == 1:
            self._begin(account)
        self.partition_seq = entry.partition_seq
        self._remember(entry)
        if account.dues.next_at < account.queued_at:
            self.cabinet.dues.note(account)
        if facts.details is not None:
            self._evolve_beyond(account, facts)
            self.parking.evolve(entry)
        if self.cabinet.shelf is not None:
            customer = self._customer(facts.customer_id)
            assert customer is not None
            self.cabinet.touched(customer, entry.partition_seq)

    def pass_over(self, entry: LedgerEntry) -> None:
        """Go past an entry that its customer's state has already."""
        self.partition_seq = entry.partition_seq
        if entry.facts.cause == "tick":
            self._remember_tick(entry)

    def _begin(self, account: Account) -> None:
        customer = self._customer(account.customer_id)
        if customer is None:
            self.cabinet.came_in(Customer(account))
        else:
            customer.accounts[account.unit] = account
            account.ended_hold = customer.first.ended_hold
        self._resolve(account)

    def _evolve_beyond(self, account: Account, facts: EntryFacts) -> None:
        """What an entry changes beside its account's figures, lots and holds."""
        details = facts.details
        assert details is not None
        if self.cabinet.shelf is not None and details.hold is not None:
            account.unsaved_holds[details.hold.hold_id] = None
        if details.policy is not None:
            self._resolve(account)
        if facts.customer_id != PARTITION_CUSTOMER:
            return
        # Applied before, where a shelf held it.
        card = details.rate_card
        if card is not None and self.rate_book.labelled(card.label) is None:
            self.rate_book.apply(card)
        if details.closed_until is not None:
            self.closed_until = details.closed_until
        if details.policy is not None:
            self.default_policy = changed(self.default_policy, details.policy)
            if details.policy.recurring is not None:
                self.default_recurring_set_at = facts.recorded_at
            for each in self.accounts():
                self._resolve(each)
            self._requeue_shelved()

    def _requeue_shelved(self) -> None:
        """What falls due on accounts that aren't in memory goes by another policy now."""
        shelf = self.cabinet.shelf
        if shelf is None:
            return
        for customer in shelf.customers():
            if not self.cabinet.holds(customer.customer_id):
                for account in customer.accounts.values():
                    self.cabinet.dues.came_in(account)
                    self._resolve(account)

    def _resolve(self, account: Account) -> None:
        """Bring an account's policy up to the partition's default."""
        own = account.policy_change
        account.recurring_since = account.recurring_set_at
        if own.recurring is None:
            account.recurring_since = max(self.default_recurring_set_at, account.begun_at)
        account.set_policy(changed(self.default_policy, own))
        if account.account_seq:
            self.cabinet.dues.note(account)

    # ---- Memory.

    def _remember(self, entry: LedgerEntry) -> None:
        facts = entry.facts
        if facts.cause == "usage":
            if facts.type == "rejected":
                self._remember_refused(key_of(facts.customer_id, facts.cause_id), entry)
        elif facts.cause == "command":
            self._remember_command(entry)
        elif facts.cause == "tick":
            self._remember_tick(entry)
        if facts.details is not None and facts.details.hold is not None:
            self._remember_hold(entry, facts.details.hold)

    def _remember_tick(self, entry: LedgerEntry) -> None:
        """What a tick books is about others; the command is of `$partition`."""
        key = key_of(PARTITION_CUSTOMER, entry.facts.cause_id)
        self.commands.remember(key, entry, "")
        self.cabinet.kept(None, COMMAND, key)

    def _remember_hold(self, entry: LedgerEntry, state: HoldState) -> None:
        """The commands that named a hold are kept as long as it is open, and a while."""
        facts = entry.facts
        customer = self._customer(facts.customer_id)
        account = self.account(facts.customer_id, facts.unit)
        assert account is not None
        hold = account.hold(state.hold_id)
        assert hold is not None, f"{state.hold_id} isn't a hold of {facts.customer_id}"
        if facts.cause == "command":
            self.commands.named(key_of(facts.customer_id, facts.cause_id), hold)
        if state.state != "open":
            for key in self.commands.hold_ended(facts, hold):
                self.cabinet.kept(customer, COMMAND, key)

    def _remember_refused(self, key: str, entry: LedgerEntry) -> None:
        facts = entry.facts
        code = code_of(facts)
        place = refusal_key(key, facts.cause_digest, code)
        until = facts.recorded_at + WINDOW_US
        self.refused.keep(place, first_decision(entry, code, until, facts.cause_digest))
        self.cabinet.kept(self._customer(facts.customer_id), REFUSAL, place)
        assert facts.details is not None
        assert facts.details.rejection is not None
        raw = facts.details.rejection.input
        self._keep_rejected(facts, key, raw, facts.cause_digest)

    def _keep_rejected(self, facts: EntryFacts, key: str, raw: bytes, digest: bytes) -> None:
        """Keep a refused event for its redrive, with the time of its first refusal."""
        before = self.rejected.get(key)
        if before is None or before.digest != digest:
            self.rejected.keep(key, RejectedUsage(raw, digest, facts.recorded_at))
            self.cabinet.kept(self._customer(facts.customer_id), REJECTED, key)

    def _remember_command(self, entry: LedgerEntry) -> None:
        facts = entry.facts
        until = NEVER if facts.charge is None else self._kept_until(facts, facts.charge)
        key = key_of(facts.customer_id, facts.cause_id)
        self.commands.remember(key, entry, code_of(facts), until)
        self.cabinet.kept(self._customer(facts.customer_id), COMMAND, key)
        if facts.details is None:
            return
        details = facts.details
        if details.rejection is not None:
            event = self.read_usage(details.rejection.input)
            if event is not None and details.rejection.code != "command_id_conflict":
                event_key = key_of(event.customer_id, event.event_id)
                self._keep_rejected(facts, event_key, details.rejection.input, event.digest)
        self._use_business_keys(facts, details)

    def _kept_until(self, facts: EntryFacts, charge: Charge) -> int:
        """Until when a capture is remembered; of a hold that had ended, by that end."""
        account = self.account(facts.customer_id, facts.unit)
        if account is None or not charge.hold_ended:
            return NEVER
        hold = account.hold(charge.hold_id)
        return NEVER if hold is None else hold.ended_at + WINDOW_US

    def _use_business_keys(self, facts: EntryFacts, details: EntryDetails) -> None:
        customer = self._customer(facts.customer_id)
        used: list[str] = []
        if details.lot is not None:
            used = [key for _, key in business_keys(details.lot)]
        if details.refund is not None:
            used.append(refund_key(details.refund.refund_id))
        for each in used:
            key = key_of(facts.customer_id, each)
            self.cabinet.business_keys.keep(key, True)
            self.cabinet.kept(customer, BUSINESS_KEY, key)
        if details.dispute is not None:
            key = key_of(facts.customer_id, details.dispute.dispute_id)
            self.disputes.keep(key, details.dispute.payment_id)
            self.cabinet.kept(customer, DISPUTE, key)


def code_of(facts: EntryFacts) -> str:
    """Why an entry's input was refused; empty where it wasn't."""
    details = facts.details
    if details is None or details.rejection is None:
        return ""
    return details.rejection.code


def refusal_key(key: str, digest: bytes, code: str) -> str:
    """The key of a refusal: the same event, refused for the same reason."""
    return f"{key}\0{code}\0{digest.hex()}"
