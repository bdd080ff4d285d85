"""Snapshots: copies of a partition's local state, from which a process without its disk begins.

They are made in the background and needed by nobody: a recovery checks one like any local state,
and folds what came since. Without one it folds everything.
"""

import shutil
import time
from pathlib import Path
from typing import Final

import structlog

from drawdown.adapters.local_state.store import Store
from drawdown.errors import StateUnwritable

_KEPT: Final = 2
"""The newest, and the one before it: somebody may be copying that."""
_UNFINISHED: Final = ".unfinished"

_log = structlog.get_logger()


class Snapshots:
    """The snapshots of one partition in a folder, each named by the entries that it holds."""

    def __init__(self, folder: Path, interval_s: float) -> None:
        self._folder: Final = folder
        self._interval_s: Final = interval_s
        self._made_at = time.monotonic()

    def make_if_due(self, store: Store, partition_seq: int) -> None:
        """Copy what a store holds, so many entries, if the last copy is old enough.

        One that fails is logged and tried again after the interval.
        """
        now = time.monotonic()
        if now - self._made_at < self._interval_s:
            return
        self._made_at = now
        try:
            self._make(store, partition_seq)
        except (StateUnwritable, OSError) as error:
            _log.warning("snapshot_failed", folder=str(self._folder), reason=str(error))

    def restore(self, folder: Path) -> bool:
        """Begin a folder with the newest snapshot; whether there is one.

        Raises `StateUnwritable` where it can't be copied.
        """
        found = self.found()
        if not found:
            return False
        try:
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(found[-1], folder)
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise StateUnwritable(f"{found[-1]} can't be copied: {error}") from error
        _log.info("snapshot_restored", snapshot=str(found[-1]), folder=str(folder))
        return True

    def found(self) -> list[Path]:
        """The snapshots, the newest last."""
        if not self._folder.is_dir():
            return []
        return sorted(each for each in self._folder.iterdir() if each.name.isdigit())

    def _make(self, store: Store, partition_seq: int) -> None:
        began_at = time.monotonic()
        snapshot = self._folder / f"{partition_seq:020}"
        if snapshot.exists():
            return
        unfinished = snapshot.with_suffix(_UNFINISHED)
        shutil.rmtree(unfinished, ignore_errors=True)
        store.copy_to(unfinished)
        unfinished.rename(snapshot)
        for old in self.found()[:-_KEPT]:
            shutil.rmtree(old, ignore_errors=True)
        seconds = round(time.monotonic() - began_at, 3)
        _log.info("snapshot_made", snapshot=str(snapshot), seconds=seconds)
