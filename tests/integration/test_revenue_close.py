"""The books closed from the command line, by a ledger processor that runs."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.domain.building import card
from tests.integration.processors import entries, prepare, processing
from typer.testing import CliRunner, Result

from drawdown.adapters.documents.times import parse_time
from drawdown.cli.application import app
from drawdown.settings import Settings

pytestmark = pytest.mark.integration


def close(settings: Settings, *arguments: str) -> Result:
    given = ["--namespace", settings.namespace, "revenue", "close", *arguments]
    return CliRunner().invoke(app, given)


def test_a_close_is_in_every_partition_once(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    two = settings.model_copy(update={"partitions": 2})
    prepare(two, lambda soon_us: card(effective_from=soon_us))
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", settings.kafka_bootstrap_servers)
    monkeypatch.setenv("DRAWDOWN_REPORTING_ZONE", "Europe/Berlin")
    today = datetime.now(UTC).date()
    with processing(two, tmp_path / "log"):
        for _ in range(2):
            done = close(settings, "--until", "2026-01-01", "--reason", "audited")
            assert done.exit_code == 0, done.output
            assert "closed before 2026-01-01 (Europe/Berlin) in 2 partitions" in done.output
        before = close(settings, "--month", "2025-11")
        assert before.exit_code != 0
        assert "weren't closed until 2025-12-01: invalid_period" in before.output
        later = close(settings, "--until", f"{today + timedelta(days=3)}", "--json")
        assert later.exit_code != 0
        assert [each["code"] for each in json.loads(later.stdout)] == ["invalid_period"] * 2
    closed = [each for each in entries(two) if each.facts.type == "period_closed"]
    assert sorted(each.source_partition for each in closed) == [0, 1]
    for entry in closed:
        assert entry.facts.details is not None
        # Midnight in Berlin, where an hour of the year before is left in UTC.
        assert entry.facts.details.closed_until == parse_time("2025-12-31T23:00:00Z")
        assert (entry.facts.reason, entry.facts.actor) == ("audited", "cli")
