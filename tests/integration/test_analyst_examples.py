"""The programs in `schemas/README.md`, as they stand there, on real topics and real exports."""

import os
import re
import signal
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import duckdb
import pytest
from confluent_kafka import TopicPartition
from tests.architecture.repository import ROOT
from tests.integration.projecting import WITHIN_S, await_true, balance_projector, rows, running
from tests.integration.told import ToldLedger
from tests.plugins.sealed_ledger import SealedLedger, publish
from tests.projection.batches import Given

from drawdown.adapters.kafka.clients import consumer, transactional_producer
from drawdown.adapters.kafka.topics import create_topics
from drawdown.adapters.postgres.migrations import migrate
from drawdown.adapters.postgres.store import PostgresProjectionStore
from drawdown.domain.entries import LedgerEntry
from drawdown.domain.numbers import MICRO
from drawdown.exports.catalogue import DATASETS
from drawdown.exports.exporting import export
from drawdown.revenue_projector.__main__ import build
from drawdown.settings import Settings

pytestmark = pytest.mark.integration

README = ROOT / "schemas" / "README.md"
SCHEMA = ROOT / "schemas" / "balance.v1.avsc"
TOLD = re.compile(r"(\S+) has \d+ micro-credits left")
BLOCK = re.compile(r"(?s)```(?:sql|python)\n(?:--|#) (\S+)\n(.*?)```")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The files that the document shows."""
    blocks = dict(BLOCK.findall(README.read_text("utf-8")))
    assert blocks.keys() == {"newest_balances.py", "low_balances.py", "deferred.sql"}
    for name, text in blocks.items():
        (tmp_path / name).write_text(text)
    return tmp_path


@dataclass(frozen=True)
class Published:
    """A topic of balances, and the last entry of each account that it tells of."""

    settings: Settings
    topic: str
    last: dict[str, LedgerEntry]


@pytest.fixture
def published(settings: Settings) -> Published:
    """Two partitions of balances that changed, were published, and changed again."""
    settings = settings.model_copy(update={"partitions": 2, "publish_interval_s": 0.1})
    create_topics(settings)
    producer = transactional_producer(settings, f"{settings.namespace}-test")
    producer.init_transactions(WITHIN_S)
    ledgers = [SealedLedger(settings, partition) for partition in (0, 1)]
    with running(balance_projector(settings)):
        for events, customers in ((6, ("early", "late")), (6, ("later",))):
            for ledger in ledgers:
                written = len(ledger.entries)
                ledger.live([f"{each}-{ledger.ledger.partition}" for each in customers], events)
                publish(settings, producer, ledger, written)
            await_true(partial(_published, settings, ledgers), "all is published")
    last = {each.facts.customer_id: each for ledger in ledgers for each in ledger.entries}
    del last["$partition"]
    return Published(settings, settings.topic("balances"), last)


def _published(settings: Settings, ledgers: list[SealedLedger]) -> bool:
    found = rows(settings, "SELECT published FROM position ORDER BY partition")
    return found == [(len(ledger.entries),) for ledger in ledgers]


def test_the_consumer_prints_the_newest_balance_of_each(published: Published, folder: Path) -> None:
    arguments = (published.settings.kafka_bootstrap_servers, published.topic, str(SCHEMA))
    done = subprocess.run(
        [sys.executable, str(folder / "newest_balances.py"), *arguments],
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )
    assert done.stderr == ""
    found = [tuple(line.split("\t")) for line in done.stdout.splitlines()]
    wanted = [
        (customer, "credit", str(each.facts.balance)) for customer, each in published.last.items()
    ]
    assert sorted(found) == sorted(wanted)


def test_the_stream_processor_tells_and_commits(published: Published, folder: Path) -> None:
    low = {name for name, each in published.last.items() if each.facts.available < 5 * MICRO}
    assert low, "nobody has little left"
    app_id, told = f"{published.settings.namespace}-low", folder / "told"
    environment = {
        **os.environ,
        "APP_ID": app_id,
        "BALANCE_SCHEMA": str(SCHEMA),
        "TOPIC": published.topic,
        "KAFKA_BOOTSTRAP_SERVERS": published.settings.kafka_bootstrap_servers,
    }
    command = ["-m", "faust", "-A", "low_balances", "worker", "--without-web", "-l", "warn"]
    with (
        told.open("w") as output,
        subprocess.Popen(
            [sys.executable, *command], cwd=folder, env=environment, stdout=output, stderr=output
        ) as process,
    ):
        try:
            await_true(lambda: low <= set(TOLD.findall(told.read_text())), f"it tells: {told}")
            await_true(lambda: _committed(published, app_id), "its offsets are committed")
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()


def _committed(published: Published, group: str) -> bool:
    """Whether the group's committed offsets are the ends of the topic."""
    client = consumer(published.settings, group=group)
    try:
        places = [TopicPartition(published.topic, number) for number in (0, 1)]
        committed = client.committed(places, timeout=10)
        ends = [client.get_watermark_offsets(place, timeout=10)[1] for place in places]
    finally:
        client.close()
    return [each.offset for each in committed] == ends


def test_the_query_gives_the_revenue_that_is_deferred(
    settings: Settings, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    projection, schema = build(settings), settings.database_schema("revenue")
    migrate(settings, schema, projection.migrations)
    store = PostgresProjectionStore(
        settings, schema=schema, application="test", writer=projection.write
    )
    entries = ToldLedger(settings, "every_kind_of_entry").entries
    store.write(store.claim(0), Given(entries, len(entries)))
    store.close()
    export(settings, DATASETS["revenue"], "parquet", folder / "revenue.parquet", _says_nothing)
    monkeypatch.chdir(folder)
    found = duckdb.sql((folder / "deferred.sql").read_text())
    assert found is not None
    columns = [each[0] for each in found.description]
    months = [dict(zip(columns, row, strict=True)) for row in found.fetchall()]
    assert {each["currency"] for each in months} == {"USD"}
    assert months[-1]["deferred"] == deferred(entries)
    assert sum(each["recognized"] for each in months) > 0


def deferred(entries: list[LedgerEntry]) -> int:
    """The prices of lots less what entries released of them."""
    left: dict[str, int] = defaultdict(int)
    for entry in entries:
        facts = entry.facts
        if facts.details is not None and facts.details.lot is not None:
            left[facts.details.lot.lot_id] += facts.details.lot.price_minor
            continue
        for part in facts.allocations:
            left[part.lot_id] -= part.released_minor
    return sum(left.values())


def _says_nothing(rows: int, total: int) -> None:
    pass
