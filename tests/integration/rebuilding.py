"""Rebuilds of the balance projection, and one that is killed where it is told to be.

`python -m tests.integration.rebuilding DOING SCHEMA [processes]` rebuilds by the environment's
settings, beginning with the rows of a schema if one is named, and kills itself, as `kill -9`
does, when it begins to do that.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import NamedTuple

from confluent_kafka import Producer
from tests.integration.projecting import WITHIN_S, await_true, balance_projector, rows, running
from tests.integration.test_balance_projector import differences
from tests.integration.told import ToldLedger, publish_told
from tests.plugins.sealed_ledger import SealedLedger, publish

from drawdown.adapters.kafka.topics import create_topics
from drawdown.adapters.postgres.connections import connect, translated
from drawdown.cli.projections import PROJECTIONS, Known, known
from drawdown.projection.rebuild import Options, Outcome, rebuild
from drawdown.projection.rebuild.rebuilding import Tell
from drawdown.projection.service import assemble
from drawdown.settings import Settings, current

OPTIONS = Options(workers=2, late_indexes=known("balance").late_indexes)


def small(settings: Settings) -> Settings:
    """Two partitions, and batches so small that one ledger takes many; the topics made."""
    changes = {"partitions": 2, "projector_batch": 20, "rebuild_batch": 30}
    chosen = settings.model_copy(update=changes)
    create_topics(chosen)
    return chosen


def published(settings: Settings, producer: Producer) -> tuple[SealedLedger, SealedLedger]:
    """Two partitions' ledgers, in the topic."""
    one, other = SealedLedger(settings, 0), SealedLedger(settings, 1)
    one.live(["acme", "ümlaut", "c"], 40)
    other.live(["zenith"], 40)
    publish(settings, producer, one)
    publish(settings, producer, other)
    return one, other


def projected(settings: Settings, *ledgers: SealedLedger) -> None:
    """Project what there is, and stop."""
    with running(balance_projector(settings)):
        for each in ledgers:
            assert differences(settings, each) == []


def change(settings: Settings, statement: str, schema: str = "balance") -> None:
    """Do something to the rows of a projection; without one, to whatever the statement names."""
    name = settings.database_schema(schema) if schema else ""
    with connect(settings, application="test", schema=name) as connection:
        connection.execute(statement.encode())


class Told(NamedTuple):
    """A projection of a ledger with every kind of entry, its projector at work."""

    entries: int
    known: Known
    schema: str
    stands: str
    """Asks how far its rows are."""


@contextmanager
def told_and_projected(settings: Settings, producer: Producer, name: str) -> Iterator[Told]:
    """Publish such a ledger, and let one projection's projector run, once all is projected."""
    ledger = ToldLedger(settings, "every_kind_of_entry")
    publish_told(settings, producer, ledger)
    chosen, schema = PROJECTIONS[name], settings.database_schema(name)
    stands = f"SELECT partition_seq FROM {schema}.position WHERE partition_seq > 0"
    told = Told(len(ledger.entries), chosen, schema, stands)
    with running(assemble(settings, f"{name}_projector", chosen.build(settings))):
        await_true(lambda: rows(settings, stands) == [(told.entries,)], "all is projected")
        yield told


class Load(threading.Thread):
    """Entries that are appended to partition 0 as long as it runs."""

    def __init__(self, settings: Settings, producer: Producer, ledger: SealedLedger) -> None:
        super().__init__(name="load")
        self._settings, self._producer, self._ledger = settings, producer, ledger
        self._stopping = threading.Event()

    def run(self) -> None:
        number = 0
        while not self._stopping.wait(0.02):
            written, number = len(self._ledger.entries), number + 1
            self._ledger.live([f"later-{number}"], 2)
            publish(self._settings, self._producer, self._ledger, written)

    def stop(self) -> None:
        self._stopping.set()
        self.join(WITHIN_S)


@contextmanager
def load(settings: Settings, producer: Producer, ledger: SealedLedger) -> Iterator[None]:
    """Append to a ledger meanwhile."""
    appending = Load(settings, producer, ledger)
    appending.start()
    try:
        yield
    finally:
        appending.stop()


def silent(doing: str, done: int, total: int) -> None:
    """Nobody is told."""


def rebuilt(settings: Settings, options: Options = OPTIONS, tell: Tell = silent) -> Outcome:
    """Rebuild the balance projection as the command line does."""
    return rebuild(settings, known("balance").build, options, tell)


def killed_at(
    settings: Settings, doing: str, *, processes: bool = False, begin_with: str = ""
) -> str:
    """A rebuild in a process of its own that is killed as soon as it does this; what it did."""
    environment = {
        **os.environ,
        "DRAWDOWN_NAMESPACE": settings.namespace,
        "DRAWDOWN_REBUILD_BATCH": "9",
        "DRAWDOWN_PROJECTOR_BATCH_KIB": "4",
        "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "DATABASE_URL": settings.database_url,
    }
    command = [sys.executable, "-m", "tests.integration.rebuilding", doing, begin_with]
    command += ["processes"] * processes
    ended = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == -signal.SIGKILL, ended.stdout + ended.stderr
    return ended.stdout


def schemas_like(settings: Settings) -> list[str]:
    """The database schemas of the balance projection: the live one and what stands beside it."""
    pattern = settings.database_schema("balance") + "%"
    with translated(), connect(settings, application="test") as connection:
        found = connection.execute(
            "SELECT nspname FROM pg_namespace WHERE nspname LIKE %s ORDER BY 1", [pattern]
        )
        return [str(row[0]) for row in found]


def _die_at(wanted: str) -> Tell:
    told = 0

    def tell(doing: str, done: int, total: int) -> None:
        nonlocal told
        print(doing, done, total, flush=True)
        told += doing == wanted
        # Of loading, not the first transaction: some of it is done then.
        if told == (3 if wanted == "loading" else 1):
            os.kill(os.getpid(), signal.SIGKILL)

    return tell


if __name__ == "__main__":
    chosen = replace(OPTIONS, begin_with=sys.argv[2])
    if "processes" in sys.argv:
        chosen = replace(chosen, processes_from=0)
    rebuilt(current(), chosen, _die_at(sys.argv[1]))
