"""Playing a scenario: each input decided, sealed into entries as in the log, folded, compared."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from drawdown.adapters.avro.input_records import usage_in
from drawdown.adapters.documents.entries import write_account, write_entry
from drawdown.adapters.documents.times import format_time
from drawdown.domain.entries import LedgerEntry
from drawdown.domain.invariants import check_account, check_entry, check_settled
from drawdown.domain.ledger import Ledger
from drawdown.rehearsal import Rehearsal
from drawdown.scenarios.accounts import unexpected_account
from drawdown.scenarios.document import Scenario, Step
from drawdown.scenarios.expectations import Difference, differences


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayedStep:
    """What came of a step, as documents, and where that isn't as expected."""

    step: Step
    decision: dict[str, Any]
    """Of the last input."""
    outcomes: dict[str, int]
    entries: list[dict[str, Any]]
    accounts: list[dict[str, Any]]
    differences: list[Difference]

    @property
    def name(self) -> str:
        """`step 3 (usage, 2026-01-01T00:00:00Z)`."""
        action = f"{self.step.action}, " if self.step.action else ""
        return f"step {self.step.number} ({action}{format_time(self.step.at)})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """A scenario with what came of each of its steps."""

    scenario: Scenario
    steps: list[PlayedStep]

    @property
    def passed(self) -> bool:
        """Whether everything was as expected and every invariant held."""
        return not any(step.differences for step in self.steps)

    @property
    def first_difference(self) -> str:
        """A sentence; empty if the scenario passed."""
        for step in self.steps:
            for difference in step.differences:
                return f"{step.name}: {difference}"
        return ""

    def document(self) -> dict[str, Any]:
        """Everything, as JSON."""
        return {
            "scenario": self.scenario.title,
            "passed": self.passed,
            "first_difference": self.first_difference,
            "steps": [_step_document(step) for step in self.steps],
            "entries": [entry for step in self.steps for entry in step.entries],
        }


def play(scenario: Scenario) -> Played:
    """Play a scenario from an empty ledger."""
    world = _World(scenario)
    return Played(scenario=scenario, steps=[world.play(step) for step in scenario.steps])


class _World:
    """One partition, its log and its clock."""

    def __init__(self, scenario: Scenario) -> None:
        self._ledger = Ledger(
            namespace=scenario.namespace,
            partition=0,
            rate_card_lead_us=scenario.rate_card_lead_us,
            read_usage=usage_in,
        )
        self._rehearsal = Rehearsal(self._ledger)
        self._log: list[LedgerEntry] = []

    def play(self, step: Step) -> PlayedStep:
        """Play the inputs of a step, and look at what came of the last."""
        decision: dict[str, Any] = {}
        written: list[LedgerEntry] = []
        last: list[LedgerEntry] = []
        outcomes: Counter[str] = Counter()
        for each in step.inputs:
            decided, last = self._rehearsal.play(each, step.at)
            written += last
            outcomes[decided.outcome] += 1
            decision = {
                "outcome": decided.outcome,
                "code": decided.code,
                "detail": decided.detail,
                "first_entry_id": decided.first_entry_id,
            }
        self._log += written
        found = [
            Difference(what="invariant", expected="", got=sentence)
            for sentence in self._broken(written, step.at)
        ]
        return PlayedStep(
            step=step,
            decision=decision,
            outcomes=dict(outcomes),
            entries=[write_entry(entry) for entry in written],
            accounts=self._accounts(step, written),
            differences=found + self._unexpected(step, decision, outcomes, last),
        )

    def _broken(self, written: list[LedgerEntry], at: int) -> list[str]:
        """Which invariants don't hold after a step."""
        broken = [sentence for entry in written for sentence in check_entry(entry.facts)]
        for account in self._ledger.accounts():
            broken += check_account(account)
        for key in dict.fromkeys((each.facts.customer_id, each.facts.unit) for each in written):
            touched = self._ledger.account(*key)
            assert touched is not None
            broken += check_settled(touched, at)
        return broken

    def _accounts(self, step: Step, written: list[LedgerEntry]) -> list[dict[str, Any]]:
        """The accounts that the step's inputs, entries and expectations are about."""
        touched = [(each.customer_id, each.unit) for each in step.inputs[-1:]]
        touched += [(each.facts.customer_id, each.facts.unit) for each in written]
        if step.expectation:
            touched += [(each.customer_id, each.unit) for each in step.expectation.accounts]
        found = (self._ledger.account(*each) for each in dict.fromkeys(touched))
        return [write_account(account) for account in found if account is not None]

    def _unexpected(
        self,
        step: Step,
        decision: dict[str, Any],
        outcomes: Counter[str],
        entries: list[LedgerEntry],
    ) -> list[Difference]:
        expectation = step.expectation
        if expectation is None:
            return []
        found = differences(expectation.decision, decision, "")
        for outcome, count in (expectation.outcomes or {}).items():
            found += differences(count, outcomes[outcome], outcome)
        if expectation.entries is not None:
            written = [write_entry(entry) for entry in entries]
            found += _unexpected_entries(list(expectation.entries), written)
        for each in expectation.accounts:
            account = self._ledger.account(each.customer_id, each.unit)
            found += unexpected_account(each, account, self._log)
        return found


def _unexpected_entries(expected: list[Any], entries: list[dict[str, Any]]) -> list[Difference]:
    if len(expected) == len(entries):
        return differences(expected, entries, "entry")
    return [
        Difference(
            what="entries",
            expected=[each.get("type", "any") for each in expected],
            got=[f"{each['type']} {each['amount']}" for each in entries],
        )
    ]


def _step_document(played: PlayedStep) -> dict[str, Any]:
    return {
        "step": played.step.number,
        "at": format_time(played.step.at),
        "action": played.step.action,
        **played.decision,
        **({"outcomes": played.outcomes} if len(played.step.inputs) > 1 else {}),
        "entry_ids": [entry["entry_id"] for entry in played.entries],
        "accounts": played.accounts,
        "passed": not played.differences,
        "differences": [
            {"what": each.what, "expected": each.expected, "got": each.got}
            for each in played.differences
        ],
    }
