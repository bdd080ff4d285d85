"""The balance projector on the real broker and the real database."""

import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from typing import get_args

import pytest
from confluent_kafka import Producer, TopicPartition
from tests.integration.projecting import (
    WITHIN_S,
    await_true,
    balance_projector,
    positions,
    rows,
    running,
)
from tests.integration.told import ToldLedger, publish_told
from tests.plugins.sealed_ledger import SealedLedger, publish

from drawdown import metrics
from drawdown.adapters.avro.wire import Wire
from drawdown.adapters.kafka.clients import admin, consumer, member
from drawdown.adapters.kafka.stable_offsets import StableOffsets
from drawdown.adapters.kafka.topics import create_topics
from drawdown.adapters.postgres.connections import connect
from drawdown.adapters.postgres.memory import MemoryProjectionStore
from drawdown.domain.entries import EntryType
from drawdown.errors import DatabaseRefused
from drawdown.projection.loop import Projector
from drawdown.projection.service import run_together
from drawdown.settings import Settings
from drawdown.verification.read_model import read_model

pytestmark = pytest.mark.integration


@dataclass
class Found:
    """Differences between a fold and the read model."""

    differences: list[str] = field(default_factory=list)

    def __call__(
        self, where: str, explanation: str, account: str, expected: str, found: str
    ) -> None:
        self.differences.append(f"{where}: {explanation}")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Two partitions, and batches so small that one ledger takes many."""
    small = settings.model_copy(update={"partitions": 2, "projector_batch": 7})
    create_topics(small)
    return small


def differences(settings: Settings, ledger: SealedLedger | ToldLedger) -> list[str]:
    """What the read model shows otherwise than the ledger's fold."""
    found = Found()
    partition, seq = ledger.ledger.partition, ledger.ledger.partition_seq
    with read_model(settings, partition, from_seq=seq, within_s=WITHIN_S) as model:
        assert model.partition_seq() == seq
        model.compare(ledger.accounts(), found, everything=True)
        model.count_entries(0, seq, found)
    return found.differences


def two_ledgers(settings: Settings) -> tuple[SealedLedger, SealedLedger]:
    one, other = SealedLedger(settings, 0), SealedLedger(settings, 1)
    one.live(["acme", 'quo"te\\d', "Ünïcødé\u2028"], 25)
    other.live(["zenith"], 25)
    return one, other


def test_the_read_model_is_the_fold_of_the_ledger(settings: Settings, producer: Producer) -> None:
    one, other = two_ledgers(settings)
    publish(settings, producer, one)
    publish(settings, producer, other)
    with running(balance_projector(settings)):
        assert differences(settings, one) == []
        assert differences(settings, other) == []
    usage = rows(
        settings, "SELECT sum(events), sum(rated), sum(drawn + uncovered) FROM usage_daily"
    )
    charges = [e.facts.charge for e in one.entries + other.entries if e.facts.charge]
    rated = sum(charge.rated for charge in charges)
    assert usage == [(len(charges), rated, rated)]
    days = rows(settings, "SELECT min(day)::text, max(day)::text FROM usage_daily")
    assert days == [("2026-01-01", "2026-01-02")]


@pytest.mark.parametrize("batch", [1, 5, 1_000])
def test_every_kind_of_entry_shows_as_it_folds(
    settings: Settings, producer: Producer, batch: int
) -> None:
    told = ToldLedger(settings, "every_kind_of_entry")
    assert {each.facts.type for each in told.entries} == set(get_args(EntryType))
    publish_told(settings, producer, told)
    with running(balance_projector(settings.model_copy(update={"projector_batch": batch}))):
        assert differences(settings, told) == []
    held = rows(settings, "SELECT sum(reserved), count(*) FILTER (WHERE state = 'open') FROM holds")
    assert held == [(0, 0)]
    charged = sum(each.facts.charge.rated for each in told.entries if each.facts.charge)
    assert rows(settings, "SELECT sum(rated) FROM usage_daily") == [(charged,)]


def test_it_goes_on_where_it_stood_and_never_by_the_group_s_offsets(
    settings: Settings, producer: Producer
) -> None:
    one, _ = two_ledgers(settings)
    publish(settings, producer, one)
    with running(balance_projector(settings)):
        assert differences(settings, one) == []
    # Somebody moves the group's offsets to the end, over entries that aren't projected yet.
    written = len(one.entries)
    one.live(["later"], 12)
    publish(settings, producer, one, written)
    _commit_far_ahead(settings)
    with running(balance_projector(settings)):
        assert differences(settings, one) == []
    entries = rows(settings, "SELECT count(*), max(partition_seq) FROM entries")
    assert entries == [(len(one.entries), len(one.entries))]


def _commit_far_ahead(settings: Settings) -> None:
    client = consumer(settings, group=settings.group("balance_projector"))
    client.commit(
        offsets=[TopicPartition(settings.topic("ledger-entries"), 0, 1_000_000)], asynchronous=False
    )
    client.close()


def test_a_gap_halts_its_partition_and_no_other(settings: Settings, producer: Producer) -> None:
    one, other = two_ledgers(settings)
    del one.entries[10], one.values[10]
    publish(settings, producer, one)
    publish(settings, producer, other)
    projector = balance_projector(settings)
    with running(projector):
        await_true(lambda: 0 in projector.halted, "partition 0 halts")
        assert differences(settings, other) == []
        assert "entry 11 should follow" in projector.halted[0]
        assert _sample("drawdown_partitions_halted", "0") == 1
    assert 1 not in projector.halted
    assert positions(settings).get(0, 0) in range(11)


def test_bytes_that_don_t_decode_halt_after_what_stands_before(
    settings: Settings, producer: Producer
) -> None:
    one, other = two_ledgers(settings)
    one.values[9] = one.values[9][:-3]
    publish(settings, producer, one)
    publish(settings, producer, other)
    projector = balance_projector(settings)
    with running(projector):
        await_true(lambda: 0 in projector.halted, "partition 0 halts")
        assert differences(settings, other) == []
        assert "offset 9" in projector.halted[0]
    assert positions(settings)[0] == 9


def test_an_outage_of_the_database_loses_nothing(settings: Settings, producer: Producer) -> None:
    one, _ = two_ledgers(settings)
    half = len(one.entries) // 2
    later = one.entries[half:], one.values[half:]
    del one.entries[half:], one.values[half:]
    publish(settings, producer, one)
    store = MemoryProjectionStore()
    with running(_on(settings, store)):
        await_true(lambda: len(store.rows) == half, "the first half is projected")
        store.away = True
        one.entries.extend(later[0])
        one.values.extend(later[1])
        before = _retries()
        publish(settings, producer, one, half)
        await_true(lambda: _retries() > before, "the projector notices")
        assert len(store.rows) == half
        store.away = False
        await_true(lambda: len(store.rows) == len(one.entries), "the rest is projected")
    assert [each.partition_seq for each in store.rows] == list(range(1, len(one.entries) + 1))


def test_a_session_that_the_database_ends_is_opened_anew(
    settings: Settings, producer: Producer
) -> None:
    one, _ = two_ledgers(settings)
    publish(settings, producer, one)
    with running(balance_projector(settings)):
        assert differences(settings, one) == []
        before, written = _retries(), len(one.entries)
        ended = rows(
            settings,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'balance_projector'",
        )
        assert ended == [(True,)]
        one.live(["later"], 12)
        publish(settings, producer, one, written)
        assert differences(settings, one) == []
        assert _retries() > before


def test_of_two_projectors_the_later_one_writes(settings: Settings, producer: Producer) -> None:
    one, _ = two_ledgers(settings)
    publish(settings, producer, one)
    store = MemoryProjectionStore()
    with running(_on(settings, store)):
        await_true(lambda: len(store.rows) == len(one.entries), "the first one projects")
        with running(_on(settings, store, group="another")):
            written = len(one.entries)
            await_true(lambda: store.claim(1).epoch > 2, "the second one claims")
            one.live(["later"], 12)
            publish(settings, producer, one, written)
            await_true(lambda: len(store.rows) >= len(one.entries), "one of them projects")
    assert [each.partition_seq for each in store.rows] == list(range(1, len(one.entries) + 1))


def _on(settings: Settings, store: MemoryProjectionStore, group: str = "memory") -> Projector:
    client = member(
        settings,
        group=settings.group(group),
        enable_partition_eof=True,
        enable_auto_commit=True,
        enable_auto_offset_store=False,
        auto_offset_reset="error",
    )
    return Projector(
        consumer=client,
        topic=settings.topic("ledger-entries"),
        store=store,
        decode=Wire(settings).decode_entry,
        offsets=StableOffsets(settings),
        batch=7,
        batch_bytes=1_000_000,
    )


def _retries() -> float:
    return metrics.CATALOGUE.get_sample_value("drawdown_database_retries_total") or 0.0


def _sample(name: str, partition: str) -> float | None:
    return metrics.CATALOGUE.get_sample_value(name, {"partition": partition})


@pytest.mark.parametrize("threads", [1, 2])
def test_the_process_stops_when_it_is_told_to(
    settings: Settings, producer: Producer, threads: int
) -> None:
    one, other = two_ledgers(settings)
    publish(settings, producer, one)
    publish(settings, producer, other)
    environment = {
        **os.environ,
        "DRAWDOWN_NAMESPACE": settings.namespace,
        "DRAWDOWN_PROJECTOR_THREADS": str(threads),
        "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "DATABASE_URL": settings.database_url,
    }
    command = [sys.executable, "-W", "error", "-m", "drawdown.balance_projector"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            shown = {0: len(one.entries), 1: len(other.entries)}
            await_true(lambda: _shown(settings) == shown, "the process projects")
        finally:
            process.send_signal(signal.SIGTERM)
            _, said = process.communicate(timeout=WITHIN_S)
    assert process.returncode == 0, said
    assert '"event": "stopped"' in said
    assert differences(settings, one) == []


def _shown(settings: Settings) -> dict[object, object]:
    try:
        return positions(settings)
    except DatabaseRefused:
        return {}


def test_loops_of_one_process_write_partitions_at_the_same_time(
    settings: Settings, producer: Producer
) -> None:
    loops = [balance_projector(settings), balance_projector(settings)]
    schema = settings.database_schema("balance")
    together = threading.Thread(target=run_together, args=(loops,))
    together.start()
    try:
        # Once each has claimed one, the database lets nobody write the first partition.
        claimed = "SELECT count(*) FROM position WHERE epoch > 0"
        await_true(lambda: rows(settings, claimed) == [(2,)], "both partitions are claimed")
        await_true(lambda: _owners(settings) == 2, "each loop has one")
        one, other = two_ledgers(settings)
        with connect(settings, application="test", schema=schema) as connection:
            connection.execute("SELECT FROM position WHERE partition = 0 FOR UPDATE")
            publish(settings, producer, one)
            publish(settings, producer, other)
            everything = {1: len(other.entries)}
            await_true(lambda: _shown(settings) == everything, "the other partition is written")
        assert differences(settings, one) == []
        assert differences(settings, other) == []
    finally:
        for each in loops:
            each.stop()
        together.join(WITHIN_S)
    assert not together.is_alive()


def _owners(settings: Settings) -> int:
    """How many members of the group have a partition."""
    client, group = admin(settings), settings.group("balance_projector")
    [described] = client.describe_consumer_groups([group]).values()
    members = described.result(WITHIN_S).members
    return sum(1 for member in members if member.assignment.topic_partitions)
