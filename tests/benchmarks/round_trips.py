"""Command → committed reply, one at a time, idle and under load.

The bare round trip is the pass-through's: consume the request, produce it as the reply, in a
transaction, by the same loop.
"""

import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from confluent_kafka import TopicPartition

from drawdown.adapters.kafka import clients
from drawdown.adapters.kafka.topics import ledger_partitions
from drawdown.domain.inputs import Grant
from drawdown.settings import Settings
from tests.benchmarks.chains import PASSTHROUGH, Bench, ledgers
from tests.benchmarks.grants import command
from tests.benchmarks.load import customer
from tests.benchmarks.offered import RAMP_S
from tests.benchmarks.processes import Log, await_assigned, running, until
from tests.benchmarks.records import encode_command

TRIPS = 200
WARM_UP = 20
_REPLY_S = 30.0
OFFER = "tests.benchmarks.offered"
_BEHIND_S = 2.0
"""A chain that is this far behind when the load ends didn't sustain it."""


def ledger_trip(bench: Bench, offered: float = 0) -> float:
    """Median round trip through the ledger processor, in ms; `offered` usage a second beside it."""
    with (
        bench.namespace() as settings,
        ledgers(bench, settings),
        offering(bench, settings, offered),
    ):
        return median_ms(settings)


def bare_trip(bench: Bench, offered: float = 0) -> float:
    """The same through the pass-through."""
    with bench.namespace() as settings, ExitStack() as stack:
        stack.enter_context(running(settings, PASSTHROUGH, bench.log("passthrough")))
        await_assigned(settings, settings.group("passthrough"))
        stack.enter_context(offering(bench, settings, offered))
        return median_ms(settings)


@contextmanager
def offering(bench: Bench, settings: Settings, rate: float) -> Iterator[None]:
    """Usage at a rate, flowing when the block begins, and keeping up when it ends."""
    if not rate:
        yield
        return
    usage, entries = Log(settings, "usage-events"), Log(settings, "ledger-entries")
    before = entries.end()
    with running(settings, f"{OFFER} {rate}", bench.log("offered")):
        ramp = rate * RAMP_S / 2
        until(lambda: entries.end() - before > ramp + rate, "usage to be committed at its rate")
        yield
        behind = usage.end() - (entries.end() - before)
        assert behind < rate * _BEHIND_S, (
            f"{behind} events behind: {rate:,.0f} a second isn't sustained, so this is no latency "
            "under load but a queue"
        )


def median_ms(settings: Settings) -> float:
    """The median of `TRIPS` round trips, after a few that aren't counted."""
    with _Client(settings) as client:
        trips = [client.trip(number) for number in range(WARM_UP + TRIPS)]
    return statistics.median(trips[WARM_UP:]) * 1_000


class _Client:
    """Sends a command and waits until its reply can be read, committed."""

    def __init__(self, settings: Settings) -> None:
        topic = settings.topic("ledger-replies")
        self._commands = settings.topic("ledger-commands")
        self._producer = clients.producer(settings, linger_ms=0)
        self._reader = clients.reader(settings)
        places = [TopicPartition(topic, n) for n in range(ledger_partitions(settings))]
        ends = [self._reader.get_watermark_offsets(place, timeout=30)[1] for place in places]
        self._reader.assign(
            [
                TopicPartition(topic, place.partition, end)
                for place, end in zip(places, ends, strict=True)
            ]
        )

    def __enter__(self) -> "_Client":
        return self

    def __exit__(self, *_: object) -> None:
        self._reader.close()
        self._producer.flush(30)

    def trip(self, number: int) -> float:
        """Seconds for one command."""
        command_id = f"trip-{number}"
        grant = command(command_id, customer(number), Grant(amount=1, kind="promotional"))
        value, wanted = encode_command(grant), command_id.encode()
        began_at = time.perf_counter()
        self._producer.produce(self._commands, value, grant.customer_id)
        self._producer.poll(0)
        while (waited := time.perf_counter() - began_at) < _REPLY_S:
            reply = self._reader.poll(0.1)
            if reply is None:
                continue
            assert reply.error() is None, reply.error()
            if wanted in (reply.value() or b""):
                return time.perf_counter() - began_at
        raise AssertionError(f"no reply to {command_id} within {waited:.0f} s")
