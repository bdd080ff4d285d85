"""Ledger, read models and topics held against one another, right and spoiled."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from confluent_kafka import TopicPartition
from tests.integration.auditing import PATIENCE_S, Inputs, explanations, processor, send_everything
from tests.integration.projecting import WITHIN_S, await_true, running
from tests.integration.rebuilding import change
from tests.integration.told import ToldLedger, publish_told
from typer.testing import CliRunner

from drawdown.adapters.avro import generic
from drawdown.adapters.avro.wire import HEADER_BYTES, Wire
from drawdown.adapters.kafka.clients import consumer, producer, transactional_producer
from drawdown.adapters.kafka.topics import create_topics
from drawdown.cli import app
from drawdown.cli.projections import PROJECTIONS
from drawdown.projection.service import assemble
from drawdown.settings import Settings, current
from drawdown.verification import Report, reconcile, verify
from drawdown.verification.published import TOPICS, PublishedTopic

pytestmark = pytest.mark.integration

SERVICES = {name: f"{name}_projector" for name in PROJECTIONS}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Two partitions, and cards that are in force at once."""
    changes = {"partitions": 2, "rate_card_lead_s": 0, "publish_interval_s": 0.1}
    small = settings.model_copy(update=changes)
    create_topics(small)
    return small


@pytest.fixture
def told(settings: Settings) -> ToldLedger:
    """A ledger with every kind of entry, in the topic."""
    ledger = ToldLedger(settings, "every_kind_of_entry")
    writer = transactional_producer(settings, f"{settings.namespace}-test")
    writer.init_transactions(WITHIN_S)
    publish_told(settings, writer, ledger)
    return ledger


@contextmanager
def projectors(settings: Settings, *names: str) -> Iterator[None]:
    """The projectors of these projections, or of all."""
    with ExitStack() as stack:
        for name in names or PROJECTIONS:
            projection = PROJECTIONS[name].build(settings)
            stack.enter_context(running(assemble(settings, SERVICES[name], projection)))
        yield


def reconciled(settings: Settings) -> Report:
    return reconcile(settings, within_s=PATIENCE_S)


def in_agreement(settings: Settings) -> Report:
    """What is found once all is published."""

    def all_published() -> bool:
        return not reconciled(settings).unpublished.total()

    await_true(all_published, "everything is published")
    report = reconciled(settings)
    assert report.ok, explanations(report)
    return report


def test_ledger_rows_and_topics_agree(settings: Settings, told: ToldLedger) -> None:
    with projectors(settings):
        report = in_agreement(settings)
    assert report.entries == len(told.entries)
    assert report.absent == set()
    lots = sum(len(each.lots) for each in told.accounts())
    compared = report.compared
    assert compared["lots of expiration"] == compared["records of expirations"] == lots
    assert compared["records of balances"] == report.accounts == len(told.accounts())
    assert compared["days of revenue"] == compared["records of revenue"] >= lots


def test_what_isn_t_there_is_named_and_what_isn_t_published_is_counted(
    settings: Settings, told: ToldLedger
) -> None:
    slow = settings.model_copy(update={"publish_interval_s": 3_600.0})
    with projectors(slow, "balance"):
        # The first turn publishes what there is by then: nothing, or some of it.
        report = reconciled(settings)
    assert report.ok, explanations(report)
    assert report.absent == {"expiration", "revenue"}
    shown = report.compared["records of balances"] + report.unpublished["balances"]
    assert shown == len(told.accounts())


SPOILED = {
    "balance": ("UPDATE accounts SET overdraft = overdraft + 1", "overdraft is"),
    "expiration": ("UPDATE lots SET remaining = remaining + 1", "remaining is"),
    "revenue": ("UPDATE days SET recognized_minor = recognized_minor + 1", "recognized_minor is"),
}


@pytest.mark.parametrize("projection", SPOILED)
def test_a_row_that_was_touched_is_named(
    settings: Settings, told: ToldLedger, projection: str
) -> None:
    with projectors(settings):
        in_agreement(settings)
    statement, said = SPOILED[projection]
    one = f"(SELECT min(ctid) FROM {statement.split()[1]} WHERE partition = 0)"
    change(settings, f"{statement} WHERE ctid = {one}", schema=projection)
    report = reconciled(settings)
    found = explanations(report)
    # The row isn't what the ledger folds to, nor what is published of it.
    topic = next(each.topic for each in TOPICS if each.projection == projection)
    assert report.difference_count >= 2, found
    assert {each.where for each in report.differences} >= {statement.split()[1], topic}
    assert said in found
    assert report.first is not None
    assert report.first.account


def newest_of(settings: Settings, topic: str) -> tuple[bytes, bytes]:
    """Key and value of the last record of partition 0."""
    client = consumer(settings, group=settings.group("test"), enable_partition_eof=True)
    place = TopicPartition(settings.topic(topic), 0)
    client.assign([TopicPartition(place.topic, 0, client.get_watermark_offsets(place)[1] - 1)])
    while True:
        for message in client.consume(1, 1.0):
            if message.error() is None:
                key, value = message.key(), message.value()
                client.close()
                assert isinstance(key, bytes)
                assert isinstance(value, bytes)
                return key, value


Record = dict[str, Any]


def record_figure(record: Record) -> str:
    """A figure that every topic has one of."""
    return next(name for name in ("debt", "breakage_minor") if name in record)


Spoil = Callable[[bytes, Record], tuple[bytes, Record | None]]
SPOILS: dict[str, Spoil] = {
    "is published as": lambda key, record: (key, {**record, record_figure(record): 7}),
    "there is no such row": lambda key, record: (b"?", {**record, "unit": "none"}),
    "the newest record of": lambda key, record: (
        key,
        {**record, "partition_seq": record["partition_seq"] - 1},
    ),
    "has no record": lambda key, record: (key, None),
}


@pytest.mark.parametrize("topic", TOPICS, ids=lambda each: each.topic)
def test_a_record_that_says_something_else_is_named(
    settings: Settings, told: ToldLedger, topic: PublishedTopic
) -> None:
    with projectors(settings, *{"balance", topic.projection}):
        in_agreement(settings)
    key, value = newest_of(settings, topic.topic)
    record = generic.decode(value, topic.schema, HEADER_BYTES)
    header = Wire(settings).header(topic.schema)
    writer = producer(settings)
    for said, spoil in SPOILS.items():
        at, spoiled = spoil(key, record)
        bad = None if spoiled is None else generic.encode(spoiled, topic.schema, header=header)
        writer.produce(settings.topic(topic.topic), bad, at, 0)
        assert writer.flush(WITHIN_S) == 0
        report = reconciled(settings)
        assert report.difference_count == 1, explanations(report)
        assert report.first is not None
        assert said in report.first.explanation
        assert (report.first.where, report.first.account != "") == (topic.topic, True)
        good = None if at == b"?" else value
        writer.produce(settings.topic(topic.topic), good, at, 0)
        assert writer.flush(WITHIN_S) == 0
    assert reconciled(settings).ok


def test_verify_goes_on_with_all_of_it(settings: Settings) -> None:
    with processor(settings), projectors(settings):
        send_everything(settings)
        first = verify(settings, within_s=PATIENCE_S)
        assert first.ok, explanations(first)
        assert first.compared["days of revenue"] > 0
        in_agreement(settings)
        inputs = Inputs(settings)
        inputs.use("customer-1", "one-more", 1)
        inputs.flush()
        later = verify(settings, within_s=PATIENCE_S)
        assert later.ok, explanations(later)
        assert later.compared["lots of revenue"] == later.compared["lots of expiration"] == 8
        await_true(lambda: not verify(settings).unpublished.total(), "all is published")
    change(settings, "UPDATE days SET billed_minor = 5 WHERE customer_id = 'customer-3'", "revenue")
    change(settings, "UPDATE lots SET reserved = 1 WHERE customer_id = 'customer-4'", "expiration")
    spoiled = verify(settings, within_s=PATIENCE_S)
    said = explanations(spoiled)
    assert spoiled.difference_count == 2, said
    assert "deferred, the ledger says" in said
    assert "reserved is 1, the ledger says 0" in said


def test_the_command_line_explains_the_first_difference(
    settings: Settings, told: ToldLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRAWDOWN_NAMESPACE", settings.namespace)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", settings.kafka_bootstrap_servers)
    monkeypatch.setenv("DATABASE_URL", settings.database_url)
    current.cache_clear()
    with projectors(settings, "balance"):
        in_agreement(settings)
    whole = CliRunner().invoke(app, ["reconcile", "--json"])
    assert whole.exit_code == 0, whole.output
    found = json.loads(whole.stdout)
    assert (found["ok"], found["absent"]) == (True, ["expiration", "revenue"])
    change(settings, "UPDATE accounts SET held = held + 1")
    wrong = CliRunner().invoke(app, ["reconcile", "--wait", "1"])
    assert wrong.exit_code == 1
    assert wrong.stdout.startswith("First difference: accounts [0]")
    assert "held is 1, the ledger says 0" in wrong.stdout
    current.cache_clear()
