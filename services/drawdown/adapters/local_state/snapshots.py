"""Snapshots: copies of a partition's local state, from which a process without its disk begins.

They are needed by nobody: a recovery checks one like any local state, and folds what came since.
Without one it folds everything. Nobody waits for them either: a copy is first made beside the
state, by hard links, and then carried to where snapshots are in a thread of its own.
"""

import shutil
import time
from pathlib import Path
from threading import Thread
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

    def __init__(self, folder: Path, interval_s: float, aside: Path) -> None:
        """`aside` is where a copy is made first, on the file system of the state."""
        self._folder: Final = folder
        self._aside: Final = aside
        self._interval_s: Final = interval_s
        self._due_at = time.monotonic() + interval_s - self._age_s()
        self._carrier: Thread | None = None

    def make_if_due(self, store: Store, partition_seq: int) -> None:
        """Copy what a store holds, so many entries, if the newest snapshot is old enough or there
        is none.

        One that fails is logged and tried again after the interval.
        """
        now = time.monotonic()
        if now < self._due_at or (self._carrier is not None and self._carrier.is_alive()):
            return
        self._due_at = now + self._interval_s
        try:
            shutil.rmtree(self._aside, ignore_errors=True)
            store.copy_to(self._aside)
        except (StateUnwritable, OSError) as error:
            self._failed(error)
            return
        # Its end isn't waited for: where the process ends before, the snapshot isn't made.
        self._carrier = Thread(
            target=self._carry, args=(partition_seq,), name="snapshot", daemon=True
        )
        self._carrier.start()

    def await_carried(self) -> None:
        """Wait until the snapshot under way is where it belongs, if there is one."""
        if self._carrier is not None:
            self._carrier.join()

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

    def _age_s(self) -> float:
        """Of the newest snapshot, whoever made it; as long as an interval where there is none."""
        found = self.found()
        if not found:
            return self._interval_s
        return min(max(0.0, time.time() - found[-1].stat().st_mtime), self._interval_s)

    def _carry(self, partition_seq: int) -> None:
        """In a thread."""
        began_at = time.monotonic()
        snapshot = self._folder / f"{partition_seq:020}"
        unfinished = snapshot.with_suffix(_UNFINISHED)
        try:
            if not snapshot.exists():
                shutil.rmtree(unfinished, ignore_errors=True)
                shutil.copytree(self._aside, unfinished, copy_function=shutil.copyfile)
                unfinished.rename(snapshot)
        except OSError as error:
            self._failed(error)
            return
        finally:
            shutil.rmtree(self._aside, ignore_errors=True)
        for old in self.found()[:-_KEPT]:
            shutil.rmtree(old, ignore_errors=True)
        seconds = round(time.monotonic() - began_at, 3)
        _log.info("snapshot_made", snapshot=str(snapshot), seconds=seconds)

    def _failed(self, error: Exception) -> None:
        _log.warning("snapshot_failed", folder=str(self._folder), reason=str(error))
