"""A processor whose disk is lost begins with a snapshot, and decides as if nothing had happened."""

import shutil
import signal
from pathlib import Path

import pytest
from tests.domain.building import card
from tests.integration.processors import (
    ask,
    deductions,
    entries,
    grant,
    prepare,
    processing,
    wait_for_deductions,
    wait_for_log,
)
from tests.integration.test_ledger_processor import send, usage

from drawdown.adapters.kafka.partitioner import partition_of
from drawdown.adapters.kafka.topics import ledger_partitions
from drawdown.domain.inputs import Grant
from drawdown.settings import Settings

pytestmark = [pytest.mark.integration, pytest.mark.long]


def test_a_processor_whose_disk_is_lost_begins_with_a_snapshot(
    settings: Settings, tmp_path: Path
) -> None:
    prepare(settings, lambda soon_us: card(effective_from=soon_us))
    snapshots, state = tmp_path / "elsewhere", tmp_path / "state"
    variables = {
        "DRAWDOWN_STATE_DIR": str(state),
        "DRAWDOWN_STATE_SNAPSHOT_DIR": str(snapshots),
        "DRAWDOWN_STATE_SNAPSHOT_INTERVAL_S": "1",
        # A snapshot then has all that was decided before its transaction.
        "DRAWDOWN_STATE_UNSAVED_ENTRIES": "1",
    }
    before = [usage(f"before {number}", "acme") for number in range(30)]
    after = [usage(f"after {number}", "acme") for number in range(30)]
    with processing(settings, tmp_path / "first", **variables) as processor:
        assert grant(settings, "acme", 100).outcome == "accepted"
        send(settings, before)
        wait_for_deductions(settings, 30)
        wait_for_log(processor, "snapshot_made")
        processor.stop(signal.SIGKILL)
    home = f"{settings.topic('ledger-entries')}-{partition_of('acme', ledger_partitions(settings))}"
    assert [each.name for each in (snapshots / home).iterdir() if each.name.isdigit()]
    shutil.rmtree(state)
    # The same again: were the snapshot empty of them, all would be charged twice.
    send(settings, [*before, *after])
    with processing(settings, tmp_path / "second", **variables) as processor:
        wait_for_deductions(settings, 60)
        [again] = ask(settings, "acme", grant=Grant(amount=100_000_000, kind="promotional"))
        assert again.outcome == "duplicate"
        assert processor.stop() == 0
    said = (tmp_path / "second").read_text()
    assert "snapshot_restored" in said
    assert "state_rebuilt" not in said
    [last] = [each for each in entries(settings) if each.facts.account_seq == 61]
    assert last.facts.balance == 40_000_000
    assert len(deductions(settings)) == 60
