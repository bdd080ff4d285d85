"""Usage through Kafka: the shipped processes, and the pass-through and Faust beside them."""

import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from confluent_kafka import TopicPartition
from confluent_kafka.cimpl import NewTopic

from drawdown.adapters.kafka import clients
from drawdown.adapters.kafka.ledger_log import read_entries
from drawdown.adapters.kafka.partitioner import partition_of
from drawdown.adapters.kafka.topics import create_topics, ledger_partitions
from drawdown.errors import InvalidSetting
from drawdown.settings import Settings, load
from drawdown.workers.cores import worker_count
from tests.benchmarks.grants import grant_everybody
from tests.benchmarks.load import CUSTOMERS, Held, Usage, customer, preload, usage
from tests.benchmarks.processes import Log, Run, await_assigned, running, timed, until

EVENTS = 300_000
FAUST_EVENTS = 20_000
FAUST_TABLES = ("accounts", "seen")
LEDGER = "drawdown.ledger_processor"
PASSTHROUGH = "tests.benchmarks.passthrough"


@dataclass(frozen=True, slots=True)
class Bench:
    """Where the measured broker and database are, and where logs go."""

    kafka_bootstrap_servers: str
    database_url: str
    folder: Path

    @contextmanager
    def namespace(self, **options: object) -> Iterator[Settings]:
        """Fresh topics with the shipped defaults, or these settings; deleted at the end."""
        settings = load(
            namespace=f"bench-{secrets.token_hex(4)}",
            kafka_bootstrap_servers=self.kafka_bootstrap_servers,
            database_url=self.database_url,
            data_dir=self.folder / "state",
            **options,
        )
        created = create_topics(settings)
        until(lambda: _exist(settings), "the topics to be known")
        try:
            yield settings
        finally:
            client = clients.admin(settings)
            for future in client.delete_topics(created).values():
                future.result(60)
            shutil.rmtree(settings.state_folder, ignore_errors=True)

    def log(self, name: str) -> Path:
        """The file that a process's output goes to."""
        return self.folder / f"{name}.log"


@contextmanager
def ledgers(
    bench: Bench,
    settings: Settings,
    *,
    grants: bool = True,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[None]:
    """The ledger processor, its workers ready, with every customer's grants booked."""
    options = {"DRAWDOWN_LEDGER_WORKERS": str(settings.ledger_workers), **environment}
    workers = worker_count(settings.ledger_workers, ledger_partitions(settings))
    with running(settings, LEDGER, bench.log("ledger_processor"), **options):
        await_assigned(settings, settings.group("ledger_processor"), workers)
        if grants:
            grant_everybody(settings)
        yield


def ledger(
    bench: Bench,
    *,
    workers: int = 0,
    events: int = EVENTS,
    customers: int = CUSTOMERS,
    **environment: str,
) -> Run:
    """Usage events a second through the ledger processor, by default of a worker a core."""
    with (
        bench.namespace(ledger_workers=workers) as settings,
        ledgers(bench, settings, environment=environment),
    ):
        run = through(settings, usage(events, customers=customers), events)
        check_deductions(settings)
    return run


def ledger_memory(bench: Bench) -> Run:
    """The same, with nothing saved."""
    return ledger(bench, DRAWDOWN_STATE="memory")


def ledger_pure(bench: Bench) -> Run:
    """The same, uncompiled."""
    return ledger(bench, events=EVENTS // 2, DRAWDOWN_PURE="1")


def one_ledger(bench: Bench) -> Run:
    """The same, one process."""
    return ledger(bench, workers=1)


def two_ledgers(bench: Bench) -> Run:
    """The same, two workers."""
    return ledger(bench, workers=2)


def hot_customer(bench: Bench) -> Run:
    """The same, one process, all usage being one customer's: it has one partition, so one core."""
    return ledger(bench, workers=1, customers=1)


def passthrough(bench: Bench, workers: int = 1) -> Run:
    """Usage events a second through the transactional pass-through, a loop in one process."""
    with bench.namespace() as settings, ExitStack() as stack:
        processes = worker_count(workers, ledger_partitions(settings))
        for number in range(processes):
            log = bench.log(f"passthrough-{number + 1}")
            stack.enter_context(running(settings, PASSTHROUGH, log))
        await_assigned(settings, settings.group("passthrough"), processes)
        return through(settings, usage(EVENTS), EVENTS)


def passthroughs(bench: Bench) -> Run:
    """The same, as many processes as the ledger processor has workers."""
    return passthrough(bench, workers=0)


def faust(bench: Bench) -> Run:
    """Usage events a second through the same work on Faust."""
    with bench.namespace() as settings, _changelogs(settings):
        preload(settings, FAUST_EVENTS)
        data = bench.folder / "faust" / settings.namespace
        data.mkdir(parents=True)
        environment = {
            "DRAWDOWN_PARTITIONS": str(ledger_partitions(settings)),
            "FAUST_DATA": str(data),
        }
        module = "tests.benchmarks.faust_ledger worker --loglevel warn"
        with running(settings, module, bench.log("faust"), **environment):
            return timed(Log(settings, "ledger-entries").end, FAUST_EVENTS)


@contextmanager
def _changelogs(settings: Settings) -> Iterator[None]:
    """The topics of Faust's tables. It would create them itself, and then start before their
    partitions are known to it, and refuse to."""
    client, partitions = clients.admin(settings), ledger_partitions(settings)
    names = [
        f"{settings.namespace}-faust-{settings.namespace}-{table}-changelog"
        for table in FAUST_TABLES
    ]
    new = [
        NewTopic(name, num_partitions=partitions, config={"cleanup.policy": "compact"})
        for name in names
    ]
    for future in client.create_topics(new).values():
        future.result(30)

    def known() -> bool:
        listed = client.list_topics(timeout=30).topics
        return all(name in listed and len(listed[name].partitions) == partitions for name in names)

    until(known, "Faust's changelogs to be known")
    try:
        yield
    finally:
        for future in client.delete_topics(names).values():
            future.result(60)


def _exist(settings: Settings) -> bool:
    try:
        return ledger_partitions(settings) > 0
    except InvalidSetting:
        return False


def through(settings: Settings, usage: Iterator[Usage], events: int) -> Run:
    """Have so many events at hand for who consumes them, and time that."""
    held = Held(settings, usage)
    log = Log(settings, "ledger-entries")
    start = log.end()
    held.release()
    return timed(log.end, events, start)


def check_deductions(settings: Settings) -> None:
    """A ledger that refused the load would be fast, too. The first customer has a part of any."""
    number = partition_of(customer(0), ledger_partitions(settings))
    reader = clients.reader(settings)
    place = TopicPartition(settings.topic("ledger-entries"), number)
    _, end = reader.get_watermark_offsets(place, timeout=30)
    reader.close()
    last = [entry.facts for _, entry in read_entries(settings, number, start=end - 1_000)]
    assert last, "the ledger has no entries"
    wrong = [each for each in last if each.type != "deduction" or each.amount >= 0]
    assert not wrong, f"instead of charging, the ledger wrote {wrong[0].type}: {wrong[0].details}"
