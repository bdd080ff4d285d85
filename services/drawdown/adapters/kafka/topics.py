"""Topics: created from `schemas/topics`, and checked to be what the ledger relies on."""

import time
from typing import Final

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import KafkaError, NewTopic

from drawdown.adapters.kafka.clients import admin
from drawdown.adapters.topics import Topic, load_topics
from drawdown.errors import InvalidSetting, Unavailable
from drawdown.settings import Settings

TIMEOUT_S: Final = 30.0
CO_PARTITIONED: Final = (
    "usage-events",
    "ledger-commands",
    "ledger-entries",
    "ledger-replies",
    "dead-letters",
)
"""What enters partition p of the first two leaves in partition p of the others."""


def create_topics(settings: Settings) -> list[str]:
    """Create the namespace's topics that don't exist; the full names of the new ones.

    Raises `Unavailable` if the broker doesn't answer, `InvalidSetting` if it refuses one.
    """
    client = admin(settings)
    existing = _partition_counts(client)
    missing = [t for t in load_topics().values() if settings.topic(t.name) not in existing]
    if not missing:
        return []
    futures = client.create_topics([_new(settings, topic) for topic in missing])
    created = [name for name, future in futures.items() if _created(name, future.result)]
    _await_known(client, set(futures))
    return created


def _await_known(client: AdminClient, names: set[str]) -> None:
    """The controller answers before the broker's metadata has the topics; wait for it."""
    deadline = time.monotonic() + TIMEOUT_S
    while missing := names - _partition_counts(client).keys():
        if time.monotonic() > deadline:
            raise Unavailable(f"created, but not known to the broker yet: {sorted(missing)}")
        time.sleep(0.05)


def existing_topics(settings: Settings) -> frozenset[str]:
    """The full names of the topics that exist, the namespace's and others. Raises `Unavailable`."""
    return frozenset(_partition_counts(admin(settings)))


def partition_count(settings: Settings, name: str) -> int:
    """How many partitions a topic has. Raises `InvalidSetting` if it doesn't exist."""
    full_name = settings.topic(name)
    counts = _partition_counts(admin(settings))
    if full_name not in counts:
        raise InvalidSetting(f"topic {full_name} doesn't exist: run `drawdown topics --create`")
    return counts[full_name]


def ledger_partitions(settings: Settings) -> int:
    """The number of partitions that the ledger's topics share. Raises `InvalidSetting`."""
    counts = _partition_counts(admin(settings))
    found = {name: counts.get(settings.topic(name), 0) for name in CO_PARTITIONED}
    if 0 in found.values():
        missing = ", ".join(settings.topic(name) for name, count in found.items() if not count)
        raise InvalidSetting(f"missing topics: {missing}: run `drawdown topics --create`")
    if len(set(found.values())) > 1:
        raise InvalidSetting(f"the ledger's topics must have equally many partitions: {found}")
    return next(iter(found.values()))


def _partition_counts(client: AdminClient) -> dict[str, int]:
    try:
        listed = client.list_topics(timeout=TIMEOUT_S)
    except KafkaException as error:
        raise Unavailable(f"the broker doesn't answer: {error.args[0].str()}") from error
    return {name: len(topic.partitions) for name, topic in listed.topics.items()}


def _new(settings: Settings, topic: Topic) -> NewTopic:
    return NewTopic(
        settings.topic(topic.name),
        num_partitions=settings.partitions or topic.partitions,
        replication_factor=settings.replication_factor or -1,
        config={name: str(value) for name, value in topic.config.items()},
    )


def _created(name: str, result: object) -> bool:
    try:
        assert callable(result)
        result(timeout=TIMEOUT_S)
    except KafkaException as error:
        if error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS:
            return False
        raise InvalidSetting(f"topic {name} can't be created: {error.args[0].str()}") from error
    return True
