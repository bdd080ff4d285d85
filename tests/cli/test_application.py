"""The command line as a whole: options, errors, exit codes."""

import io
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from drawdown import __version__, settings
from drawdown.cli.application import app
from drawdown.cli.usage_files import BadLine, read_usage
from drawdown.domain.inputs import UsageEvent
from drawdown.errors import InvalidDocument, UsageError


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No broker and no database."""
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "")
    monkeypatch.setenv("DATABASE_URL", "")
    monkeypatch.delenv("DRAWDOWN_NAMESPACE", raising=False)
    monkeypatch.setenv("DRAWDOWN_DATA_DIR", str(tmp_path / "none"))


def test_version() -> None:
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.stdout) == (0, f"drawdown {__version__}\n")


def test_help_is_left_to_the_terminal_to_wrap() -> None:
    screen = {"COLUMNS": "200", "LINES": "50"}  # both, or a dumb terminal has 80 columns
    wide = CliRunner().invoke(app, ["rebuild", "--help"], env=screen)
    assert (
        "go on meanwhile. The new rows are compared with the live ones at the same" in wide.stdout
    )


def test_an_operational_failure_is_one_line_and_an_exit_code() -> None:
    result = CliRunner().invoke(app, ["scenario", "run", "nowhere.yaml"])
    assert result.exit_code == UsageError.exit_code
    assert result.stderr.startswith("drawdown: nowhere.yaml: can't be read")
    assert result.stderr.count("\n") == 1


def test_debug_shows_where_a_failure_comes_from() -> None:
    result = CliRunner().invoke(app, ["--debug", "scenario", "run", "nowhere.yaml"])
    assert isinstance(result.exception, InvalidDocument)


def test_a_wrong_setting_is_said() -> None:
    result = CliRunner().invoke(app, ["--namespace", "Nope!", "status"])
    assert result.exit_code == UsageError.exit_code
    assert "namespace" in result.stderr


def test_global_options_last_as_long_as_their_command() -> None:
    result = CliRunner().invoke(app, ["--namespace", "other", "status", "--json"])
    assert json.loads(result.stdout)["namespace"] == "other"
    assert settings.current().namespace == settings.load().namespace != "other"


@pytest.mark.parametrize(
    "arguments", [["balance", "acme"], ["grant", "acme", "1"], ["topics", "--create"]]
)
def test_without_a_broker_it_says_what_to_do(arguments: list[str]) -> None:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code != 0
    assert "drawdown up" in result.stderr


def test_topics_and_status_work_without_a_broker() -> None:
    rows = json.loads(CliRunner().invoke(app, ["topics", "--json"]).stdout)
    assert "live.ledger-entries" in [row["topic"] for row in rows]
    assert {row["exists"] for row in rows} == {None}
    status = json.loads(CliRunner().invoke(app, ["status", "--json"]).stdout)
    assert status["runtime"] in ("compiled", "pure")
    assert status["services"] == []


@pytest.mark.parametrize(
    ("price", "currency", "complaint"),
    [("1", "", "ISO 4217"), ("1.001", "USD", "2 decimal places"), ("1.5", "JPY", "0 decimal")],
)
def test_a_price_needs_a_currency_that_has_its_places(
    price: str, currency: str, complaint: str
) -> None:
    arguments = ["grant", "acme", "1", "--price", price, "--currency", currency]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == UsageError.exit_code
    assert complaint in result.stderr


def read(text: str) -> list[UsageEvent | BadLine]:
    return list(read_usage(io.StringIO(text), "usage"))


def test_csv_lines_that_cannot_be_read_are_skipped_with_their_number() -> None:
    found = read(
        "event_id,customer_id,meter,quantities.input,properties.model\n"
        "e1,acme,m,1.5,x\n"
        "e2,acme,m,abc,x\n"
        '"never closed,acme,m,1,x\n'
        "e4,acme,m,1\n"
        "\n"
        "e6,acme,m,2,\n"
    )
    events = [each for each in found if isinstance(each, UsageEvent)]
    bad = [each.number for each in found if isinstance(each, BadLine)]
    assert [(each.event_id, each.quantities) for each in events] == [
        ("e1", {"input": 1_500_000}),
        ("e6", {"input": 2_000_000}),
    ]
    assert [each.properties for each in events] == [{"model": "x"}, {}]
    assert bad == [3, 4, 5]


def test_json_lines_that_cannot_be_read_are_skipped_with_their_number() -> None:
    found = read(
        '{"event_id": "e1", "customer_id": "a", "meter": "m", "quantities": {"q": 0.1}}\n'
        "{\n"
        '{"event_id": "e3", "customer_id": "a", "quantities": {"q": "1"}}\n'
    )
    assert isinstance(found[0], UsageEvent)
    assert found[0].quantities == {"q": 100_000}
    assert [each.number for each in found if isinstance(each, BadLine)] == [2, 3]


@pytest.mark.parametrize(
    ("header", "complaint"),
    [
        ("event_id,customer_id", "column meter is missing"),
        ("event_id,customer_id,meter,custmer", "custmer is unknown"),
        ("event_id,event_id,customer_id,meter", "stands there twice"),
    ],
)
def test_a_csv_header_must_be_understood(header: str, complaint: str) -> None:
    with pytest.raises(InvalidDocument, match=complaint):
        read(header + "\n")


def test_an_empty_file_has_no_events() -> None:
    assert read("\n\n") == []
