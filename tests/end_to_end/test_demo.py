"""`drawdown demo` as a user runs it, on a real trace, with rubbish among its input."""

import json
import os
import signal
import struct
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from drawdown.adapters.avro.codec import encode_usage
from drawdown.adapters.avro.wire import Wire
from drawdown.adapters.kafka.clients import producer
from drawdown.adapters.kafka.topics import create_topics
from drawdown.demo.run import SERVICES
from drawdown.domain.inputs import UsageEvent
from drawdown.local import stack
from drawdown.settings import Settings
from tests.real_data import real_data

TRACE = "azure_llm_2023/AzureLLMInferenceTrace_code.csv.gz"
CARD = """
card: azure
version: "1"
effective_from: now
meters:
  llm.tokens:
    lines:
      - {quantity: input, rate: "2.50", per: 1000}
      - {quantity: output, rate: "10", per: 1000}
"""
pytestmark = pytest.mark.long
WITHIN_S = 120


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    """A data folder; whatever the demo should leave running there is stopped."""
    yield tmp_path
    stack.down(tmp_path)


def command(settings: Settings, data_dir: Path, *arguments: str) -> list[str]:
    options = ["--namespace", settings.namespace, "--data-dir", str(data_dir)]
    return [sys.executable, "-m", "drawdown.cli", *options, *arguments]


def environment(settings: Settings) -> dict[str, str]:
    return {
        **os.environ,
        "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "DATABASE_URL": settings.database_url,
    }


def event(customer_id: str) -> UsageEvent:
    return UsageEvent(
        event_id="stray",
        customer_id=customer_id,
        unit="credit",
        meter="llm.tokens",
        occurred_at=time.time_ns() // 1_000,
        status="succeeded",
        properties={},
        quantities={"input": 10**12},
        hold_id="",
        hold_final=False,
        digest=b"",
    )


def send_rubbish(settings: Settings) -> int:
    """Records that are no input of the ledger; how many."""
    header = Wire(settings).header("usage-event")
    good = encode_usage(event("customer-0001"), header=header)
    rubbish: list[tuple[bytes | None, bytes]] = [
        (b"k", b""),
        (b"k", b"\x00"),
        (b"k", b'{"json": true}'),
        (b"k", os.urandom(500)),
        (b"k", b"\x00" + struct.pack(">I", 999_999) + good[5:]),
        (b"k", header + b"\xff" * 100),
        (b"k", header + b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01" * 3),
        (b"customer-0001", good + b"\x00"),
        (b"k", header + os.urandom(900_000)),
        *((b"customer-0001", good[:cut]) for cut in range(6, len(good), 7)),
    ]
    sender = producer(settings)
    for number, (key, value) in enumerate(rubbish):
        sender.produce(settings.topic("usage-events"), value, key=key, partition=number % 8)
    # A good event in each partition but its own: exactly one of the eight is charged.
    for partition in range(8):
        sender.produce(
            settings.topic("usage-events"),
            encode_usage(event("nobody"), header=header),
            key=b"nobody",
            partition=partition,
        )
    assert sender.flush(30) == 0
    return len(rubbish) + 7


def lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open() as text:
        for line in text:
            yield json.loads(line, parse_float=Decimal)


def recalculated(folder: Path) -> dict[str, tuple[Decimal, Decimal]]:
    """Balance and overage of each customer, worked out from the files alone."""
    granted: dict[str, Decimal] = defaultdict(Decimal)
    policy: dict[str, dict[str, str]] = defaultdict(dict)
    for each in lines(folder / "grants.jsonl"):
        if each["type"] == "grant":
            granted[each["customer_id"]] += Decimal(each["amount"])
        else:
            policy[each["customer_id"]] = each["policy"]
    spent: dict[str, Decimal] = defaultdict(Decimal)
    overage: dict[str, Decimal] = defaultdict(Decimal)
    for each in lines(folder / "events.jsonl"):
        customer = each["customer_id"]
        quantities = each["quantities"]
        # Whole micro-credits, so that there is no residue to carry.
        cost = Decimal(quantities["input"]) / 400 + Decimal(quantities["output"]) / 100
        terms = policy[customer]
        room = granted[customer] + Decimal(terms.get("overdraft_limit", 0)) - spent[customer]
        covered = min(cost, room)
        spent[customer] += covered
        if terms.get("overage_mode") == "overage":
            overage[customer] += cost - covered
    return {each: (granted[each] - spent[each], overage[each]) for each in granted}


def test_a_real_trace_with_rubbish_in_between_adds_up(settings: Settings, data_dir: Path) -> None:
    create_topics(settings)
    dead = send_rubbish(settings)
    card = data_dir / "card.yaml"
    card.write_text(CARD)
    trace = ["--trace", str(real_data(TRACE)), "--card", str(card), "--rate", "4000"]
    done = subprocess.run(
        command(settings, data_dir, "demo", "--once", "--json", *trace),
        env=environment(settings),
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )
    told = json.loads(done.stdout)
    # The stray event that was in the right partition came before the card: refused, once.
    assert told["rejected"] == {"no_rate": 1}
    assert told["dead_letters"] == dead
    assert told["events"] == 8_819
    assert told["accounts"] == len({*recalculated(folder_of(settings, data_dir))}) + 1
    assert_figures(settings, recalculated(folder_of(settings, data_dir)))
    # What the demo itself says of it: the stray record isn't in its files, so that is no success.
    assert done.returncode == 1
    assert set(told["differences"]) == {
        "events rejected: 1, recalculated 0",
        "nobody: in the projection, but not recalculated",
    }


def folder_of(settings: Settings, data_dir: Path) -> Path:
    return data_dir / "demo" / settings.namespace


def assert_figures(settings: Settings, expected: dict[str, tuple[Decimal, Decimal]]) -> None:
    schema = settings.database_schema("balance")
    with psycopg.connect(settings.database_url) as connection:
        connection.execute(f'SET search_path TO "{schema}"')
        accounts = connection.execute(
            "SELECT customer_id, balance, overage_total FROM accounts "
            "WHERE customer_id LIKE 'customer-%'"
        ).fetchall()
        found = {
            customer: (Decimal(balance) / 10**6, Decimal(overage) / 10**6)
            for customer, balance, overage in accounts
        }
        assert found == expected
        rated, residue = connection.execute(
            "SELECT (SELECT sum(rated) FROM usage_daily), (SELECT sum(residue) FROM accounts)"
        ).fetchone() or (0, 0)
    # 18,059,974 tokens in and 245,896 out, at 2.50 and 10.00 a thousand.
    assert Decimal(rated) / 10**6 + Decimal(residue) / 10**18 == Decimal("47608.895")


def test_ctrl_c_stops_everything_it_started(settings: Settings, data_dir: Path) -> None:
    log = data_dir / "log"
    with log.open("w") as written:
        demo = subprocess.Popen(
            command(settings, data_dir, "demo", "--events", "300", "--rate", "1000"),
            env=environment(settings),
            stdout=written,
            stderr=written,
        )
    try:
        deadline = time.monotonic() + WITHIN_S
        while "the trace is through" not in log.read_text():
            assert demo.poll() is None, f"the demo ended by itself:\n{log.read_text()}"
            assert time.monotonic() < deadline, f"the demo takes too long:\n{log.read_text()}"
            time.sleep(0.1)
        names = Counter(each.name.partition("-")[0] for each in stack.status(data_dir).services)
        assert names == dict.fromkeys(SERVICES, 1)
        demo.send_signal(signal.SIGINT)
        assert demo.wait(60) == 0, log.read_text()
    finally:
        demo.kill()
        demo.wait()
    assert stack.status(data_dir).services == ()
    assert "stopped; the data stay" in log.read_text()
