"""The ledger of one partition, folded and checked entry by entry."""

from array import array
from typing import Final
from zoneinfo import ZoneInfo

from drawdown.adapters.avro.codec import genesis_hash
from drawdown.adapters.topics import LEDGER
from drawdown.domain.accounts import Account
from drawdown.domain.charges import Charged, Charges, charged_event
from drawdown.domain.entries import PARTITION_CUSTOMER, EntryFacts, InputTopic, LedgerEntry
from drawdown.domain.evolve import UnknownEntry, fold
from drawdown.domain.invariants import check_account, check_entry, check_settled
from drawdown.domain.kept import Kept
from drawdown.errors import LedgerCorrupt
from drawdown.verification.account_state import collected_by
from drawdown.verification.checkpoint import Checkpoint, Period, Reached, Sign
from drawdown.verification.repeats import told_by
from drawdown.verification.replies import ExpectedReplies
from drawdown.verification.report import Difference, Report
from drawdown.verification.usage_days import SUMS, UsageSums

_LOTS_MANY: Final = 16
"""An account with more lots is checked whole at every so many of its entries, and at the end:
a check looks at all lots, and would cost their square."""
_UNSAVED_MAX: Final = 20_000
"""So many charges and signs are in memory before they go into the checkpoint's transaction."""


class FoldedPartition:
    """State, sequences and chains of one partition up to the last entry folded.

    It goes on from a checkpoint. In memory are the accounts that entries were folded into since.
    """

    def __init__(
        self,
        *,
        namespace: str,
        partition: int,
        zone: ZoneInfo,
        checkpoint: Checkpoint,
        report: Report,
    ) -> None:
        reached = checkpoint.reached
        self.partition_seq = reached.partition_seq
        self.last_offset = reached.last_offset
        self.last_hash = reached.last_hash
        self.accounts: Final[dict[tuple[str, str], Account]] = {}
        self.decided: Final = _offsets(reached.decided)
        """Offsets of the decided input records not looked at yet, by topic, ascending."""
        self.parked: Final = {name: set(each) for name, each in _offsets(reached.parked).items()}
        """Offsets of the input records that entries park, by topic."""
        self.replies: Final = ExpectedReplies()
        self.usage: Final = UsageSums(zone)
        self._namespace = namespace
        self._partition = partition
        self._checkpoint = checkpoint
        self._anew = not checkpoint.begun
        self._since_compared: dict[tuple[str, str], None] = {}
        self._report = report
        self._charges: Final[Kept[Charged]] = Kept()
        self._charges.fetch = checkpoint.charge
        for customer_id, unit in reached.uncompared:
            self._take_up(customer_id, unit)
        self._signs: list[tuple[Sign, InputTopic, int]] = []
        self._open: list[LedgerEntry] = []
        """The entries of the last decision, while it has more to come."""
        self._touched: dict[tuple[str, str], Account] = {}
        """The accounts of the decision so far; a tick's has many."""
        self.at = 0
        """When the input of the last entry was appended (µs)."""

    def fold(self, entry: LedgerEntry, *, hash_holds: bool, offset: int) -> None:
        """Check the next entry, whose record is at `offset`, against everything before it, and
        fold it. Raises `LedgerCorrupt` where no further entry could be checked."""
        before = self.last_offset
        self.last_offset = offset
        self.at = entry.facts.recorded_at
        if entry.partition_seq != self.partition_seq + 1:
            self.last_offset = before
            raise LedgerCorrupt(
                f"entry {entry.partition_seq} ({entry.entry_id}) follows {self.partition_seq}"
            )
        self.partition_seq = entry.partition_seq
        self._check_decision(entry)
        self._check_chain(entry, hash_holds)
        for wrong in check_entry(entry.facts):
            self._differ(wrong, entry)
        account = self._folded(entry)
        self._touched[account.customer_id, account.unit] = account
        self._since_compared[account.customer_id, account.unit] = None
        if entry.index + 1 == entry.count:
            self._check_touched(entry)
        self.last_hash = entry.hash.hex()
        self._remember(entry)
        self._count(entry.facts)

    @property
    def whole(self) -> bool:
        """Whether the last decision has all its entries."""
        return not self._open

    def finish(self) -> None:
        """Check what can only be checked at the end, and keep what was folded."""
        if self._open:
            last = self._open[-1]
            self._differ(f"the decision of {last.entry_id} is torn: its end is missing", last)
        for account in self.accounts.values():
            for wrong in check_account(account):
                self._differ_of(account, wrong)
        self._sums()
        self._flush()
        self._checkpoint.keep_accounts(self.accounts.values())

    def sweep(self, swept: list[str], at_most: int) -> list[str]:
        """Take up accounts that nothing was folded into, those after `swept`, so that bit by bit
        the whole read model is compared again; up to which it came."""
        keys = self._checkpoint.accounts_after(swept[0], swept[1], at_most)
        for customer_id, unit in keys:
            self._take_up(customer_id, unit)
        return list(keys[-1]) if len(keys) == at_most else ["", ""]

    def _take_up(self, customer_id: str, unit: str) -> None:
        self._account(customer_id, unit)
        for period in self._checkpoint.periods_of(customer_id, unit):
            self.usage.added.setdefault(period, [0] * len(SUMS))

    def compared(self) -> dict[Period, list[int]]:
        """The read model is held against what stands now; the sums of usage of accounts
        that were folded into."""
        self._since_compared.clear()
        return self._sums()

    def _sums(self) -> dict[Period, list[int]]:
        sums = self._checkpoint.add_usage(self.usage.added)
        self.usage.added.clear()
        return sums

    def customers(self) -> list[Account]:
        """The accounts of customers that were folded into; `$partition` is none."""
        return [each for each in self.accounts.values() if each.customer_id != PARTITION_CUSTOMER]

    def reach(self, reached: Reached) -> None:
        """Say how far it came."""
        reached.partition_seq = self.partition_seq
        reached.last_offset, reached.last_hash = self.last_offset, self.last_hash
        reached.uncompared = [list(key) for key in self._since_compared]

    def _check_decision(self, entry: LedgerEntry) -> None:
        """Each decision stands whole, once, in the order of its topic."""
        name = entry.entry_id
        before = self._open[-1] if self._open else None
        if entry.source_partition != self._partition:
            self._differ(f"{name} stands in partition {self._partition}", entry)
        if entry.index == 0:
            if before is not None:
                self._differ(f"the decision of {before.entry_id} is torn: {name} follows", entry)
                self._open.clear()
            self._begin_decision(entry)
        elif before is None or not _continues(before, entry):
            self._differ(f"{name} doesn't continue the decision before it", entry)
            self._open.clear()
        self._open.append(entry)
        if entry.index + 1 == entry.count:
            self.replies.expect(self._open)
            self._open.clear()

    def _begin_decision(self, entry: LedgerEntry) -> None:
        decided = self.decided[entry.source_topic]
        if decided and decided[-1] >= entry.source_offset:
            why = f"{entry.entry_id} was decided after offset {decided[-1]}: twice?"
            self._differ(why, entry)
        decided.append(entry.source_offset)
        self._report.decisions += 1

    def _check_chain(self, entry: LedgerEntry, hash_holds: bool) -> None:
        facts = entry.facts
        account = self._account(facts.customer_id, facts.unit)
        if facts.namespace != self._namespace:
            self._differ(f"{entry.entry_id} belongs to namespace {facts.namespace!r}", entry)
        before = account.head or genesis_hash(self._namespace, facts.customer_id, facts.unit)
        if not hash_holds:
            self._differ(f"{entry.entry_id}: the hash isn't that of the entry's facts", entry)
        if entry.prev_hash != before:
            why = f"{entry.entry_id}: the chain of {facts.customer_id} breaks here"
            expected, found = f"prev_hash {before.hex()}", f"prev_hash {entry.prev_hash.hex()}"
            self._differ(why, entry, expected, found)

    def _account(self, customer_id: str, unit: str) -> Account:
        key = (customer_id, unit)
        account = self.accounts.get(key)
        if account is None and not self._anew:
            account = self._checkpoint.account(customer_id, unit, self._charges)
        if account is None:
            account = Account(customer_id, unit, Charges(customer_id, self._charges))
        self.accounts[key] = account
        return account

    def _folded(self, entry: LedgerEntry) -> Account:
        account = self._account(entry.facts.customer_id, entry.facts.unit)
        self._check_charge(entry, account)
        try:
            charged = fold(account, entry.facts)
        except (AssertionError, KeyError, UnknownEntry) as error:
            raise LedgerCorrupt(f"{entry.entry_id} can't be folded: {error}") from error
        if charged is not None:
            charged.stands_in(entry)
            # All charges that are in memory are kept when there are many, whosever they are.
            account.charges.unsaved.clear()
        account.head = entry.hash
        return account

    def _check_charge(self, entry: LedgerEntry, account: Account) -> None:
        """An event is charged again only when its charge has had its time; its entry says so."""
        facts = entry.facts
        if facts.type != "deduction" or facts.charge is None:
            return
        event_id = charged_event(facts)
        before = account.charges.latest(event_id)
        if before is not None and before.stands_for(facts.recorded_at):
            why = f"{entry.entry_id} charges {event_id}, which {before.entry_id} charged already"
            self._differ(why, entry)
        elif facts.charge.charged_before is not (before is not None):
            why = f"{entry.entry_id} says wrongly whether {event_id} was charged before"
            self._differ(why, entry)

    def _check_touched(self, entry: LedgerEntry) -> None:
        at = entry.facts.recorded_at
        for account in self._touched.values():
            if len(account.lots) > _LOTS_MANY and account.account_seq % _LOTS_MANY:
                continue
            for wrong in check_account(account) + check_settled(account, at):
                self._differ_of(account, wrong)
        self._touched.clear()

    # ---- What is remembered.

    def _remember(self, entry: LedgerEntry) -> None:
        details = entry.facts.details
        if details is not None and details.parked is not None:
            self.parked[details.parked.topic].add(details.parked.offset)
        if entry.facts.type != "deduction" or entry.facts.cause != "usage":
            source, offset = entry.source_topic, entry.source_offset
            self._signs += [(sign, source, offset) for sign in told_by(entry)]
        self.usage.add(entry.facts)
        if len(self._charges) + len(self._signs) > _UNSAVED_MAX:
            self._flush()

    def _flush(self) -> None:
        charges = self._charges.items()
        for key, charged in charges:
            collected = collected_by(charged)
            if charged.returned > collected:
                customer_id, _, event_id = key.partition("\0")
                why = f"{charged.returned} of {collected} charged by {event_id} is given back"
                self._report.differ(
                    Difference(
                        partition=self._partition,
                        where=LEDGER,
                        explanation=why,
                        account=customer_id,
                    )
                )
        self._checkpoint.keep_charges(charges)
        self._charges.drop_all()
        self._checkpoint.tell(self._signs)
        self._signs.clear()

    def _count(self, facts: EntryFacts) -> None:
        report = self._report
        report.entries += 1
        report.entries_read += 1
        if facts.type == "grant":
            report.granted += facts.amount
            self._note_referral(facts)
        elif facts.type == "deduction" and facts.charge is not None:
            report.deductions += 1
            report.credits_charged -= facts.amount
            report.overage += facts.charge.overage
            report.uncovered += facts.charge.uncovered
        elif facts.details is not None and facts.details.rejection is not None:
            report.rejected[facts.details.rejection.code] += 1

    def _note_referral(self, facts: EntryFacts) -> None:
        assert facts.details is not None
        terms = facts.details.lot
        if terms is not None and terms.referral_id:
            self._report.referrals.setdefault(terms.referral_id, set()).add(facts.customer_id)

    # ---- What is wrong.

    def _differ(self, why: str, entry: LedgerEntry, expected: str = "", found: str = "") -> None:
        account = f"{entry.facts.customer_id} ({entry.facts.unit})"
        self._note(why, account, expected, found)

    def _differ_of(self, account: Account, why: str) -> None:
        self._note(why, f"{account.customer_id} ({account.unit})")

    def _note(self, why: str, account: str, expected: str = "", found: str = "") -> None:
        self._report.differ(
            Difference(
                partition=self._partition,
                where=LEDGER,
                explanation=why,
                offset=self.last_offset,
                at=self.at,
                account=account,
                expected=expected,
                found=found,
            )
        )


def _offsets(carried: dict[str, list[int]]) -> dict[InputTopic, "array[int]"]:
    return {
        "usage_events": array("q", carried.get("usage_events", [])),
        "ledger_commands": array("q", carried.get("ledger_commands", [])),
    }


def _continues(before: LedgerEntry, entry: LedgerEntry) -> bool:
    return ((before.source_topic, before.source_offset, before.index + 1, before.count)) == (
        entry.source_topic,
        entry.source_offset,
        entry.index,
        entry.count,
    )
