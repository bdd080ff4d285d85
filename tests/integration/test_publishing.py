"""What projectors publish, on the real broker and the real database."""

import time
from collections import defaultdict
from collections.abc import Iterator
from itertools import chain, pairwise
from pathlib import Path
from typing import NamedTuple

import pytest
from confluent_kafka import Message, Producer, TopicPartition
from confluent_kafka.cimpl import NewTopic
from tests.integration.projecting import WITHIN_S, await_true, running
from tests.plugins.sealed_ledger import SealedLedger, publish

from drawdown.adapters.kafka.clients import admin, consumer
from drawdown.adapters.kafka.topics import create_topics
from drawdown.adapters.postgres.connections import Cursor, connect
from drawdown.adapters.postgres.store import Slices
from drawdown.domain.entries import PARTITION_CUSTOMER
from drawdown.errors import InvalidSetting
from drawdown.projection.loop import Projector
from drawdown.projection.publication import Published
from drawdown.projection.service import assemble
from drawdown.settings import Settings

pytestmark = pytest.mark.integration

TOPIC = "balances"
_TABLE = """
CREATE TABLE seen (
    customer_id text PRIMARY KEY, partition integer, partition_seq bigint, entries bigint
)
"""


class Seen:
    """How many entries each customer has."""

    topic = TOPIC

    def records(
        self, cursor: Cursor, *, partition: int, after_seq: int, up_to_seq: int
    ) -> Iterator[Published]:
        found = cursor.execute(
            "SELECT customer_id, partition_seq, entries FROM seen"
            " WHERE partition = %s AND partition_seq > %s AND partition_seq <= %s",
            [partition, after_seq, up_to_seq],
        )
        for customer, seq, entries in found:
            yield Published(customer.encode(), f"{seq} {entries}".encode())


class SeenProjection:
    """A projection that publishes."""

    name = "seen"
    publication = Seen()

    def __init__(self, folder: Path) -> None:
        self.migrations = folder

    def write(self, cursor: Cursor, slices: Slices) -> None:
        for entry in chain.from_iterable(slices):
            if entry.facts.customer_id != PARTITION_CUSTOMER:
                place = (entry.source_partition, entry.partition_seq)
                cursor.execute(
                    "INSERT INTO seen VALUES (%s, %s, %s, 1) ON CONFLICT (customer_id) DO UPDATE"
                    " SET partition_seq = excluded.partition_seq, entries = seen.entries + 1",
                    [entry.facts.customer_id, *place],
                )


class Record(NamedTuple):
    """A record of the topic."""

    partition: int
    customer: str
    seq: int
    entries: int
    appended_ms: int


@pytest.fixture
def settings(settings: Settings) -> Settings:
    small = settings.model_copy(update={"partitions": 2, "projector_batch": 7})
    create_topics(small)
    return small


@pytest.fixture
def projection(tmp_path: Path) -> SeenProjection:
    (tmp_path / "seen-0001.sql").write_text(_TABLE)
    return SeenProjection(tmp_path)


def projector(settings: Settings, projection: SeenProjection) -> Projector:
    return assemble(settings, "seen_projector", projection)


def published(settings: Settings) -> dict[int, int]:
    """The last entry published, by partition."""
    return dict(_positions(settings, "published"))


def _positions(settings: Settings, column: str) -> list[tuple[int, int]]:
    schema = settings.database_schema("seen")
    with connect(settings, application="test", schema=schema) as connection:
        rows = connection.execute(f"SELECT partition, {column} FROM position".encode()).fetchall()
    return [(row[0], row[1]) for row in rows]


def records(settings: Settings) -> list[Record]:
    """Everything in the topic, in the order of each partition."""
    client = consumer(settings, group=settings.group("test"))
    places = [TopicPartition(settings.topic(TOPIC), partition, 0) for partition in range(2)]
    ends = {place.partition: client.get_watermark_offsets(place)[1] for place in places}
    client.assign(places)
    found: list[Message] = []
    while len(found) < sum(ends.values()):
        found += client.consume(100, 1)
    client.close()
    return [_record(each) for each in found]


def _record(message: Message) -> Record:
    key, value, partition = message.key(), message.value(), message.partition()
    assert isinstance(key, bytes)
    assert isinstance(value, bytes)
    assert partition is not None
    seq, entries = value.decode().split()
    return Record(partition, key.decode(), int(seq), int(entries), message.timestamp()[1])


def test_rows_are_published_as_they_end_to_the_partition_of_the_same_number(
    settings: Settings, producer: Producer, projection: SeenProjection
) -> None:
    ledgers = [SealedLedger(settings, 0), SealedLedger(settings, 1)]
    for ledger, customer in zip(ledgers, ("acme", "zenith"), strict=True):
        ledger.live([customer], 25)
        publish(settings, producer, ledger)
    expected = {ledger.ledger.partition: len(ledger.entries) for ledger in ledgers}
    with running(projector(settings, projection)):
        await_true(lambda: published(settings) == expected, "all is published")
    last = {(each.partition, each.customer): each for each in records(settings)}
    assert set(last) == {(0, "acme"), (1, "zenith")}
    for (partition, _), record in last.items():
        entries = len(ledgers[partition].entries)
        assert (record.seq, record.entries) == (entries, entries - 1)


def test_a_key_is_published_once_an_interval_at_most(
    settings: Settings, producer: Producer, projection: SeenProjection
) -> None:
    often = settings.model_copy(update={"publish_interval_s": 0.5})
    ledger = SealedLedger(settings, 0)
    with running(projector(often, projection)):
        ledger.live(["acme"], 60)
        entries, values = ledger.entries[:], ledger.values[:]
        for start in range(0, len(entries), 4):
            ledger.entries[:], ledger.values[:] = entries[: start + 4], values[: start + 4]
            publish(settings, producer, ledger, start)
            time.sleep(0.1)
        await_true(lambda: published(settings).get(0) == len(ledger.entries), "all is published")
    found = [each for each in records(settings) if each.customer == "acme"]
    versions = [each.seq for each in found]
    assert versions == sorted(set(versions))
    assert len(found) > 1
    # A publication leaves a few milliseconds sooner or later than the one before it did.
    assert all(b.appended_ms - a.appended_ms > 400 for a, b in pairwise(found))


def test_a_restart_publishes_what_is_missing_and_duplicates_say_so(
    settings: Settings, producer: Producer, projection: SeenProjection
) -> None:
    ledger = SealedLedger(settings, 0)
    ledger.live(["acme", "zenith"], 10)
    half = len(ledger.entries)
    publish(settings, producer, ledger)
    with running(projector(settings, projection)):
        await_true(lambda: published(settings).get(0) == half, "the first half is published")
    # As if the acknowledgement had come, and the process had ended before it noted so.
    schema = settings.database_schema("seen")
    with connect(settings, application="test", schema=schema) as connection:
        connection.execute("UPDATE position SET published = 3 WHERE partition = 0")
    ledger.live(["later"], 10)
    publish(settings, producer, ledger, half)
    with running(projector(settings, projection)):
        await_true(lambda: published(settings).get(0) == len(ledger.entries), "the rest is too")
    contents = defaultdict(set)
    for each in records(settings):
        contents[each.customer, each.seq].add(each.entries)
    assert {customer for customer, _ in contents} == {"acme", "zenith", "later"}
    assert all(len(each) == 1 for each in contents.values())
    twice = [each for each in records(settings) if each.customer == "acme" and each.seq <= half]
    assert len(twice) > len({each.seq for each in twice})


def test_a_topic_that_is_gone_holds_up_no_projecting_and_is_published_to_when_it_is_back(
    settings: Settings, producer: Producer, projection: SeenProjection
) -> None:
    ledger = SealedLedger(settings, 0)
    ledger.live(["acme"], 10)
    half = len(ledger.entries)
    made = projector(settings, projection)
    _delete(settings)
    with running(made):
        publish(settings, producer, ledger)
        await_true(lambda: dict(_positions(settings, "partition_seq")).get(0) == half, "projected")
        ledger.live(["later"], 10)
        publish(settings, producer, ledger, half)
        seq = len(ledger.entries)
        await_true(lambda: dict(_positions(settings, "partition_seq"))[0] == seq, "projected")
        assert published(settings)[0] == 0
        create_topics(settings)
        await_true(lambda: published(settings)[0] == seq, "published")
    assert {each.customer for each in records(settings)} == {"acme", "later"}


def test_a_topic_that_is_missing_or_doesn_t_fit_is_refused(
    settings: Settings, projection: SeenProjection
) -> None:
    client, name = admin(settings), settings.topic(TOPIC)
    _delete(settings)
    with pytest.raises(InvalidSetting, match=f"{name} doesn't exist: run `drawdown topics"):
        assemble(settings, "seen_projector", projection)
    [created] = client.create_topics([NewTopic(name, 3, 1)]).values()
    created.result(WITHIN_S)
    await_true(lambda: name in client.list_topics(timeout=10).topics, "it is there")
    with pytest.raises(InvalidSetting, match="has 3 partitions and the ledger 2"):
        assemble(settings, "seen_projector", projection)


def _delete(settings: Settings) -> None:
    client, name = admin(settings), settings.topic(TOPIC)
    [deleted] = client.delete_topics([name]).values()
    deleted.result(WITHIN_S)
    await_true(lambda: name not in client.list_topics(timeout=10).topics, "it is gone")
