"""What a run of faults tells, whatever ends it."""

import json
import signal
import sys
from pathlib import Path

import pytest

from drawdown.errors import LocalSetupFailed
from tests.chaos import __main__ as chaos
from tests.chaos.run import Outcome, Plan, Progress


def test_what_came_of_a_run_that_breaks_off_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken_off(plan: Plan, outcome: Outcome, progress: Progress) -> None:
        outcome.faults.update(plan.faults)
        outcome.findings.events = 4_711
        raise LocalSetupFailed("broker-1 wasn't ready")

    monkeypatch.setattr(chaos, "run", broken_off)
    monkeypatch.setattr(chaos, "FOLDER", tmp_path)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(sys, "argv", ["chaos", "--kinds", "broker_killed", "--each", "2"])
    with pytest.raises(LocalSetupFailed):
        chaos.main()
    told = json.loads((tmp_path / "chaos.json").read_text())
    assert (told["faults_injected"], told["lost"]) == (2, 0)
    assert "4,711 events" in capsys.readouterr().out
