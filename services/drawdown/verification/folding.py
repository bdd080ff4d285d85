"""The ledger of one partition, folded and checked entry by entry."""

from array import array
from collections.abc import Callable
from typing import Final

from drawdown.adapters.avro.codec import genesis_hash
from drawdown.domain.accounts import Account
from drawdown.domain.entries import PARTITION_CUSTOMER, EntryFacts, LedgerEntry
from drawdown.domain.evolve import UnknownEntry, fold
from drawdown.domain.invariants import check_account, check_entry, check_settled
from drawdown.errors import LedgerCorrupt
from drawdown.verification.report import Report

_LOTS_MANY: Final = 16
"""An account with more lots is checked whole at every so many of its entries, and at the end:
a check looks at all lots, and would cost their square."""

LEDGER: Final = "ledger"


class FoldedPartition:
    """State, sequences and chains of one partition up to the last entry folded."""

    def __init__(self, *, namespace: str, partition: int, report: Report) -> None:
        self.partition_seq = 0
        self.accounts: Final[dict[tuple[str, str], Account]] = {}
        self.decided: Final = {"usage_events": array("q"), "ledger_commands": array("q")}
        """Offsets of the decided input records, by topic, ascending."""
        self._namespace = namespace
        self._partition = partition
        self._report = report
        self._differ: Callable[[str], None] = lambda why: report.differ(partition, LEDGER, why)
        self._open: LedgerEntry | None = None
        """The last entry, while its decision has more to come."""
        self._touched: dict[tuple[str, str], Account] = {}
        """The accounts of the decision so far; a tick's has many."""

    def fold(self, entry: LedgerEntry, *, hash_holds: bool) -> None:
        """Check the next entry against everything before it, and fold it.

        Raises `LedgerCorrupt` where no further entry could be checked.
        """
        if entry.partition_seq != self.partition_seq + 1:
            raise LedgerCorrupt(
                f"entry {entry.partition_seq} ({entry.entry_id}) follows {self.partition_seq}"
            )
        self.partition_seq = entry.partition_seq
        self._check_decision(entry)
        self._check_chain(entry, hash_holds)
        for wrong in check_entry(entry.facts):
            self._differ(wrong)
        account = self._folded(entry)
        self._touched[account.customer_id, account.unit] = account
        if entry.index + 1 == entry.count:
            self._check_touched(entry.facts.recorded_at)
        self._count(entry.facts)

    @property
    def whole(self) -> bool:
        """Whether the last decision has all its entries."""
        return self._open is None

    def finish(self) -> None:
        """Check what can only be checked at the end."""
        if self._open is not None:
            self._differ(f"the decision of {self._open.entry_id} is torn: its end is missing")
        for account in self.accounts.values():
            for wrong in check_account(account):
                self._differ(wrong)

    def customers(self) -> list[Account]:
        """The accounts of customers; `$partition` is none."""
        return [each for each in self.accounts.values() if each.customer_id != PARTITION_CUSTOMER]

    def _check_decision(self, entry: LedgerEntry) -> None:
        """Each decision stands whole, once, in the order of its topic."""
        name, before = entry.entry_id, self._open
        if entry.source_partition != self._partition:
            self._differ(f"{name} stands in partition {self._partition}")
        if entry.index == 0:
            if before is not None:
                self._differ(f"the decision of {before.entry_id} is torn: {name} follows")
            self._begin_decision(entry)
        elif before is None or not _continues(before, entry):
            self._differ(f"{name} doesn't continue the decision before it")
        self._open = entry if entry.index + 1 < entry.count else None

    def _begin_decision(self, entry: LedgerEntry) -> None:
        decided = self.decided[entry.source_topic]
        if decided and decided[-1] >= entry.source_offset:
            self._differ(f"{entry.entry_id} was decided after offset {decided[-1]}: twice?")
        decided.append(entry.source_offset)
        self._report.decisions += 1

    def _check_chain(self, entry: LedgerEntry, hash_holds: bool) -> None:
        facts = entry.facts
        account = self.accounts.get((facts.customer_id, facts.unit))
        if facts.namespace != self._namespace:
            self._differ(f"{entry.entry_id} belongs to namespace {facts.namespace!r}")
        before = (
            genesis_hash(self._namespace, facts.customer_id, facts.unit)
            if account is None
            else account.head
        )
        if not hash_holds:
            self._differ(f"{entry.entry_id}: the hash isn't that of the entry's facts")
        if entry.prev_hash != before:
            self._differ(f"{entry.entry_id}: the chain of {facts.customer_id} breaks here")

    def _folded(self, entry: LedgerEntry) -> Account:
        facts = entry.facts
        key = (facts.customer_id, facts.unit)
        account = self.accounts.get(key)
        if account is None:
            account = self.accounts[key] = Account(facts.customer_id, facts.unit)
        try:
            fold(account, facts)
        except (AssertionError, KeyError, UnknownEntry) as error:
            raise LedgerCorrupt(f"{entry.entry_id} can't be folded: {error}") from error
        account.head = entry.hash
        return account

    def _check_touched(self, at: int) -> None:
        for account in self._touched.values():
            self._check_account(account, at)
        self._touched.clear()

    def _check_account(self, account: Account, at: int) -> None:
        if len(account.lots) > _LOTS_MANY and account.account_seq % _LOTS_MANY:
            return
        for wrong in check_account(account) + check_settled(account, at):
            self._differ(wrong)

    def _count(self, facts: EntryFacts) -> None:
        report = self._report
        report.entries += 1
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


def _continues(before: LedgerEntry, entry: LedgerEntry) -> bool:
    return ((before.source_topic, before.source_offset, before.index + 1, before.count)) == (
        entry.source_topic,
        entry.source_offset,
        entry.index,
        entry.count,
    )
