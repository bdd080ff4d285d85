"""Playing a scenario: each input decided, sealed into entries as in the log, folded, compared."""

from dataclasses import dataclass
from typing import Any, Final

from drawdown.adapters.avro import codec
from drawdown.adapters.documents.entries import write_account, write_entry
from drawdown.adapters.documents.times import format_time
from drawdown.domain.entries import InputTopic, LedgerEntry
from drawdown.domain.inputs import UsageEvent
from drawdown.domain.invariants import check_account, check_entry
from drawdown.domain.ledger import Decision, Ledger
from drawdown.scenarios.document import Input, Scenario, Step
from drawdown.scenarios.expectations import AccountExpectation, Difference, differences

_HEADER: Final = bytes(5)
"""Stands where the log has its schema id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayedStep:
    """What came of a step, as documents, and where that isn't as expected."""

    step: Step
    decision: dict[str, Any]
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
        self._namespace = scenario.namespace
        self._ledger = Ledger(
            namespace=scenario.namespace,
            partition=0,
            rate_card_lead_us=scenario.rate_card_lead_us,
        )
        self._offsets: dict[InputTopic, int] = {"usage_events": 0, "ledger_commands": 0}

    def play(self, step: Step) -> PlayedStep:
        """Play the inputs of a step, and look at what came of the last."""
        decision: dict[str, Any] = {}
        entries: list[dict[str, Any]] = []
        last: list[dict[str, Any]] = []
        broken: list[str] = []
        for each in step.inputs:
            decided, written = self._decide(each, step.at)
            last = [write_entry(entry) for entry in written]
            entries += last
            decision = {
                "outcome": decided.outcome,
                "code": decided.code,
                "detail": decided.detail,
                "first_entry_id": decided.first_entry_id,
            }
            broken += [sentence for entry in written for sentence in check_entry(entry.facts)]
        for account in self._ledger.accounts():
            broken += check_account(account)
        found = [Difference(what="invariant", expected="", got=sentence) for sentence in broken]
        return PlayedStep(
            step=step,
            decision=decision,
            entries=entries,
            accounts=self._accounts(step),
            differences=found + self._unexpected(step, decision, last),
        )

    def _decide(self, given: Input, at: int) -> tuple[Decision, list[LedgerEntry]]:
        """Decide one input as the log would have it, and fold its entries."""
        topic: InputTopic
        if isinstance(given, UsageEvent):
            topic, raw = "usage_events", codec.encode_usage(given, header=b"")
            decision = self._ledger.decide_usage(codec.decode_usage(raw, 0), at, raw)
        else:
            topic, raw = "ledger_commands", codec.encode_command(given, header=b"")
            decision = self._ledger.decide_command(codec.decode_command(raw, 0), at, raw)
        offset = self._offsets[topic]
        self._offsets[topic] += 1
        return decision, self._write(decision, topic, offset)

    def _write(self, decision: Decision, topic: InputTopic, offset: int) -> list[LedgerEntry]:
        written = []
        for index, facts in enumerate(decision.facts):
            head = self._ledger.head(facts.customer_id, facts.unit)
            sealed = codec.seal(
                facts,
                prev_hash=head
                or codec.genesis_hash(self._namespace, facts.customer_id, facts.unit),
                partition_seq=self._ledger.partition_seq + 1,
                source_topic=topic,
                source_partition=0,
                source_offset=offset,
                index=index,
                count=len(decision.facts),
                header=_HEADER,
            )
            entry = codec.decode_entry(sealed.value, len(_HEADER))
            self._ledger.evolve(entry)
            written.append(entry)
        return written

    def _accounts(self, step: Step) -> list[dict[str, Any]]:
        """The accounts that the step's inputs and expectations are about."""
        touched = [(each.customer_id, each.unit) for each in step.inputs[-1:]]
        if step.expectation:
            touched += [(each.customer_id, each.unit) for each in step.expectation.accounts]
        found = (self._ledger.account(*each) for each in dict.fromkeys(touched))
        return [write_account(account) for account in found if account is not None]

    def _unexpected(
        self, step: Step, decision: dict[str, Any], entries: list[dict[str, Any]]
    ) -> list[Difference]:
        expectation = step.expectation
        if expectation is None:
            return []
        found = differences(expectation.decision, decision, "")
        if expectation.entries is not None:
            found += _unexpected_entries(list(expectation.entries), entries)
        for each in expectation.accounts:
            found += self._unexpected_account(each)
        return found

    def _unexpected_account(self, expected: AccountExpectation) -> list[Difference]:
        if not expected.figures and expected.lots is None:
            return []
        account = self._ledger.account(expected.customer_id, expected.unit)
        if account is None:
            return [Difference(what=expected.customer_id, expected="an account", got="none")]
        written = write_account(account)
        found = [
            each
            for name, value in expected.figures.items()
            for each in differences(value, written[name], f"{name} of {expected.customer_id}")
        ]
        lots = {lot["lot_id"]: lot for lot in written["lots"]}
        for lot_id, terms in (expected.lots or {}).items():
            for name, value in terms.items():
                got = lots[lot_id][name] if lot_id in lots else "no such lot"
                found += differences(value, got, f"{name} of lot {lot_id}")
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
        "entry_ids": [entry["entry_id"] for entry in played.entries],
        "accounts": played.accounts,
        "passed": not played.differences,
        "differences": [
            {"what": each.what, "expected": each.expected, "got": each.got}
            for each in played.differences
        ],
    }
