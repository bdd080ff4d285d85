"""How soon usage shows in Postgres, and what reading a balance costs meanwhile."""

import random
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Final

import psycopg
from psycopg import sql

from drawdown.adapters.kafka import clients
from drawdown.domain.numbers import SECOND_US
from drawdown.settings import Settings
from tests.benchmarks.chains import Bench, ledgers
from tests.benchmarks.grants import grant_everybody, granted
from tests.benchmarks.load import CUSTOMERS, GRANTED, Usage, customer, encoded
from tests.benchmarks.offered import RAMP_S
from tests.benchmarks.processes import Log, running, until
from tests.benchmarks.projections import BALANCE, projected
from tests.benchmarks.round_trips import OFFER, offering

PROBES: Final = 300
WARM_UP: Final = 10
_PROBING: Final = 16
"""Customers of whom nobody else's usage is, so that an entry more is the probe's."""
_PROBE_EVERY_S: Final = 0.05
_LOOK_EVERY_S: Final = 0.005
_ASK_EVERY_S: Final = 0.005
_READ_S: Final = 15.0
_READY_S: Final = 30.0
_TOO_MUCH: Final = 30_000
"""Usage events a second."""
_WATCHED_S: Final = 30.0
_SHOWN_S: Final = 60.0
_KEPT_UP_S: Final = 120.0
_SLACK_MS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Seen:
    """From a usage event's sending to its balance in Postgres, and of reads meanwhile; ms."""

    p50: float
    p99: float
    read_p99: float


class Sight:
    """Looks at a ledger and its balance projector at work."""

    def __init__(self, bench: Bench) -> None:
        self._bench: Final = bench
        self.last: Seen | None = None
        """What was seen in this round, by the subject that comes first."""

    def together(self) -> float:
        """Usage events a second that ledger processor and projector, both at work, let through
        when more than that comes in."""
        with self._bench.namespace() as settings, self._both(settings) as (connection, schema):
            grant_everybody(settings)
            _until_shown(connection, schema, granted(settings))
            usage = Log(settings, "usage-events")
            with running(settings, f"{OFFER} {_TOO_MUCH}", self._bench.log("offered")):
                ramp = _TOO_MUCH * RAMP_S / 2
                until(lambda: usage.end() > ramp, "the full rate to be offered")
                start, began_at = projected(connection, schema), time.perf_counter()
                time.sleep(_WATCHED_S)
                shown = projected(connection, schema) - start
                return shown / (time.perf_counter() - began_at)

    def visible(self, rate: float) -> float:
        """The 99th percentile from event to balance, in ms, while `rate` events a second flow."""
        with self._bench.namespace() as settings, self._both(settings) as (connection, schema):
            grant_everybody(settings, CUSTOMERS + _PROBING, GRANTED)
            _until_shown(connection, schema, granted(settings) + _PROBING * len(GRANTED))
            before = projected(connection, schema)
            usage_log = Log(settings, "usage-events")
            with offering(self._bench, settings, rate):
                # A broker that has just started compiles itself first.
                until(
                    lambda: usage_log.end() - (projected(connection, schema) - before) < rate / 2,
                    f"{rate:,.0f} events a second to be kept up with",
                    _KEPT_UP_S,
                )
                with _Reader(settings, schema) as reader:
                    delays = _probe(settings, connection, schema)
        every, reads = _percentiles(delays), _percentiles(reader.asked_ms)
        self.last = Seen(p50=every[49], p99=every[98], read_p99=reads[98])
        return self.last.p99

    def read_idle(self) -> float:
        """The 99th percentile of reading one balance while nothing else happens, in ms."""
        with self._bench.namespace() as settings, self._both(settings) as (connection, schema):
            grant_everybody(settings)
            _until_shown(connection, schema, granted(settings))
            with _Reader(settings, schema) as reader:
                time.sleep(_READ_S)
            return _percentiles(reader.asked_ms)[98]

    @contextmanager
    def _both(self, settings: Settings) -> Iterator[tuple[psycopg.Connection, str]]:
        """A ledger processor and a projector, and a connection to what it projects."""
        schema = settings.database_schema(BALANCE.name)
        drop = sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(schema))
        log = self._bench.log("balance_projector")
        with psycopg.connect(settings.database_url, autocommit=True) as connection:
            with (
                ledgers(self._bench, settings, grants=False),
                running(settings, BALANCE.module, log),
            ):
                yield connection, schema
            connection.execute(drop)


def bound_ms(settings: Settings) -> float:
    """What a figure of `visible` may come to: twice the commit interval and a second, in ms."""
    return 2 * settings.commit_interval_ms + _SLACK_MS


def _until_shown(connection: psycopg.Connection, schema: str, entries: int) -> None:
    until(lambda: projected(connection, schema) >= entries, "all to be projected", 600)


def _percentiles(figures: Sequence[float]) -> list[float]:
    return statistics.quantiles(figures, n=100, method="inclusive")


def _probe(settings: Settings, connection: psycopg.Connection, schema: str) -> list[float]:
    """From sending to showing, in ms, of events at random moments; one of a customer at a time."""
    table = sql.Identifier(schema, "accounts")
    query = sql.SQL("SELECT customer_id, account_seq FROM {} WHERE customer_id = ANY(%s)").format(
        table
    )
    idle = [customer(CUSTOMERS + number) for number in range(_PROBING)]
    told: dict[str, int] = dict(connection.execute(query, [idle]).fetchall())
    producer = clients.producer(settings, linger_ms=0)
    moments = random.Random(7)
    sent_at: dict[str, float] = {}
    delays: list[float] = []
    next_at = time.perf_counter()
    while len(delays) < WARM_UP + PROBES:
        if idle and time.perf_counter() >= next_at:
            whose = idle.pop(0)
            occurred_at = time.time_ns() // 1_000 + 180 * SECOND_US
            probe = Usage(f"probe-{next_at}", whose, occurred_at, input=10, output=1)
            sent_at[whose] = time.perf_counter()
            producer.produce(settings.topic("usage-events"), encoded(probe), whose)
            producer.poll(0)
            next_at = sent_at[whose] + moments.uniform(0, 2 * _PROBE_EVERY_S)
        found = connection.execute(query, [list(sent_at)]).fetchall()
        now = time.perf_counter()
        for whose, sequence in found:
            if sequence != told[whose]:
                told[whose] = sequence
                delays.append((now - sent_at.pop(whose)) * 1_000)
                idle.append(whose)
        longest = max((now - began_at for began_at in sent_at.values()), default=0.0)
        assert longest < _SHOWN_S, f"not shown after {longest:.0f} s: the load isn't sustained"
        time.sleep(_LOOK_EVERY_S)
    producer.flush(30)
    return delays[WARM_UP:]


class _Reader:
    """Reads one customer's balance after the other, in a process of its own, which waits for
    nothing else."""

    def __init__(self, settings: Settings, schema: str) -> None:
        self.asked_ms: list[float] = []
        context = get_context("spawn")
        self._pipe, its_end = context.Pipe()
        arguments = (its_end, settings.database_url, schema)
        self._process = context.Process(target=_read, args=arguments, name="reader", daemon=True)

    def __enter__(self) -> "_Reader":
        self._process.start()
        assert self._pipe.poll(_READY_S), "the reader doesn't begin"
        self._pipe.recv()
        return self

    def __exit__(self, *_: object) -> None:
        self._pipe.send("enough")
        assert self._pipe.poll(_READY_S), "a read hangs"
        self.asked_ms = self._pipe.recv()
        self._process.join()


def _read(pipe: Connection, url: str, schema: str) -> None:
    """Read until told that it is enough; how long each read took, in ms."""
    query = sql.SQL(
        "SELECT balance, available, held FROM {} WHERE customer_id = %s AND unit = 'credit'"
    ).format(sql.Identifier(schema, "accounts"))
    asked_ms: list[float] = []
    with psycopg.connect(url, autocommit=True) as connection:
        pipe.send("ready")
        while not pipe.poll(_ASK_EVERY_S):
            whose = customer(len(asked_ms) * 7_919 % CUSTOMERS)
            began_at = time.perf_counter()
            found = connection.execute(query, [whose]).fetchone()
            asked_ms.append((time.perf_counter() - began_at) * 1_000)
            assert found is not None, f"{whose} has no balance"
    pipe.send(asked_ms)
