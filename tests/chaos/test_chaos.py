"""A short run: a few faults of the kinds that cost little time. `make chaos` has them all."""

from pathlib import Path

import pytest

from tests.chaos.run import Outcome, Plan, run

pytestmark = [pytest.mark.integration, pytest.mark.long]
KINDS = (
    "processor_killed",
    "processor_restarted",
    "projector_killed",
    "broker_link_cut",
    "broker_killed",
    "database_killed",
    "database_link_cut",
    "disk_full",
    "disk_lost",
)


def test_faults_at_random_lose_nothing_and_charge_nothing_twice(tmp_path: Path) -> None:
    told: list[str] = []

    def tell(what: str, outcome: Outcome) -> None:
        told.append(f"{sum(outcome.faults.values())} faults, {outcome.findings.events}: {what}")

    plan = Plan(
        faults=KINDS,
        brokers=1,
        members=2,
        rate=100,
        seed=5,
        at_once=5,
        folder=tmp_path / "site",
        namespace="chaos",
    )
    outcome = Outcome()
    run(plan, outcome, tell)
    assert outcome.findings.fine, [*outcome.findings.differences, *told, outcome.logs]
    assert outcome.faults == dict.fromkeys(KINDS, 1)
    assert outcome.findings.charged > 100
