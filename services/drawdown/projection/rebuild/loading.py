"""Ledger entries written in bulk: several partitions side by side, each up to a given entry."""

import gc
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from functools import partial
from queue import SimpleQueue
from typing import NamedTuple, Self

from drawdown.garbage import collect_rarely
from drawdown.projection.projection import Build
from drawdown.projection.rebuild.borrowing import borrowed
from drawdown.projection.rebuild.late_indexes import LateIndexes
from drawdown.projection.rebuild.loader import Loader
from drawdown.projection.rebuild.loader_process import ProcessLoader
from drawdown.settings import Settings


class Shortfall(NamedTuple):
    """A partition of the ledger that ends before the entry wanted."""

    partition: int
    wanted: int
    found: int


class _Stopped(Exception):
    """Another partition failed, or somebody wants to stop."""


class Loading:
    """Writes entries into a schema. A context manager; one `load` at a time."""

    def __init__(
        self,
        settings: Settings,
        build: Build,
        *,
        schema: str,
        workers: int,
        processes: bool,
        wrote: Callable[[int], None],
    ) -> None:
        """Each of the workers loads a partition, in a process of its own with `processes`.

        `wrote` is told how many entries a transaction wrote, by any thread.
        """
        kind = ProcessLoader if processes else Loader
        self._make: Callable[[], Loader | ProcessLoader] = partial(kind, settings, build, schema)
        self._workers = workers
        self._wrote = wrote
        self._thresholds = gc.get_threshold()
        self._stopping = threading.Event()
        self._idle: SimpleQueue[Loader | ProcessLoader] = SimpleQueue()
        self._made: list[Loader | ProcessLoader] = []

    def __enter__(self) -> Self:
        collect_rarely()
        return self

    def __exit__(self, *_: object) -> None:
        gc.set_threshold(*self._thresholds)
        gc.unfreeze()
        for loader in self._made:
            loader.close()

    def load(
        self, targets: Mapping[int, int], indexes: LateIndexes | None = None
    ) -> list[Shortfall]:
        """Bring each partition to its target, a `partition_seq`; where the ledger ends before.

        With `indexes`, what they have of a partition is built once it is loaded. Raises
        `Unavailable`, `Fenced` where another rebuild has taken over, `LedgerCorrupt` or
        `DecodeFailed` for a ledger that can't be read, and what the projection raises.
        """
        while len(self._made) < min(self._workers, len(targets)):
            self._made.append(loader := self._make())
            self._idle.put(loader)
        self._stopping.clear()
        with ThreadPoolExecutor(max(1, len(self._made)), "rebuild") as pool:
            futures = [pool.submit(self._load, *each, indexes) for each in sorted(targets.items())]
            waiting: set[Future[Shortfall | None]] = set(futures)
            try:
                done, waiting = wait(futures, return_when=FIRST_EXCEPTION)
            finally:
                if waiting:
                    self._stopping.set()
                    if indexes is not None:
                        indexes.stop()
                for future in waiting:
                    future.cancel()
        for future in done:
            future.result()
        return [found for future in futures if (found := future.result()) is not None]

    def _load(self, partition: int, target: int, indexes: LateIndexes | None) -> Shortfall | None:
        with borrowed(self._idle) as loader:
            reached = loader.load(partition, target, self._note)
            if indexes is not None:
                indexes.build(partition)
        return None if reached >= target else Shortfall(partition, target, reached)

    def _note(self, entries: int) -> None:
        self._wrote(entries)
        if self._stopping.is_set():
            raise _Stopped
