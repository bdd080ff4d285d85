"""What is told from the ledger topic alone: proofs, explanations, past balances, what-ifs."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import TopicPartition
from typer.testing import CliRunner, Result

from drawdown.adapters.kafka.clients import admin
from drawdown.adapters.kafka.partitioner import partition_of
from drawdown.adapters.kafka.topics import create_topics
from drawdown.cli.application import app
from drawdown.local import processes, stack
from drawdown.settings import Settings

WITHIN_S = 30


@pytest.fixture
def live(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A ledger processor on a namespace of two partitions; no database, no projector."""
    environment = {
        "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "DRAWDOWN_NAMESPACE": settings.namespace,
        "DRAWDOWN_DATA_DIR": str(tmp_path),
        "DRAWDOWN_RATE_CARD_LEAD_S": "0",
        "DRAWDOWN_PARTITIONS": "2",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DATABASE_URL", "")
    create_topics(settings.model_copy(update={"partitions": 2}))
    try:
        processes.start(tmp_path, "ledger_processor", env=environment)
        yield
    finally:
        stack.down(tmp_path)


def run(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, arguments, input=stdin)


def read(*arguments: str) -> Any:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def card(version: str, rate: str, effective_from: str) -> dict[str, Any]:
    lines = [{"quantity": "units", "rate": rate}]
    top = {"card": "c", "version": version, "effective_from": effective_from}
    return {**top, "meters": {"work": {"lines": lines}}}


def send(starts: str, expires: str, tmp_path: Path) -> None:
    """A card, two customers with a lot each, ten events of 3 units, one of them twice."""
    grant = {"type": "grant", "amount": "20.5", "kind": "purchased", "expires_at": expires}
    price = {"price_minor": 1000, "currency": "USD"}
    commands = [
        {"command_id": "card", "type": "apply_rate_card", "card": card("1", "0.5", starts)},
        *(
            {**grant, **price, "command_id": f"g-{each}", "customer_id": each, "lot_id": "pack"}
            for each in ("acme", "bolt")
        ),
    ]
    sent = run("commands", "send", "-", stdin="\n".join(map(json.dumps, commands)) + "\n")
    assert sent.exit_code == 0, sent.output
    usage = tmp_path / "usage.csv"
    rows = [f"e-{number},acme,work,3,{starts}" for number in (*range(10), 9)]
    header = "event_id,customer_id,meter,quantities.units,occurred_at"
    usage.write_text("\n".join([header, *rows, f"e-0,bolt,none,1,{starts}"]) + "\n")
    assert run("usage", "send", str(usage)).exit_code == 0


def recorded(entries: int) -> bool:
    """Whether acme's proof has so many entries by now."""
    result = run("prove", "acme", "--out", "/dev/null", "--json")
    return result.exit_code == 0 and json.loads(result.stdout)["entries"] >= entries


def test_everything_told_from_the_topic(live: None, settings: Settings, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    starts, expires = now + timedelta(seconds=60), now + timedelta(days=31)
    send(starts.isoformat(), expires.isoformat(), tmp_path)
    assert processes.wait_until(lambda: recorded(11), timeout_s=WITHIN_S), "usage isn't decided"
    prove_and_check(tmp_path)
    explain()
    ask_for_the_past(now, starts)
    ask_what_if(starts, tmp_path)
    ask_beyond_what_is_retained(settings, now)


def prove_and_check(tmp_path: Path) -> None:
    path = tmp_path / "acme.jsonl"
    proof = read("prove", "acme", "--out", str(path))
    found = read("check", str(path), "--head", proof["head"])
    assert (found["ok"], found["end_is_proven"], found["balance"]) == (True, True, "5.5")
    path.write_text(path.read_text().replace('"amount": "-1.5"', '"amount": "-1.4"', 1))
    wrong = run("check", str(path))
    assert (wrong.exit_code, "amount reads" in wrong.stderr) == (1, True)
    assert run("prove", "nobody", "--out", str(path)).exit_code == 1


def explain() -> None:
    story = read("explain", "e-9")
    charge = story["charge"]
    assert (story["customer_id"], charge["rate_card"]["label"]) == ("acme", "c@1")
    assert charge["lines"][0]["steps"] == ["3 × 0.5 = 1.5"]
    assert [lot["lot_id"] for lot in charge["lots"]] == ["pack"]
    assert [each["body"] for each in story["repeats"]] == ["the same"]
    several = run("explain", "e-0")
    assert (several.exit_code, "acme, bolt" in several.stderr) == (2, True)
    refused = read("explain", "e-0", "--customer", "bolt")
    assert [each["code"] for each in refused["rejections"]] == ["no_rate"]
    assert "Charged -1.5: drawn 1.5" in run("explain", "e-1").stdout
    assert run("explain", "none").exit_code == 1


def ask_for_the_past(now: datetime, starts: datetime) -> None:
    """The usage occurs a minute ahead of its recording, which is before the present is over."""
    before = (starts - timedelta(seconds=1)).isoformat()
    [account] = read("balance", "acme", "--as-of", before)["accounts"]
    assert (account["balance"], account["lots"][0]["remaining"]) == ("20.5", "20.5")
    [account] = read("balance", "acme", "--as-of", before, "--known", "then")["accounts"]
    assert account["balance"] == "5.5"
    [account] = read("balance", "acme", "--as-of", starts.isoformat())["accounts"]
    assert (account["balance"], account["lots"][0]["state"]) == ("5.5", "usable")
    early = (now - timedelta(days=1)).isoformat()
    assert run("balance", "acme", "--as-of", early).exit_code == 1
    assert run("balance", "acme", "--as-of", "yesterday").exit_code == 2


def ask_what_if(starts: datetime, tmp_path: Path) -> None:
    rates = tmp_path / "new.json"
    rates.write_text(json.dumps(card("2", "1", "2020-01-01T00:00:00Z")))
    same = read("whatif")
    # The owner of a partition may have sent ticks of its own.
    assert (same["differs"], same["inputs"] >= 15) == (False, True)
    dearer = read("whatif", "--rates", str(rates))
    [row] = [each for each in dearer["meters"] if each["customer_id"] == "acme"]
    assert row["charged"] == {"before": "15", "after": "20.5", "difference": "5.5"}
    assert row["uncovered"]["after"] == "9.5"
    assert "15 → 20.5 (+5.5)" in run("whatif", "--rates", str(rates)).stdout
    later = read("whatif", "--rates", str(rates), "--since", starts.isoformat())
    assert (later["inputs"], later["differs"]) == (0, False)
    assert run("whatif", "--burn-order", "alphabetical").exit_code == 2


def ask_beyond_what_is_retained(settings: Settings, now: datetime) -> None:
    """Inputs that were deleted can't be decided again; the earliest instant possible is said."""
    place = TopicPartition(settings.topic("usage-events"), partition_of("acme", 2), 3)
    client = admin(settings)
    for deleted in client.delete_records([place]).values():
        deleted.result(WITHIN_S)
    refused = run("whatif", "--since", now.isoformat())
    assert refused.exit_code == 2
    earliest = refused.stderr.partition("before ")[2].partition(" ")[0]
    assert "earliest possible --since" in refused.stderr
    assert read("whatif", "--since", earliest)["since"] == earliest
    found = read("whatif")
    assert (found["since"], found["differs"]) == (earliest, False)
