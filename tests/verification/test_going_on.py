"""An audit that goes on from a checkpoint finds what one from the start finds."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from drawdown.adapters.avro.input_records import usage_in
from drawdown.domain.entries import PARTITION_CUSTOMER, LedgerEntry
from drawdown.domain.inputs import ApplyRateCard
from drawdown.domain.kept import Kept
from drawdown.domain.ledger import Ledger
from drawdown.domain.memory import WINDOW_US
from drawdown.rehearsal import Rehearsal
from drawdown.scenarios.document import read_scenario
from drawdown.verification.account_state import account_text
from drawdown.verification.checkpoint import Checkpoint, Reached
from drawdown.verification.folding import FoldedPartition
from drawdown.verification.report import Report
from tests.domain.building import T, card, command, usage

SCENARIOS = sorted((Path(__file__).parents[1] / "scenarios").glob("*.yaml"))
State = dict[tuple[str, str], str]


def written(path: Path) -> tuple[str, list[LedgerEntry]]:
    """The namespace and the entries of a scenario."""
    scenario = read_scenario(path)
    ledger = Ledger(
        namespace=scenario.namespace,
        partition=0,
        rate_card_lead_us=scenario.rate_card_lead_us,
        read_usage=usage_in,
    )
    rehearsal = Rehearsal(ledger)
    entries: list[LedgerEntry] = []
    for step in scenario.steps:
        for given in step.inputs:
            entries += rehearsal.play(given, step.at)[1]
    return scenario.namespace, entries


def fold_on(file: Path, namespace: str, entries: Sequence[LedgerEntry]) -> tuple[Report, State]:
    """Fold entries on from what a file vouches for, and vouch for them; all accounts then."""
    report = Report(namespace=namespace)
    with Checkpoint(file) as checkpoint:
        report.go_on_from(checkpoint.reached.totals)
        folded = FoldedPartition(
            namespace=namespace,
            partition=0,
            zone=ZoneInfo("UTC"),
            checkpoint=checkpoint,
            report=report,
        )
        for entry in entries:
            folded.fold(entry, hash_holds=True, offset=entry.partition_seq)
        folded.compared()
        folded.finish()
        reached = Reached()
        folded.reach(reached)
        reached.totals = report.totals()
        checkpoint.save(reached)
        keys = checkpoint.accounts_after("", "", 1_000)
        found = {key: checkpoint.account(*key, Kept()) for key in keys}
    return report, {key: account_text(each) for key, each in found.items() if each is not None}


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_a_scenario_in_parts_folds_to_what_it_folds_to_at_once(path: Path, tmp_path: Path) -> None:
    namespace, entries = written(path)
    whole, at_once = fold_on(tmp_path / "at-once", namespace, entries)
    assert [str(each) for each in whole.differences] == []
    bounds = [at for at, each in enumerate(entries, start=1) if each.index + 1 == each.count]
    if path.stem != "every_kind_of_entry":
        # Between any two decisions in one of them, in the middle of the others.
        bounds = sorted({bounds[len(bounds) // 2], bounds[-1]})
    report, state, before = Report(namespace=namespace), State(), 0
    for bound in bounds:
        report, state = fold_on(tmp_path / "in-parts", namespace, entries[before:bound])
        assert [str(each) for each in report.differences] == []
        before = bound
    assert state == at_once
    assert report.totals() == whole.totals()


def test_a_chain_that_breaks_at_a_checkpoint_is_found(tmp_path: Path) -> None:
    path = next(each for each in SCENARIOS if each.stem == "every_kind_of_entry")
    namespace, entries = written(path)
    fold_on(tmp_path / "file", namespace, entries[:-1])
    last = entries[-1]
    forged = LedgerEntry(
        partition_seq=last.partition_seq,
        source_topic=last.source_topic,
        source_partition=0,
        source_offset=last.source_offset,
        index=0,
        count=1,
        hash_version=1,
        prev_hash=bytes(32),
        facts=last.facts,
        hash=last.hash,
    )
    report, _ = fold_on(tmp_path / "file", namespace, [forged])
    assert report.first is not None
    assert f"the chain of {last.facts.customer_id} breaks here" in report.first.explanation
    assert report.first.found == f"prev_hash {bytes(32).hex()}"


@pytest.mark.parametrize("in_parts", [False, True])
@pytest.mark.parametrize(
    ("later_us", "forgets", "found"),
    [
        (0, True, ["u-0-1-0 charges e, which u-0-0-0 charged already"]),
        (WINDOW_US + 1, True, ["u-0-1-0 says wrongly whether e was charged before"]),
        (WINDOW_US + 1, False, []),
    ],
)
def test_an_event_that_is_charged_again_is_found(
    tmp_path: Path, *, later_us: int, forgets: bool, found: list[str], in_parts: bool
) -> None:
    entries = charged_again(T + later_us, forgets=forgets)
    if in_parts:
        first, _ = fold_on(tmp_path / "file", "test", entries[:-1])
        assert first.differences == []
        entries = entries[-1:]
    report, _ = fold_on(tmp_path / "file", "test", entries)
    assert [each.explanation for each in report.differences] == found


def charged_again(at: int, *, forgets: bool) -> list[LedgerEntry]:
    """A ledger that charges an event again at `at` (µs); it may have forgotten the first time."""
    ledger = Ledger(namespace="test", partition=0, rate_card_lead_us=0)
    rehearsal = Rehearsal(ledger)
    applied = command(ApplyRateCard(card=card()), "card", customer_id=PARTITION_CUSTOMER)
    entries = [*rehearsal.play(applied, T)[1], *rehearsal.play(usage("e"), T)[1]]
    if forgets:
        ledger.cabinet.charges.drop_all()
    return entries + rehearsal.play(usage("e", occurred_at=at), at)[1]


def test_accounts_are_swept_in_their_order_and_from_the_start_again(tmp_path: Path) -> None:
    path = next(each for each in SCENARIOS if each.stem == "every_kind_of_entry")
    namespace, entries = written(path)
    _, state = fold_on(tmp_path / "file", namespace, entries)
    order = sorted(state)
    swept: list[str] = ["", ""]
    seen: list[tuple[str, str]] = []
    with Checkpoint(tmp_path / "file") as checkpoint:
        for _ in order:
            folded = FoldedPartition(
                namespace=namespace,
                partition=0,
                zone=ZoneInfo("UTC"),
                checkpoint=checkpoint,
                report=Report(namespace=namespace),
            )
            swept = folded.sweep(swept, 1)
            seen += folded.accounts
        assert seen == order
        assert folded.sweep(swept, 1) == ["", ""]
    assert replace(checkpoint.reached).totals["entries"] == len(entries)
