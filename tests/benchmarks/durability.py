"""What durable state costs and gives: many accounts, few of them in memory, and recovery."""

import gc
import itertools
import shutil
import time
import tracemalloc
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from typing import Final

from drawdown.adapters.avro import codec
from drawdown.adapters.avro.wire import HEADER_BYTES, Wire
from drawdown.adapters.kafka.partition_log import PartitionLog, value_of
from drawdown.adapters.kafka.topics import ledger_partitions
from drawdown.adapters.local_state.shelf import RowShelf
from drawdown.adapters.local_state.store import MemoryStore
from drawdown.clock import SYSTEM
from drawdown.domain.inputs import Grant
from drawdown.domain.numbers import DAY_US
from drawdown.garbage import collect_rarely
from drawdown.ledger_processor.barrier import Barrier
from drawdown.ledger_processor.clients import KafkaClients
from drawdown.ledger_processor.evidence import Opened
from drawdown.ledger_processor.keeping import Keeper
from drawdown.ledger_processor.past import Past
from drawdown.ledger_processor.recovery import recover
from drawdown.ledger_processor.stability import Stability, asking
from drawdown.ledger_processor.states import DiskStates
from drawdown.settings import Settings
from drawdown.workers.cores import worker_count
from tests.benchmarks.chains import Bench, check_deductions, ledgers, through
from tests.benchmarks.decision_costs import Bookkeeping
from tests.benchmarks.grants import command, grant_everybody
from tests.benchmarks.load import GRANTED, customer, skewed, usage
from tests.benchmarks.processes import Run
from tests.domain.shelved import WorldPast

MANY: Final = 1_000_000
FEW: Final = 10_000
EVENTS: Final = 300_000
FOLDED: Final = 600_000
IDLE: Final = 5_000


class Populations:
    """Ledgers with so many accounts, which stay from one measurement to the next."""

    def __init__(self, bench: Bench) -> None:
        self._bench: Final = bench
        self._open: Final = ExitStack()
        self._settings: Final[dict[int, Settings]] = {}
        self._rounds: Final = itertools.count(1)

    def close(self) -> None:
        """Delete their topics and state."""
        self._open.close()

    def charged(self, accounts: int) -> Run:
        """Usage by a power law over all accounts, through a processor that has charged as much
        before since it began with its disk: its cache holds what it can."""
        new = accounts not in self._settings
        if new:
            self._settings[accounts] = self._open.enter_context(self._bench.namespace())
        settings = self._settings[accounts]
        with ledgers(self._bench, settings, grants=False):
            if new:
                grant_everybody(settings, accounts, GRANTED[1:])
            for _ in ("the cache fills", "it is full"):
                prefix = f"p{next(self._rounds)}"
                run = through(settings, skewed(EVENTS, accounts, prefix=prefix), EVENTS)
            check_deductions(settings)
        return run

    def folded(self) -> Settings:
        """A ledger to be folded, of two partitions, so that reading them outweighs opening them."""
        if 0 not in self._settings:
            settings = self._open.enter_context(self._bench.namespace(partitions=2))
            with ledgers(self._bench, settings):
                through(settings, usage(FOLDED), FOLDED)
            self._settings[0] = settings
        return self._settings[0]

    def recovery(self, workers: int = 0) -> float:
        """Entries a second that recoveries without their disk fold, saving what they fold: by
        default a process a core, each with its partitions, as the ledger processor has it."""
        settings, folder = self.folded(), self._bench.folder / "recovery"
        shutil.rmtree(folder, ignore_errors=True)
        rate = _shared(_recovered, settings.model_copy(update={"state_dir": folder}), workers)
        shutil.rmtree(folder)
        return rate

    def decoding(self, workers: int = 1) -> float:
        """Entries a second of the same topic that so many processes, each with its partitions,
        consume and decode by the same codec."""
        return _shared(_decoded, self.folded(), workers)


@dataclass(frozen=True, slots=True)
class Share:
    """What one process has read, and when, by the clock that all processes share."""

    entries: int
    began_at: float
    ended_at: float


def _shared(
    read: Callable[[Settings, Sequence[int]], int], settings: Settings, workers: int
) -> float:
    """Entries a second that so many processes read, each its partitions; 0: a process a core."""
    partitions = ledger_partitions(settings)
    processes = worker_count(workers, partitions)
    parts = [range(first, partitions, processes) for first in range(processes)]
    with ProcessPoolExecutor(processes, get_context("spawn"), collect_rarely) as pool:
        shares = list(pool.map(partial(_timed, read, settings), parts))
    seconds = max(each.ended_at for each in shares) - min(each.began_at for each in shares)
    return sum(each.entries for each in shares) / seconds


def _timed(
    read: Callable[[Settings, Sequence[int]], int], settings: Settings, numbers: Sequence[int]
) -> Share:
    began_at = time.monotonic()
    entries = read(settings, numbers)
    return Share(entries, began_at, time.monotonic())


def _recovered(settings: Settings, numbers: Sequence[int]) -> int:
    """How many entries of these partitions there are, each folded and saved."""
    wire, topic = Wire(settings), settings.topic("ledger-entries")
    clients = KafkaClients(settings, settings.group("ledger_processor"))
    states, entries = DiskStates(settings, topic, ledger_partitions(settings), SYSTEM), 0
    client, offsets = clients.log(), clients.offsets()
    past = Past(settings, wire, clients.past, SYSTEM)
    for number in numbers:
        producer = clients.transactional(f"{topic}-{number}")
        producer.init_transactions()
        stability = Stability(asking(settings, offsets, number), SYSTEM)
        barrier = Barrier(settings, number, producer, stability, _nothing_opened, SYSTEM, _goes_on)
        ends = barrier.raised()
        recovered = recover(
            settings, wire, number, ends, client, states, past, SYSTEM, _says_nothing
        )
        assert recovered.keeper is not None
        recovered.keeper.close()
        entries += recovered.entries
    client.close()
    return entries


def _nothing_opened(opened: Mapping[str, Opened]) -> bool:
    raise AssertionError(f"somebody else writes the ledger: {opened}")


def _decoded(settings: Settings, numbers: Sequence[int]) -> int:
    """How many entries of these partitions there are, each decoded."""
    entries = 0
    for number in numbers:
        with PartitionLog(settings, settings.topic("ledger-entries"), number) as log:
            for messages in log.batches():
                for message in messages:
                    codec.decode_entry(value_of(message), HEADER_BYTES)
                entries += len(messages)
    return entries


def _goes_on() -> None:
    pass


def _says_nothing(folded: int, total: int) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Idle:
    """Bytes of heap for an account of one lot that isn't in use."""

    in_memory: float
    on_the_shelf: float

    def __str__(self) -> str:
        return (
            f"idle_account: {self.in_memory:,.0f} bytes of heap for an account in memory, "
            f"{self.on_the_shelf:,.0f} for one on the shelf (when something falls due on it)"
        )


def idle_accounts() -> Idle:
    """The heap that accounts take which were granted credits with an expiry and did nothing."""
    return Idle(
        in_memory=_heap_an_account(shelved=False), on_the_shelf=_heap_an_account(shelved=True)
    )


def _heap_an_account(*, shelved: bool) -> float:
    books = Bookkeeping()
    ledger = books.ledger
    if shelved:
        store = MemoryStore()
        ledger.cabinet.attach(RowShelf(store, ledger.cabinet, WorldPast([])), customers_max=2)
        keeper = Keeper(ledger, store, "bench", unsaved_max=1)
    gc.collect()
    tracemalloc.start()
    for number in range(IDLE):
        body = Grant(amount=1, kind="promotional", expires_at=books.at + 30 * DAY_US)
        asked = replace(command(f"g{number}", customer(number), body), issued_at=books.at)
        for facts in ledger.decide_command(asked, books.at).facts:
            ledger.evolve(books.entry(facts))
        if shelved:
            saving = keeper.take(b"", {}, everything=True)
            assert saving is not None
            keeper.write(saving, number)
            keeper.saved(saving)
    gc.collect()
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    if shelved:
        held -= sum(len(key) + len(value) + 66 for key, value in store.rows.items())
    return held / IDLE
