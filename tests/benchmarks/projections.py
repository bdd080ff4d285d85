"""Projectors beside the bare statements that their rows need: how much is spent on making them.

The bare side gets the SQL that the projection sends, recorded batch by batch from a run of it, with
every argument ready: the same tables, indexes, rows and transactions, and nothing to read, decode
or work out.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, Final, cast

import psycopg
from psycopg import sql

from drawdown.adapters.kafka.ledger_log import read_entries
from drawdown.adapters.kafka.partition_log import PartitionLog
from drawdown.adapters.kafka.topics import ledger_partitions
from drawdown.adapters.postgres.connections import Cursor, connect
from drawdown.adapters.postgres.migrations import migrate
from drawdown.adapters.postgres.store import Slices
from drawdown.cli.projections import known
from drawdown.projection.projection import Projection
from drawdown.projection.service import assemble
from drawdown.settings import Settings
from tests.benchmarks.chains import EVENTS, Bench, ledgers, through
from tests.benchmarks.load import usage
from tests.benchmarks.processes import environment, running, timed

_RECORDED_WITHIN_S = 900.0
_AMONG_THE_LAST: Final = 1_000
"""So many offsets before a partition's end there is an entry."""
_MAXRSS_MIB: Final = 1_024 * 1_024 if sys.platform == "darwin" else 1_024
"""What the most memory of a process is told in."""
_LAUNCH: Final = """
import resource, subprocess, sys
ended = subprocess.run([sys.executable, *sys.argv[1:]])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(ended.returncode)
"""
"""A process starts with the memory of the one that it was started by: with that of a small one."""
_SESSION: Final = """
SET synchronous_commit TO off;
SET plan_cache_mode TO force_custom_plan
"""
"""As a projection's store has them."""
_BEGIN: Final = """
INSERT INTO position (partition, partition_seq, next_offset, recorded_at, epoch)
VALUES (%s, 0, 0, 0, 1)
"""
_ADVANCE: Final = "UPDATE position SET partition_seq = partition_seq + %s WHERE partition = %s"


@dataclass(frozen=True, slots=True)
class Measured:
    """A projection as its process runs it."""

    name: str

    def build(self, settings: Settings) -> Projection:
        """The same here."""
        return known(self.name).build(settings)

    @property
    def service(self) -> str:
        """The process that runs it."""
        return f"{self.name}_projector"

    @property
    def module(self) -> str:
        """Of that process."""
        return f"drawdown.{self.service}"


BALANCE: Final = Measured("balance")
REVENUE: Final = Measured("revenue")


@dataclass(slots=True)
class Batch:
    """What one transaction of a projection sends: statements with their arguments, and lines."""

    partition: int
    entries: int
    sent: list[tuple[str, Sequence[Any] | None]] = field(default_factory=list)
    """A query and its arguments, or the beginning of a COPY and its one argument, bytes."""

    def play(self, cursor: Cursor) -> None:
        """Send it again."""
        for query, arguments in self.sent:
            if arguments is not None and isinstance(arguments, bytes):
                with cursor.copy(query.encode()) as copy:
                    copy.write(arguments)
            else:
                cursor.execute(query.encode(), arguments)
        cursor.execute(_ADVANCE, (self.entries, self.partition))


class ReadModels:
    """One ledger, projected again and again; it stays from one measurement to the next."""

    def __init__(self, bench: Bench, events: int = EVENTS) -> None:
        self._bench: Final = bench
        self._events: Final = events
        self._open: Final = ExitStack()
        self._ledger: Settings | None = None
        self._entries = 0
        """As many as stand in the ledger: its processor is stopped when the last of them are seen,
        among which a few markers of transactions were counted, too."""
        self._recorded: Final[dict[str, list[Batch]]] = {}
        self.rebuild_loading = 0.0
        """Of the last rebuild: the entries a second while it loaded."""
        self.rebuild_peak_mib = 0.0
        """Of the last rebuild: the most memory that one of its processes had, in MiB."""

    def close(self) -> None:
        """Delete its topics and state."""
        self._open.close()

    def live(self, of: Measured) -> float:
        """Entries a second that the projector's process writes while it catches up."""
        settings = self._settings()
        with _schema(settings, settings.database_schema(of.name)) as connection:
            return self._caught_up(of, settings, connection)

    def rebuilt(self, of: Measured) -> float:
        """Entries a second of `drawdown rebuild`, from its start to the swap, all of it: loading,
        indexes and the comparison with live rows that the projector has written before."""
        settings = self._settings()
        with _schema(settings, settings.database_schema(of.name)) as connection:
            self._caught_up(of, settings, connection)
            began_at = time.perf_counter()
            said, self.rebuild_peak_mib = _rebuild(settings, self._bench.log("rebuild"), of.name)
            seconds = time.perf_counter() - began_at
        self.rebuild_loading = said["entries_per_second"]
        return self._entries / seconds

    def command_peak(self) -> float:
        """The most memory, in MiB, that the same command has when it has nothing to do."""
        log = self._bench.log("rebuild")
        return _rebuild(self._settings(), log, BALANCE.name, "--status")[1]

    def _caught_up(self, of: Measured, settings: Settings, connection: psycopg.Connection) -> float:
        """Entries a second of the projector's process, from its first transaction to its last."""
        schema = settings.database_schema(of.name)
        with running(settings, of.module, self._bench.log(of.service)):
            return timed(lambda: projected(connection, schema), self._entries).rate

    def bare(self, of: Measured) -> float:
        """Entries a second that the bare statements write."""
        settings = self._settings()
        if of.name not in self._recorded:
            self._recorded[of.name] = self._record(of)
        batches, schema = self._recorded[of.name], settings.database_schema(of.name)
        with _schema(settings, schema):
            migrate(settings, schema, of.build(settings).migrations)
            return sum(each.entries for each in batches) / played(settings, schema, batches)

    def _record(self, of: Measured) -> list[Batch]:
        """Have the projection write all of the ledger once, and keep what it sends."""
        settings = self._settings()
        recorder = Recorder(of.build(settings))
        total, deadline = self._entries, time.monotonic() + _RECORDED_WITHIN_S
        with _schema(settings, settings.database_schema(of.name)):
            projector = assemble(settings, f"{of.service}_recorder", recorder)
            projector.join()
            try:
                while recorder.entries < total:
                    projector.turn()
                    assert not projector.halted, projector.halted
                    assert time.monotonic() < deadline, f"{recorder.entries} of {total} recorded"
            finally:
                projector.close()
        return recorder.batches

    def _settings(self) -> Settings:
        if self._ledger is None:
            settings = self._open.enter_context(self._bench.namespace())
            with ledgers(self._bench, settings):
                through(settings, usage(self._events), self._events)
            numbers = range(ledger_partitions(settings))
            self._entries = sum(last_seq(settings, number) for number in numbers)
            self._ledger = settings
        return self._ledger


def played(settings: Settings, schema: str, batches: Sequence[Batch]) -> float:
    """Seconds that it takes to send the batches, each in a transaction of its own."""
    with connect(settings, application="bench", schema=schema) as connection:
        connection.execute(_SESSION)
        for partition in sorted({each.partition for each in batches}):
            connection.execute(_BEGIN, [partition])
        connection.commit()
        began_at = time.perf_counter()
        for each in batches:
            with connection.transaction(), connection.cursor() as cursor:
                each.play(cursor)
        return time.perf_counter() - began_at


def last_seq(settings: Settings, partition: int) -> int:
    """The `partition_seq` of a partition's last entry."""
    with PartitionLog(settings, settings.topic("ledger-entries"), partition) as log:
        end = log.end
    seq = 0
    for _, entry in read_entries(settings, partition, start=end - _AMONG_THE_LAST):
        seq = entry.partition_seq
    assert seq, f"partition {partition} has no entry"
    return seq


def projected(connection: psycopg.Connection, schema: str) -> int:
    """How many entries the read model shows; none before its tables are there."""
    found = connection.execute("SELECT to_regclass(%s)", [f"{schema}.position"]).fetchone()
    if found is None or found[0] is None:
        return 0
    table = sql.Identifier(schema, "position")
    query = sql.SQL("SELECT coalesce(sum(partition_seq), 0)::bigint FROM {}").format(table)
    row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])


def _rebuild(settings: Settings, log: Path, *arguments: str) -> tuple[dict[str, Any], float]:
    """What `drawdown rebuild` says, and the most memory that the largest of its processes had, in
    MiB."""
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-c", _LAUNCH, "-m", "drawdown.cli", "rebuild", "--json", *arguments]
    with log.open("ab") as output:
        launched = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=output,
            env={**os.environ, **environment(settings)},
            check=False,
        )
    assert launched.returncode == 0, f"the rebuild ended with {launched.returncode}; see {log}"
    *said, peak = launched.stdout.splitlines()
    return json.loads(b"\n".join(said)), int(peak) / _MAXRSS_MIB


@contextmanager
def _schema(settings: Settings, schema: str) -> Iterator[psycopg.Connection]:
    """A database without this schema, before and afterwards."""
    drop = sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(schema))
    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        connection.execute(drop)
        try:
            yield connection
        finally:
            connection.execute(drop)


class Recorder:
    """A projection that keeps what another one sends."""

    publication: Final = None

    def __init__(self, projection: Projection) -> None:
        self._projection: Final = projection
        self.name: Final = projection.name
        self.migrations: Final = projection.migrations
        self.batches: Final[list[Batch]] = []
        self.entries = 0

    def write(self, cursor: Cursor, slices: Slices) -> None:
        """Let it write, and note what it sends."""
        entries = list(chain.from_iterable(slices))
        batch = Batch(entries[0].source_partition, len(entries))
        self._projection.write(cast(Cursor, _NotingCursor(cursor, batch)), [entries])
        self.batches.append(batch)
        self.entries += len(entries)


class _NotingCursor:
    """A cursor that notes what goes through it. What is only read isn't part of the bare side."""

    def __init__(self, cursor: Cursor, batch: Batch) -> None:
        self._cursor = cursor
        self._batch = batch

    def __getattr__(self, name: str) -> Any:
        assert name not in ("executemany", "stream", "scroll"), f"{name} isn't noted yet"
        return getattr(self._cursor, name)

    def execute(self, query: Any, arguments: Sequence[Any] | None = None) -> Cursor:
        """Note a statement that writes."""
        text = query.decode() if isinstance(query, bytes) else str(query)
        if not text.lstrip().upper().startswith("SELECT"):
            self._batch.sent.append((text, arguments))
        return self._cursor.execute(query, arguments)

    @contextmanager
    def copy(self, query: Any) -> Iterator["_NotingCopy"]:
        """Note a COPY, all of it as one piece."""
        with self._cursor.copy(query) as copy:
            noting = _NotingCopy(copy)
            yield noting
        text = query.decode() if isinstance(query, bytes) else str(query)
        self._batch.sent.append((text, b"".join(noting.pieces)))


class _NotingCopy:
    def __init__(self, copy: Any) -> None:
        self._copy = copy
        self.pieces: list[bytes] = []

    def write(self, piece: str | bytes) -> None:
        self.pieces.append(piece.encode() if isinstance(piece, str) else piece)
        self._copy.write(piece)
