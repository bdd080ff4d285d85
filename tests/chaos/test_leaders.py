"""Partitions whose leader is killed, on three brokers."""

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from drawdown.adapters.kafka.stable_offsets import StableOffsets
from drawdown.settings import load
from tests.chaos.cluster import Cluster

pytestmark = [pytest.mark.integration, pytest.mark.long]
TOPIC = "led"
PARTITIONS = range(6)
WITHIN_S = 60.0


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """Three brokers, each of which leads two partitions of the topic."""
    made = Cluster(tmp_path, 3, lambda port: port)
    try:
        made.start()
        made.await_in_sync()
        client = AdminClient({"bootstrap.servers": made.direct})
        client.create_topics([NewTopic(TOPIC, len(PARTITIONS), 3)])[TOPIC].result()
        made.await_in_sync()
        yield made
    finally:
        made.close()


def all_answer(offsets: StableOffsets) -> bool:
    """Whether each partition's end is told, which can't be anything but 0."""
    answers = []
    for number in PARTITIONS:
        with suppress(KafkaException):
            answers += offsets.last_stable([TOPIC], number, 2.0)
    assert set(answers) <= {0}
    return len(answers) == len(PARTITIONS)


def test_ends_are_asked_of_the_new_leader(cluster: Cluster) -> None:
    offsets = StableOffsets(load(kafka_bootstrap_servers=cluster.direct))
    deadline = time.monotonic() + WITHIN_S
    while not all_answer(offsets):
        assert time.monotonic() < deadline
    killed = cluster.nodes[0]
    killed.kill()
    while not all_answer(offsets):
        assert time.monotonic() < deadline
    killed.start()
    killed.await_ready()
    # A fenced leader's epoch was all that the client got, once the broker answered again.
    assert all_answer(offsets)
