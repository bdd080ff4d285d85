"""Ledger entries written in bulk: several partitions side by side, each up to a given entry.

It joins no group. What it wrote, and how far, stands in the position that moves with the rows, so
that a run that was killed is gone on with; the claim fences whatever is left of that one.
"""

import gc
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Final, NamedTuple, Self

from confluent_kafka import Message

from drawdown.adapters.avro.wire import Wire
from drawdown.adapters.kafka.partition_log import PartitionLog, log_client
from drawdown.adapters.postgres.store import Position, PostgresProjectionStore
from drawdown.errors import LedgerCorrupt
from drawdown.projection.portions import portions
from drawdown.projection.projection import Projection
from drawdown.projection.sequence import NewEntries
from drawdown.settings import Settings

_LEDGER: Final = "ledger-entries"
_APPLICATION: Final = "rebuild"


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
        projection: Projection,
        *,
        schema: str,
        workers: int,
        wrote: Callable[[int], None],
    ) -> None:
        """`wrote` is told how many entries a transaction wrote, by any thread."""
        self._settings = settings
        self._projection = projection
        self._schema = schema
        self._workers = workers
        self._wrote = wrote
        self._thresholds = gc.get_threshold()
        self._stopping = threading.Event()
        self._idle: SimpleQueue[_Loader] = SimpleQueue()
        self._made: list[_Loader] = []

    def __enter__(self) -> Self:
        # Entries live for one transaction and form no cycles; what was imported stays.
        gc.freeze()
        gc.set_threshold(100_000, 50, 1_000)
        return self

    def __exit__(self, *_: object) -> None:
        gc.set_threshold(*self._thresholds)
        gc.unfreeze()
        for loader in self._made:
            loader.close()

    def load(self, targets: Mapping[int, int]) -> list[Shortfall]:
        """Bring each partition to its target, a `partition_seq`; where the ledger ends before.

        Raises `Unavailable`, `Fenced` where another rebuild has taken over, `LedgerCorrupt` or
        `DecodeFailed` for a ledger that can't be read, and what the projection raises.
        """
        while len(self._made) < min(self._workers, len(targets)):
            self._made.append(loader := _Loader(self._settings, self._projection, self._schema))
            self._idle.put(loader)
        self._stopping.clear()
        with ThreadPoolExecutor(max(1, len(self._made)), "rebuild") as pool:
            futures = [pool.submit(self._load, *each) for each in sorted(targets.items())]
            waiting: set[Future[Shortfall | None]] = set(futures)
            try:
                done, waiting = wait(futures, return_when=FIRST_EXCEPTION)
            finally:
                if waiting:
                    self._stopping.set()
                for future in waiting:
                    future.cancel()
        for future in done:
            future.result()
        return [found for future in futures if (found := future.result()) is not None]

    def _load(self, partition: int, target: int) -> Shortfall | None:
        with self._loader() as loader:
            reached = loader.load(partition, target, self._note)
        return None if reached >= target else Shortfall(partition, target, reached)

    def _note(self, entries: int) -> None:
        self._wrote(entries)
        if self._stopping.is_set():
            raise _Stopped

    @contextmanager
    def _loader(self) -> Iterator["_Loader"]:
        loader = self._idle.get()
        try:
            yield loader
        finally:
            self._idle.put(loader)


class _Loader:
    """One client of the broker and one of the database, for one partition at a time."""

    def __init__(self, settings: Settings, projection: Projection, schema: str) -> None:
        self._settings = settings
        self._wire = Wire(settings)
        self._client = log_client(settings, settings.group("readers"))
        self._store = PostgresProjectionStore(
            settings, schema=schema, application=_APPLICATION, writer=projection.write
        )

    def close(self) -> None:
        self._client.close()
        self._store.close()

    def load(self, partition: int, target: int, note: Callable[[int], None]) -> int:
        """Write one partition up to an entry; up to which one it came."""
        position = self._store.claim(partition)
        topic = self._settings.topic(_LEDGER)
        if position.partition_seq >= target:
            return position.partition_seq
        with PartitionLog(
            self._settings, topic, partition, begin=position.next_offset, client=self._client
        ) as log:
            for batch in _gathered(log.batches(), self._settings.rebuild_batch):
                for portion in portions(batch, self._settings.projector_batch_kib * 1_024):
                    before = position.partition_seq
                    position = self._write(position, portion, target)
                    note(position.partition_seq - before)
                    if position.partition_seq >= target:
                        return position.partition_seq
        return position.partition_seq

    def _write(self, position: Position, records: list[Message], target: int) -> Position:
        batch = NewEntries(
            records,
            self._wire.decode_entry,
            after_seq=position.partition_seq,
            from_offset=position.next_offset,
            up_to_seq=target,
        )
        if not batch.any():
            if batch.fault is not None:
                raise batch.fault
            raise LedgerCorrupt(
                f"partition {position.partition}: entry {position.partition_seq + 1} doesn't stand "
                f"at offset {position.next_offset} or behind it; `drawdown verify` says more"
            )
        after = self._store.write(position, batch)
        if batch.fault is not None:
            raise batch.fault
        return after


def _gathered(batches: Iterator[list[Message]], records: int) -> Iterator[list[Message]]:
    """The same records, about so many at a time."""
    gathered: list[Message] = []
    for batch in batches:
        gathered += batch
        if len(gathered) >= records:
            yield gathered
            gathered = []
    if gathered:
        yield gathered
