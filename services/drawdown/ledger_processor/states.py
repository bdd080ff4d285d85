"""States: where the local state of each partition stands, and what is done with one that is wrong.

A partition's directory is named after the ledger's topic. Where another process has it open, it is
waited for a while: a partition that moves among the workers of a machine finds its state there.
Where that one keeps it (a zombie, say, that doesn't know yet that its partition moved), the next
one of the same name and a number is taken: what stands there may be behind, or nothing, and a
recovery folds what is missing.
"""

import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import structlog

from drawdown.adapters.local_state.checkpoint import Checkpoint, read_checkpoint
from drawdown.adapters.local_state.rocks import RocksStore, block_cache
from drawdown.adapters.local_state.snapshots import Snapshots
from drawdown.adapters.local_state.store import Store
from drawdown.clock import Clock
from drawdown.errors import StateInUse, StateUnreadable, StateUnwritable
from drawdown.metrics import STATE_REBUILDS
from drawdown.settings import Settings

_DIRECTORIES_MAX: Final = 8
_PATIENCE_S: Final = 5.0
"""Who gives a partition up closes its state within this, if it can."""
_LOOK_EVERY_S: Final = 0.1
_MEBIBYTE: Final = 1024 * 1024

_log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class State:
    """An open store and what it holds; a checkpoint of None: nothing yet. `copied`: it began as a
    snapshot."""

    store: Store
    checkpoint: Checkpoint | None
    copied: bool = False


class States(Protocol):
    """The local states of a process."""

    @property
    def customers_max(self) -> int:
        """Customers of one partition in memory at most, beside the unsaved ones."""

    def open(self, partition: int) -> State | None:
        """A partition's state; None: none is kept. Raises `StateUnwritable`."""

    def replace(self, partition: int, state: State, reason: str) -> State:
        """Delete a state that is wrong, and begin with another one, or none."""

    def snapshots(self, partition: int) -> Snapshots | None:
        """Where copies of a partition's state go; None: nowhere."""


class NoStates:
    """Nothing is kept: every start folds the whole ledger, and all of it is in memory."""

    customers_max: Final = 0

    def open(self, partition: int) -> State | None:
        """None."""
        return None

    def replace(self, partition: int, state: State, reason: str) -> State:
        """There is none to replace."""
        raise AssertionError("no state is kept")

    def snapshots(self, partition: int) -> Snapshots | None:
        """None."""
        return None


class DiskStates:
    """Directories below `Settings.state_folder`."""

    def __init__(self, settings: Settings, topic: str, partitions: int, clock: Clock) -> None:
        """`topic` is the ledger's full name, which has so many partitions."""
        served = min(partitions, settings.ledger_partitions_max)
        self.customers_max: Final = max(100, settings.state_cache_accounts // served)
        self._folder: Final = settings.state_folder
        self._topic: Final = topic
        self._snapshot_dir: Final = settings.state_snapshot_dir
        self._snapshot_interval_s: Final = settings.state_snapshot_interval_s
        self._clock: Final = clock
        self._cache: Final = block_cache(settings.state_block_cache_mb * _MEBIBYTE)

    def open(self, partition: int) -> State:
        """The first of the partition's directories that nobody else has open."""
        until = self._clock.monotonic() + _PATIENCE_S
        while self._clock.monotonic() < until:
            with suppress(StateInUse):
                return self._opened(partition, self._place(partition, 0))
            self._clock.sleep(_LOOK_EVERY_S)
        return self._first_free(partition)

    def _first_free(self, partition: int) -> State:
        wrong: StateInUse | None = None
        for number in range(_DIRECTORIES_MAX):
            try:
                return self._opened(partition, self._place(partition, number))
            except StateInUse as error:
                wrong = wrong or error
        assert wrong is not None
        raise wrong

    def replace(self, partition: int, state: State, reason: str) -> State:
        """Delete it, and begin with a snapshot, unless that is what was wrong."""
        assert isinstance(state.store, RocksStore)
        folder = state.store.folder
        state.store.close()
        return self._anew(partition, folder, reason, copy=not state.copied)

    def snapshots(self, partition: int) -> Snapshots | None:
        """A folder of the partition's own in `state_snapshot_dir`."""
        if self._snapshot_dir is None:
            return None
        name = f"{self._topic}-{partition}"
        aside = self._folder / f"{name}.snapshot"
        return Snapshots(self._snapshot_dir / name, self._snapshot_interval_s, aside)

    def _opened(self, partition: int, folder: Path) -> State:
        if not folder.exists():
            return self._begun(partition, folder, copy=True)
        try:
            store = RocksStore(folder, self._cache)
        except StateUnreadable as error:
            return self._anew(partition, folder, str(error))
        try:
            return State(store=store, checkpoint=read_checkpoint(store, self._topic, partition))
        except StateUnreadable as error:
            store.close()
            return self._anew(partition, folder, str(error))

    def _anew(self, partition: int, folder: Path, reason: str, *, copy: bool = True) -> State:
        _log.warning("state_rebuilt", partition=partition, folder=str(folder), reason=reason)
        STATE_REBUILDS.labels(str(partition)).inc()
        try:
            shutil.rmtree(folder)
        except OSError as error:
            raise StateUnwritable(f"{folder} can't be deleted: {error}") from error
        return self._begun(partition, folder, copy=copy)

    def _begun(self, partition: int, folder: Path, *, copy: bool) -> State:
        """A state where there is none: the newest snapshot if there is one, else an empty one."""
        snapshots = self.snapshots(partition) if copy else None
        copied = snapshots is not None and snapshots.restore(folder)
        store = RocksStore(folder, self._cache)
        try:
            checkpoint = read_checkpoint(store, self._topic, partition)
        except StateUnreadable as error:
            store.close()
            return self._anew(partition, folder, str(error), copy=False)
        return State(store=store, checkpoint=checkpoint, copied=copied)

    def _place(self, partition: int, number: int) -> Path:
        name = f"{self._topic}-{partition}"
        return self._folder / (name if number == 0 else f"{name}@{number}")
