"""The embedded broker and database: up, down, up again, from one data folder."""

import os
import signal
import uuid
from pathlib import Path

import psycopg
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from drawdown.local import processes, stack

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

TOPIC = "kept"


def produce(bootstrap_servers: str, value: bytes) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap_servers})
    admin.create_topics([NewTopic(TOPIC, 1)])[TOPIC].result(30)
    producer = Producer(
        {"bootstrap.servers": bootstrap_servers, "transactional.id": "test", "acks": "all"}
    )
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(TOPIC, value)
    producer.commit_transaction(30)


def consume(bootstrap_servers: str) -> bytes | None:
    options = {"bootstrap.servers": bootstrap_servers, "group.id": str(uuid.uuid4())}
    consumer = Consumer({**options, "auto.offset.reset": "earliest"})
    try:
        consumer.assign([TopicPartition(TOPIC, 0, 0)])
        message = consumer.poll(30)
        return None if message is None else message.value()
    finally:
        consumer.close()


def test_data_survive_down_and_up_and_a_kill(tmp_path: Path) -> None:
    first = stack.up(tmp_path)
    try:
        assert stack.up(tmp_path) == first, "a second up is harmless"
        assert stack.status(tmp_path) == first
        produce(first.kafka_bootstrap_servers, b"a record")
        with psycopg.connect(first.database_url) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS number")

        assert {each.name for each in stack.down(tmp_path)} == {"broker", "database"}
        assert not any(processes.is_running(each) for each in first.services)
        assert stack.status(tmp_path).services == ()

        second = stack.up(tmp_path)
        assert {each.pid for each in second.services}.isdisjoint(e.pid for e in first.services)
        for service in second.services:
            os.kill(service.pid, signal.SIGKILL)

        third = stack.up(tmp_path)
        assert consume(third.kafka_bootstrap_servers) == b"a record"
        with psycopg.connect(third.database_url) as connection:
            assert connection.execute("SELECT number FROM kept").fetchall() == [(7,)]
    finally:
        stack.down(tmp_path)


def test_the_session_services_answer(broker: str, database: str) -> None:
    assert AdminClient({"bootstrap.servers": broker}).list_topics(timeout=30).brokers
    with psycopg.connect(database) as connection:
        version = connection.execute("SHOW server_version_num").fetchone()
        assert version is not None
        assert int(version[0]) >= 180_000
