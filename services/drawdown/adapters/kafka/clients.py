"""Kafka clients, configured in one place.

Each choice that differs from librdkafka's default carries its reason. `retry.backoff.ms` matters
most: right after a commit the next transaction meets CONCURRENT_TRANSACTIONS, and librdkafka
would sleep its default 100 ms.
"""

from typing import Final

from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient

from drawdown.errors import InvalidSetting
from drawdown.settings import Settings

RECORD_BYTES_MAX: Final = 8 * 1024 * 1024
"""A rate card with thousands of lines is one record; `schemas/topics` allows the same."""

SESSION_TIMEOUT_MS: Final = 10_000
"""So long after its last heartbeat a process counts as dead, and its partitions move."""
HEARTBEAT_MS: Final = 1_000
"""With its heartbeat a process hears that others came or went: so long a rebalance waits for it,
twice over where a partition moves."""
POLL_INTERVAL_MAX_MS: Final = 60_000
"""Longer than any turn of a loop, and no longer: a rebalance waits as long for members that the
group still knows and that are gone, as they are where broker and clients lost each other."""

_PRODUCER: Final[dict[str, object]] = {
    "partitioner": "murmur2_random",
    "enable.idempotence": True,
    "retry.backoff.ms": 5,
    "retry.backoff.max.ms": 1_000,
    "message.max.bytes": RECORD_BYTES_MAX,
    # One request a partition holds what a turn of the loop produces.
    "batch.num.messages": 20_000,
    "batch.size": 1_000_000,
}
_CONSUMER: Final[dict[str, object]] = {
    "isolation.level": "read_committed",
    "enable.auto.commit": False,
    "enable.partition.eof": False,
    "auto.offset.reset": "earliest",
    "fetch.error.backoff.ms": 20,
    # When its queue is full librdkafka would wait a whole second before it fetches again.
    "fetch.queue.backoff.ms": 5,
    "message.max.bytes": RECORD_BYTES_MAX,
}


def _producing(settings: Settings) -> dict[str, object]:
    """What every producer is told. When its queue is full it takes no more, and who sends waits."""
    return {
        **_base(settings),
        **_PRODUCER,
        "queue.buffering.max.messages": settings.producer_queue_records,
        "queue.buffering.max.kbytes": settings.producer_queue_kib,
    }


def _consuming(settings: Settings) -> dict[str, object]:
    """What every consumer is told. When its queue is full it fetches no more."""
    return {
        **_base(settings),
        **_CONSUMER,
        "queued.min.messages": settings.consumer_queue_records,
        "queued.max.messages.kbytes": settings.consumer_queue_kib,
        "fetch.max.bytes": settings.fetch_kib * 1_024,
        "fetch.message.max.bytes": settings.fetch_partition_kib * 1_024,
    }


def consumer(settings: Settings, *, group: str, **options: object) -> Consumer:
    """A committed-only consumer in a group. Options are librdkafka's, dots as underscores."""
    return Consumer({**_consuming(settings), "group.id": group, **_dotted(options)})


def member(settings: Settings, *, group: str, **options: object) -> Consumer:
    """A committed-only consumer that shares its topic with the others of its group.

    Partitions come and go one by one, under either protocol: assign them incrementally.
    """
    return consumer(settings, group=group, **_membership(settings), **options)


def _membership(settings: Settings) -> dict[str, object]:
    """How a process belongs to its group.

    With the protocol `consumer` the broker knows the session timeout and the assignor, and the
    client refuses to be told them.
    """
    chosen: dict[str, object] = {
        "group_protocol": settings.kafka_group_protocol,
        "max_poll_interval_ms": POLL_INTERVAL_MAX_MS,
    }
    if settings.kafka_group_protocol == "classic":
        chosen["partition_assignment_strategy"] = "cooperative-sticky"
        chosen["session_timeout_ms"] = SESSION_TIMEOUT_MS
        chosen["heartbeat_interval_ms"] = HEARTBEAT_MS
    if settings.kafka_group_instance_id:
        chosen["group_instance_id"] = settings.kafka_group_instance_id
    return chosen


def reader(settings: Settings, **options: object) -> Consumer:
    """A committed-only consumer that is assigned by hand and commits nothing."""
    return consumer(settings, group=settings.group("readers"), **options)


def producer(settings: Settings, **options: object) -> Producer:
    """An idempotent producer that puts each customer where the ledger expects it."""
    return Producer({**_producing(settings), "linger.ms": 5, **_dotted(options)})


def transactional_producer(settings: Settings, transactional_id: str) -> Producer:
    """A producer whose `init_transactions` fences every earlier one of the same id."""
    return Producer(
        {
            **_producing(settings),
            "transactional.id": transactional_id,
            "transaction.timeout.ms": settings.transaction_timeout_ms,
            # A turn's records are complete when they are produced: waiting gathers nothing.
            "linger.ms": 0.5,
        }
    )


def admin(settings: Settings) -> AdminClient:
    """The administrative client."""
    return AdminClient(_base(settings))


def _base(settings: Settings) -> dict[str, str | int | float | bool]:
    if not settings.kafka_bootstrap_servers:
        raise InvalidSetting(
            "no broker: set KAFKA_BOOTSTRAP_SERVERS, or start the embedded one with `drawdown up`"
        )
    return {
        "bootstrap.servers": settings.kafka_bootstrap_servers,
        "log.connection.close": False,
        # A broker that is back should be found within a second, not within librdkafka's ten.
        "reconnect.backoff.max.ms": 1_000,
        **settings.kafka_security(),
    }


def _dotted(options: dict[str, object]) -> dict[str, object]:
    return {name.replace("_", "."): value for name, value in options.items()}
