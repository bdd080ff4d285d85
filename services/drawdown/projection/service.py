"""A projector as a process: built from settings, run until it is told to stop.

It runs several loops where it is told to, each a member of the group with a connection of its own:
one partition's entries are read and put into form while the database stores another one's.
"""

import signal
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import NoReturn, Protocol

import structlog

from drawdown import compiled, logs, metrics
from drawdown.adapters.avro.wire import Wire
from drawdown.adapters.kafka.clients import member, producer
from drawdown.adapters.kafka.stable_offsets import StableOffsets
from drawdown.adapters.kafka.topics import partition_count
from drawdown.adapters.postgres.migrations import migrate
from drawdown.adapters.postgres.store import PostgresProjectionStore, publish_nothing
from drawdown.adapters.topics import LEDGER
from drawdown.backoff import Backoff
from drawdown.clock import SYSTEM
from drawdown.ending import run_to_its_end
from drawdown.errors import InvalidSetting, RetryableError
from drawdown.garbage import collect_rarely
from drawdown.local.discovery import resolved
from drawdown.projection.loop import Projector
from drawdown.projection.projection import Build, Projection
from drawdown.projection.publisher import Publisher, Unsent
from drawdown.settings import Settings, current

_DELIVERY_MS = 30_000
"""After so long without the broker's acknowledgement a record is given up and made anew."""
_STARTING_S = 60.0
"""How long broker and database may take to appear before the process gives up."""


def assemble(settings: Settings, service: str, projection: Projection) -> Projector:
    """The loop of one projection, its schema migrated.

    Raises `Unavailable` if the broker or the database doesn't answer, `InvalidSetting` if the
    ledger topic or the one it publishes to doesn't exist or doesn't fit.
    """
    _check_topics(settings, projection)
    schema = settings.database_schema(projection.name)
    for name in migrate(settings, schema, projection.migrations):
        structlog.get_logger().info("migrated", schema=schema, migration=name)
    publication = projection.publication
    store = PostgresProjectionStore(
        settings,
        schema=schema,
        application=service,
        writer=projection.write,
        reader=publish_nothing if publication is None else publication.records,
    )
    return Projector(
        consumer=member(
            settings,
            group=settings.group(service),
            enable_partition_eof=True,
            enable_auto_commit=True,
            enable_auto_offset_store=False,
            # A position that the topic doesn't have halts the partition.
            auto_offset_reset="error",
        ),
        topic=settings.topic(LEDGER),
        store=store,
        decode=Wire(settings).decode_entry,
        offsets=StableOffsets(settings),
        batch=settings.projector_batch,
        batch_bytes=settings.projector_batch_kib * 1_024,
        publisher=None if publication is None else publisher(settings, publication.topic, store),
    )


def publisher(settings: Settings, topic: str, store: Unsent) -> Publisher:
    """What publishes to a topic of `schemas/topics`."""
    return Publisher(
        store=store,
        # What can't be delivered is made of the rows again, as they stand then.
        connect=lambda: producer(settings, message_timeout_ms=_DELIVERY_MS),
        topic=settings.topic(topic),
        interval_s=settings.publish_interval_s,
        clock=SYSTEM,
    )


def _check_topics(settings: Settings, projection: Projection) -> None:
    partitions = partition_count(settings, LEDGER)
    if projection.publication is None:
        return
    name = projection.publication.topic
    found = partition_count(settings, name)
    if found != partitions:
        raise InvalidSetting(
            f"topic {settings.topic(name)} has {found} partitions and the ledger {partitions}; "
            "what a partition of the ledger changes is published to the partition of the same "
            "number: delete the topic, which is derived, and run `drawdown topics --create`"
        )


def main(service: str, build: Build) -> NoReturn:
    """Run a projector until SIGTERM or SIGINT. Exits with the code of the error that ended it."""

    def serve() -> None:
        settings = resolved(current())
        run(settings, service, build(settings))

    run_to_its_end(serve)


def run(settings: Settings, service: str, projection: Projection) -> None:
    """Run a projector until SIGTERM or SIGINT. Raises what `assemble` and the loops raise."""
    logs.configure(settings, service)
    port = metrics.serve(settings, metrics.registry(settings, service))
    metrics.RUNTIME.info({"runtime": compiled.runtime()})
    structlog.get_logger().info("started", runtime=compiled.runtime(), metrics_port=port)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    projectors = [
        _assembled(_member(settings, number), service, projection)
        for number in range(settings.projector_threads)
    ]
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: _stop(projectors))
    collect_rarely()
    run_together(projectors)
    structlog.get_logger().info("stopped")


class Loop(Protocol):
    """What runs until it is stopped; a `Projector`."""

    def run(self) -> None: ...
    def stop(self) -> None: ...


def run_together(loops: Sequence[Loop]) -> None:
    """Run loops side by side, each in a thread, until all have ended.

    When one raises, the others are stopped, and it is raised.
    """
    with ThreadPoolExecutor(len(loops), "projector") as threads:
        running = [threads.submit(each.run) for each in loops]
        wait(running, return_when=FIRST_EXCEPTION)
        _stop(loops)
    for each in running:
        each.result()


def _stop(loops: Iterable[Loop]) -> None:
    for each in loops:
        each.stop()


def _member(settings: Settings, number: int) -> Settings:
    """The settings of one of the loops. Each is a member of the group, under a name of its own."""
    name = settings.kafka_group_instance_id
    if not name or number == 0:
        return settings
    return settings.model_copy(update={"kafka_group_instance_id": f"{name}-{number}"})


def _assembled(settings: Settings, service: str, projection: Projection) -> Projector:
    """Wait for the broker and the database, which may start together with this process."""
    deadline, waiting = time.monotonic() + _STARTING_S, Backoff()
    while True:
        try:
            return assemble(settings, service, projection)
        except RetryableError as error:
            if time.monotonic() > deadline:
                raise
            structlog.get_logger().warning("waiting", reason=str(error))
            time.sleep(waiting.next_s())
