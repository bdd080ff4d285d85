"""The revenue projector on the real broker and the real database, and the topic it publishes."""

import json
from typing import Any

import pytest
from confluent_kafka import Message, Producer, TopicPartition
from tests.integration.projecting import await_true, running
from tests.integration.told import ToldLedger, publish_told
from tests.plugins.sealed_ledger import SealedLedger, publish

from drawdown.adapters.avro import generic
from drawdown.adapters.avro.wire import HEADER_BYTES, Wire, schema_id
from drawdown.adapters.kafka.clients import consumer
from drawdown.adapters.kafka.topics import create_topics
from drawdown.adapters.postgres.connections import connect
from drawdown.domain.entries import LedgerEntry
from drawdown.projection.loop import Projector
from drawdown.projection.service import assemble
from drawdown.revenue_projector.__main__ import SERVICE, build
from drawdown.settings import Settings
from drawdown.verification.revenue_days import RevenueDays
from drawdown.verification.revenue_model import RevenueModel

pytestmark = pytest.mark.integration


@pytest.fixture
def settings(settings: Settings) -> Settings:
    small = settings.model_copy(
        update={"partitions": 2, "projector_batch": 7, "publish_interval_s": 0.2}
    )
    create_topics(small)
    return small


def projector(settings: Settings) -> Projector:
    return assemble(settings, SERVICE, build(settings))


def rows(settings: Settings, statement: str) -> list[tuple[Any, ...]]:
    schema = settings.database_schema("revenue")
    with connect(settings, application="test", schema=schema) as connection:
        return connection.execute(statement.encode()).fetchall()


def published(settings: Settings) -> dict[int, int]:
    """The last entry published, by partition."""
    return dict(rows(settings, "SELECT partition, published FROM position"))


def differences(settings: Settings, entries: list[LedgerEntry]) -> list[str]:
    told = RevenueDays(build(settings)._zone)
    for entry in entries:
        told.add(entry)
    found: list[str] = []
    schema = settings.database_schema("revenue")
    with connect(settings, application="test", schema=schema) as connection:
        model = RevenueModel(connection, entries[0].source_partition)
        assert model.compare(told, lambda *said: found.append(": ".join(said))) > 0
    return found


def records(settings: Settings) -> dict[tuple[str, ...], dict[str, Any]]:
    """The latest record of each key, read as any consumer would; duplicates must agree."""
    client = consumer(settings, group=settings.group("test"))
    places = [TopicPartition(settings.topic("revenue"), each, 0) for each in range(2)]
    ends = sum(client.get_watermark_offsets(place)[1] for place in places)
    client.assign(places)
    messages: list[Message] = []
    while len(messages) < ends:
        messages += client.consume(100, 1)
    client.close()
    latest: dict[tuple[str, ...], dict[str, Any]] = {}
    for message in messages:
        key, value = message.key(), message.value()
        assert isinstance(key, bytes)
        assert isinstance(value, bytes)
        assert schema_id(value) == 9
        record = generic.decode(value, "revenue", HEADER_BYTES)
        assert record["partition"] == message.partition()
        name = (record["customer_id"], record["unit"], record["lot_id"], record["day"])
        assert json.loads(key) == list(name)
        before = latest.get(name)
        if before is not None and before["partition_seq"] == record["partition_seq"]:
            assert before == record
        if before is None or before["partition_seq"] <= record["partition_seq"]:
            latest[name] = record
    return latest


def test_the_topic_says_what_the_rows_say(settings: Settings, producer: Producer) -> None:
    ledgers = [SealedLedger(settings, 0), SealedLedger(settings, 1)]
    ledgers[0].live(["acme", 'quo"te\\d', "Ünïcødé\u2028"], 40)
    ledgers[1].live(["zenith"], 40)
    for ledger in ledgers:
        publish(settings, producer, ledger)
    expected = {ledger.ledger.partition: len(ledger.entries) for ledger in ledgers}
    with running(projector(settings)):
        await_true(lambda: published(settings) == expected, "all is published")
    for ledger in ledgers:
        assert differences(settings, ledger.entries) == []
    latest = records(settings)
    shown = rows(
        settings,
        "SELECT customer_id, unit, lot_id, day::text, recognized_minor, spent, deferred_minor "
        "FROM running",
    )
    assert {row[:4] for row in shown} == set(latest)
    for *name, recognized, spent, deferred in shown:
        record = latest[tuple(name)]
        figures = (record["recognized_minor"], record["spent"], record["deferred_minor"])
        assert figures == (recognized, spent, deferred)
        earned = record["recognized_to_date_minor"] + record["breakage_to_date_minor"]
        assert record["deferred_minor"] == record["billed_to_date_minor"] - earned


@pytest.mark.parametrize("batch", [1, 1_000])
def test_every_kind_of_entry_is_posted(settings: Settings, producer: Producer, batch: int) -> None:
    told = ToldLedger(settings, "every_kind_of_entry")
    publish_told(settings, producer, told)
    with running(projector(settings.model_copy(update={"projector_batch": batch}))):
        await_true(lambda: published(settings).get(0) == len(told.entries), "all is published")
    assert differences(settings, told.entries) == []
    days = rows(settings, "SELECT customer_id, unit, lot_id, day::text FROM days")
    assert set(days) == set(records(settings))


def test_what_is_lost_of_the_topic_is_published_again(
    settings: Settings, producer: Producer
) -> None:
    ledger = SealedLedger(settings, 0)
    ledger.live(["acme"], 30)
    publish(settings, producer, ledger)
    with running(projector(settings)):
        await_true(lambda: published(settings).get(0) == len(ledger.entries), "all is published")
    first = records(settings)
    # As if the process had ended before it noted what the broker acknowledged.
    with connect(
        settings, application="test", schema=settings.database_schema("revenue")
    ) as connection:
        connection.execute("UPDATE position SET published = 0")
    with running(projector(settings)):
        await_true(lambda: published(settings).get(0) == len(ledger.entries), "all is again")
    assert records(settings) == first


def test_the_header_is_that_of_the_schema(settings: Settings) -> None:
    assert Wire(settings).header("revenue") == b"\x00\x00\x00\x00\x09"
