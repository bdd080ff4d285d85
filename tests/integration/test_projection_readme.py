"""The projection in `projection/README.md` is one: its very lines run on broker and database."""

import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from psycopg.errors import UndefinedTable
from tests.architecture.repository import PACKAGE
from tests.integration.projecting import WITHIN_S, await_true
from tests.plugins.sealed_ledger import SealedLedger, publish

from drawdown.adapters.kafka.clients import transactional_producer
from drawdown.adapters.kafka.topics import create_topics
from drawdown.adapters.postgres.connections import connect
from drawdown.settings import Settings

pytestmark = pytest.mark.integration

README = PACKAGE / "projection" / "README.md"
BLOCK = re.compile(r"(?s)```(?:sql|python)\n(?:--|#) (\S+)\n(.*?)```")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The files that the document shows."""
    blocks = BLOCK.findall(README.read_text("utf-8"))
    for name, text in blocks:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert {Path(name).suffix for name, _ in blocks} == {".sql", ".py"}
    return tmp_path


@contextmanager
def process(settings: Settings, folder: Path) -> Iterator[None]:
    """The projector meanwhile; it must stop when it is told to."""
    environment = {
        **os.environ,
        "DRAWDOWN_NAMESPACE": settings.namespace,
        "DRAWDOWN_PROJECTOR_BATCH": "7",
        "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "DATABASE_URL": settings.database_url,
    }
    command = [sys.executable, "-W", "error", "-m", "refusals"]
    with subprocess.Popen(
        command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True
    ) as running:
        try:
            yield
        finally:
            running.send_signal(signal.SIGTERM)
            _, said = running.communicate(timeout=WITHIN_S)
    assert running.returncode == 0, said


def shown(settings: Settings) -> tuple[int, Counter[tuple[str, str]]]:
    """How many entries are projected, and the refusals that the read model counts."""
    schema = settings.database_schema("refusals")
    try:
        with connect(settings, application="test", schema=schema) as connection:
            [position] = connection.execute("SELECT sum(partition_seq) FROM position").fetchall()
            rows = connection.execute("SELECT customer_id, code, count FROM refusals").fetchall()
    except UndefinedTable:
        return 0, Counter()
    return int(position[0] or 0), Counter({(row[0], row[1]): row[2] for row in rows})


def test_it_counts_each_refusal_once(settings: Settings, folder: Path) -> None:
    create_topics(settings)
    producer = transactional_producer(settings, f"{settings.namespace}-test")
    producer.init_transactions(WITHIN_S)
    ledgers = [SealedLedger(settings, 0), SealedLedger(settings, 5)]
    for ledger, customers in zip(ledgers, (["acme", "bolt"], ["zenith"]), strict=True):
        ledger.live(customers, 30)
        publish(settings, producer, ledger)
    with process(settings, folder):
        expected = sum(len(each.entries) for each in ledgers)
        await_true(lambda: shown(settings)[0] == expected, "all is projected")
    before = len(ledgers[0].entries)
    ledgers[0].live(["later"], 12)
    publish(settings, producer, ledgers[0], before)
    with process(settings, folder):
        expected = sum(len(each.entries) for each in ledgers)
        await_true(lambda: shown(settings)[0] == expected, "what came meanwhile is projected")
    refused = Counter(
        (entry.facts.customer_id, entry.facts.details.rejection.code)
        for ledger in ledgers
        for entry in ledger.entries
        if entry.facts.details is not None and entry.facts.details.rejection is not None
    )
    assert refused.total() == 10
    assert shown(settings)[1] == refused
