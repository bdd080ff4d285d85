"""The command line against a live ledger: what goes in by it, and what it reads back."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from drawdown.adapters.kafka.topics import create_topics
from drawdown.cli.application import app
from drawdown.local import processes, stack
from drawdown.settings import Settings

SERVICES = ("ledger_processor", "balance_projector")


@pytest.fixture
def live(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, str]]:
    """The environment of a namespace whose services run."""
    environment = {
        "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "DATABASE_URL": settings.database_url,
        "DRAWDOWN_NAMESPACE": settings.namespace,
        "DRAWDOWN_DATA_DIR": str(tmp_path),
        "DRAWDOWN_RATE_CARD_LEAD_S": "0",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    create_topics(settings)
    try:
        for name in SERVICES:
            processes.start(tmp_path, name, env=environment)
        yield environment
    finally:
        stack.down(tmp_path)


def run(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, arguments, input=stdin)


def read(*arguments: str) -> Any:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def soon() -> str:
    """Later than a command that is sent now is appended; usage may occur 5 minutes ahead."""
    return (datetime.now(UTC) + timedelta(seconds=60)).isoformat()


def card(effective_from: str) -> dict[str, Any]:
    lines = [{"quantity": "units", "rate": "0.5"}]
    return {
        "card": "c",
        "version": "1",
        "effective_from": effective_from,
        "meters": {"work": {"lines": lines}},
    }


def test_commands_usage_and_reads(live: dict[str, str], tmp_path: Path) -> None:
    starts = soon()
    commands = [
        {"command_id": "card", "type": "apply_rate_card", "card": card(starts)},
        {
            "command_id": "g",
            "type": "grant",
            "customer_id": "acme",
            "lot_id": "pack",
            "amount": "100.5",
            "kind": "purchased",
            "price_minor": 1000,
            "currency": "USD",
        },
        "no command",
        {"command_id": "g", "type": "void", "customer_id": "acme", "lot_id": "pack"},
        {
            "command_id": "n",
            "type": "grant",
            "customer_id": "acme",
            "amount": "0",
            "kind": "included",
        },
    ]
    sent = run("commands", "send", "-", stdin="\n".join(map(json.dumps, commands)) + "\nnope\n")
    replies = [json.loads(line) for line in sent.stdout.splitlines()]
    assert [(each["command_id"], each["outcome"], each.get("code", "")) for each in replies] == [
        ("card", "accepted", ""),
        ("g", "accepted", ""),
        ("", "invalid", ""),
        ("g", "rejected", "command_id_conflict"),
        ("n", "rejected", "invalid_amount"),
        ("", "invalid", ""),
    ]
    assert [each["line"] for each in replies if each["outcome"] == "invalid"] == [3, 6]
    assert sent.exit_code == 1

    usage = tmp_path / "usage.csv"
    usage.write_text(
        "event_id,customer_id,meter,quantities.units,occurred_at\n"
        f"e-1,acme,work,3,{starts}\n"
        f"e-1,acme,work,3,{starts}\n"
        f"e-2,acme,work,3,{starts}x\n"
        f"e-3,acme,work,0.000001,{starts}\n"
    )
    result = run("usage", "send", str(usage), "--json")
    assert json.loads(result.stdout) == {"sent": 3, "skipped": 1}
    assert f"{usage}:4: " in result.stderr
    assert result.exit_code == 1

    granted = run("grant", "acme", "2", "--reason", "welcome", "--campaign", "w")
    assert granted.exit_code == 0
    again = run("grant", "acme", "2", "--reason", "welcome", "--campaign", "w")
    assert again.exit_code == 1
    assert "campaign_used" in again.stderr

    # A command may overtake usage, so what is read is awaited by its figure.
    [account] = wait_for_balance("101")
    assert account["residue"] == "0.0000005"
    assert account["lots"][0]["lot_id"] == "pack"
    entries = read("ledger", "acme", "--limit", "50", "--wait")["entries"]
    assert sorted(each["type"] for each in entries) == [
        "deduction",
        "deduction",
        "grant",
        "grant",
        "rejected",
        "rejected",
        "rejected",
    ]
    assert run("balance", "nobody").exit_code == 1
    backlogs = read("status")["backlogs"]
    lags = {each["topic"]: each["lag"] for each in backlogs}
    namespace = live["DRAWDOWN_NAMESPACE"]
    assert lags[f"{namespace}.usage-events"] == 0
    readers = [each["group"] for each in backlogs if each["topic"].endswith(".ledger-entries")]
    assert sorted(readers) == [
        f"{namespace}.{service}_projector" for service in ("balance", "expiration", "revenue")
    ]
    cards = read("rates", "show")
    assert "c" in json.dumps(cards)


def wait_for_balance(balance: str) -> list[dict[str, Any]]:
    def found() -> list[dict[str, Any]]:
        accounts: list[dict[str, Any]] = read("balance", "acme", "--wait")["accounts"]
        return accounts

    assert processes.wait_until(lambda: found()[0]["balance"] == balance, timeout_s=30), found()
    return found()


def test_a_conversation_over_a_pipe(live: dict[str, str]) -> None:
    """A reply is printed before the next command is written."""
    with subprocess.Popen(
        [sys.executable, "-m", "drawdown.cli", "commands", "send", "-"],
        env={**os.environ, **live},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as talk:
        assert talk.stdin is not None
        assert talk.stdout is not None
        for number in range(3):
            body = {"command_id": f"g-{number}", "type": "grant", "customer_id": "acme"}
            line = json.dumps({**body, "amount": 1, "kind": "included"})
            talk.stdin.write(line + "\n")
            talk.stdin.flush()
            reply = json.loads(talk.stdout.readline())
            assert (reply["command_id"], reply["outcome"]) == (f"g-{number}", "accepted")
            assert reply["entries"][0]["balance"] == str(number + 1)
        talk.stdin.close()
        assert talk.wait(30) == 0
