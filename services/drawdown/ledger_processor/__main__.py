"""`python -m drawdown.ledger_processor`: composition root and entry point."""

import signal
import sys
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from random import Random
from typing import NoReturn

import structlog

from drawdown import compiled, logs, metrics
from drawdown.adapters.avro.wire import Wire
from drawdown.adapters.kafka.partitioner import partition_of
from drawdown.adapters.kafka.topics import ledger_partitions
from drawdown.adapters.topics import LEDGER
from drawdown.clock import SYSTEM, Clock
from drawdown.ending import run_to_its_end
from drawdown.garbage import collect_rarely
from drawdown.ledger_processor.clients import Clients, KafkaClients
from drawdown.ledger_processor.input_reader import Framing
from drawdown.ledger_processor.loop import Loop
from drawdown.ledger_processor.opener import Opener
from drawdown.ledger_processor.park_commands import park_command
from drawdown.ledger_processor.past import Past
from drawdown.ledger_processor.states import DiskStates, NoStates, States
from drawdown.ledger_processor.ticking import Ticker
from drawdown.local.discovery import resolved
from drawdown.settings import Settings, current
from drawdown.workers import worker as workers
from drawdown.workers.cores import worker_count
from drawdown.workers.supervisor import supervise
from drawdown.workers.worker import Place

SERVICE = "ledger_processor"

_log = structlog.get_logger()


def build(settings: Settings) -> Loop:
    """The processor with its clients. Raises `InvalidSetting`, `Unavailable`."""
    partitions = ledger_partitions(settings)
    # Every partition may be committing, with an earlier commit of it given up but still waiting.
    most = 2 * settings.ledger_partitions_max + settings.ledger_recoveries_max
    threads = ThreadPoolExecutor(most, thread_name_prefix="partition")
    clients = KafkaClients(settings, settings.group(SERVICE))
    states = _states(settings, partitions)
    return assemble(settings, clients, threads, states, SYSTEM, partitions=partitions)


def _states(settings: Settings, partitions: int) -> States:
    if settings.state == "memory":
        return NoStates()
    return DiskStates(settings, settings.topic(LEDGER), partitions, SYSTEM)


def assemble(
    settings: Settings,
    clients: Clients,
    threads: Executor,
    states: States,
    clock: Clock,
    *,
    partitions: int,
    chance: Random | None = None,
) -> Loop:
    """The processor of a ledger with so many partitions, whatever its clients and clock are.

    `chance` spreads the delays between tries.
    """
    wire = Wire(settings)
    offsets = clients.offsets()
    past = Past(settings, wire, clients.past, clock)
    opener = Opener(
        settings,
        wire,
        framing(wire, partitions),
        clients,
        offsets,
        threads,
        states,
        past,
        clock,
    )
    ticker = Ticker(settings, clients.ticks(), header=wire.header("command"), actor=SERVICE)
    return Loop(
        settings,
        clients.usage(),
        clients.commands(),
        offsets,
        opener.open,
        threads,
        ticker,
        past,
        lambda record: park_command(wire, record) is not None,
        clock,
        chance or Random(),
    )


def framing(wire: Wire, partitions: int) -> Framing:
    """How the decider of a ledger with so many partitions frames its records."""
    return Framing(
        usage_header=wire.header("usage-event"),
        command_header=wire.header("command"),
        entry_header=wire.header("ledger-entry"),
        reply_header=wire.header("reply"),
        lift_usage=wire.decode_usage,
        lift_command=wire.decode_command,
        encode_dead_letter=wire.encode_dead_letter,
        partition_of=partial(_home, partitions),
    )


def _home(partitions: int, customer_id: str) -> int:
    return partition_of(customer_id, partitions)


def run() -> None:
    """Serve until SIGTERM or SIGINT, as one process or by workers. Raises what ended it."""
    place = workers.place(SERVICE, sys.argv[1:])
    settings = resolved(current())
    if place is not None:
        logs.configure(settings, SERVICE, worker=place.number)
        workers.follow_supervisor()
        serve(_of_worker(settings, place), place.number)
        return
    logs.configure(settings, SERVICE)
    count = worker_count(settings.ledger_workers, ledger_partitions(settings))
    if count > 1:
        supervise(settings, SERVICE, "drawdown.ledger_processor", count)
    serve(settings)


def _of_worker(settings: Settings, place: Place) -> Settings:
    """What the workers of a machine share of it, each has a part of."""
    share = max(8, settings.state_block_cache_mb // place.of)
    return place.settings(settings).model_copy(update={"state_block_cache_mb": share})


def serve(settings: Settings, worker: int = 0) -> None:
    """Serve partitions in this process, which may be a worker, until SIGTERM or SIGINT.

    Raises what ended it.
    """
    collect_rarely()
    # Commits run in threads; they should not wait 5 ms for the interpreter.
    sys.setswitchinterval(0.001)
    loop = build(settings)
    metrics.RUNTIME.info({"runtime": compiled.runtime()})
    port = metrics.serve(settings, metrics.registry(settings, SERVICE, worker=worker))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: loop.stop())
    _log.info("started", runtime=compiled.runtime(), metrics_port=port)
    if worker:
        workers.tell_ready(port)
    loop.run()
    _log.info("stopped")


def main() -> NoReturn:
    """Run as a process. Exits with the code of the error that ended it."""
    run_to_its_end(run)


if __name__ == "__main__":
    main()
