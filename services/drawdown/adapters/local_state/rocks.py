"""Rows in RocksDB, one directory a partition.

Each choice that differs from RocksDB's default carries its reason. There is no log of writes: the
ledger is one. A process that is killed finds what was flushed, an earlier state, which is whole,
since writes are atomic and in order; the ledger says what is missing.
"""

from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from typing import Any, Final

from rocksdict import (
    BlockBasedIndexType,
    BlockBasedOptions,
    Cache,
    Checkpoint,
    DBCompressionType,
    Options,
    Rdict,
    WriteBatch,
    WriteOptions,
)

from drawdown.adapters.local_state.store import Batch, Row
from drawdown.errors import StateInUse, StateUnreadable, StateUnwritable

_BLOOM_BITS: Final = 10
"""One look-up in a hundred for an id that isn't there reads a block; ten bits an id in memory."""
_WRITE_BUFFER_BYTES: Final = 16 * 1024 * 1024
"""A partition is one of many in a process, and each has buffers. What is in them is folded again
after a kill: some hundred thousand entries."""
_BACKGROUND_JOBS: Final = 2
_LOG_FILES: Final = 2
_LEVELS_FRESH: Final = 2
"""What stands in these is merged into the next ones soon, and compressed then."""
_LEVELS: Final = 7
_LOCKED: Final = ("IO error: While lock file", "IO error: lock hold by current process")
_CONDEMNED: Final = "UNREADABLE"
"""A file of this name says that the directory is to be rebuilt."""


class RocksStore:
    """A directory that this process alone has open."""

    def __init__(self, folder: Path, cache: Cache) -> None:
        """Open or make it. `cache` is shared by the stores of a process.

        Raises `StateUnreadable` where it is corrupt, `StateUnwritable` where the disk refuses,
        `StateInUse` where it is open already.
        """
        self.folder: Final = folder
        if (folder / _CONDEMNED).exists():
            raise StateUnreadable(f"{folder} couldn't be read before")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            # Its own types allow for far more than bytes.
            self._db: Final[Any] = Rdict(str(folder), _options(cache))
        except OSError as error:
            raise StateUnwritable(f"{folder}: {error}") from error
        except Exception as error:
            raise _opening(folder, str(error)) from error
        # Its own types take what is assigned for a method.
        self._unlogged: Final[Any] = WriteOptions()
        setattr(self._unlogged, "disable_wal", True)  # noqa: B010
        # Who commits writes in a thread of its own, and may be given up meanwhile.
        self._writing: Final = Lock()

    def get(self, key: bytes) -> bytes | None:
        """The value of a key, or None."""
        try:
            found: bytes | None = self._db.get(key)
        except Exception as error:
            raise self._unreadable(error) from error
        return found

    def get_many(self, keys: list[bytes]) -> list[bytes | None]:
        """The values of keys, in their order."""
        try:
            found: list[bytes | None] = self._db.get(keys)
        except Exception as error:
            raise self._unreadable(error) from error
        return found

    def _unreadable(self, error: Exception) -> StateUnreadable:
        """What can't be read once is never trusted again."""
        (self.folder / _CONDEMNED).touch()
        return StateUnreadable(f"{self.folder}: {error}")

    def scan(self, prefix: bytes, begin: bytes = b"") -> Iterator[Row]:
        """The rows whose keys begin with a prefix, in the order of their keys, from `begin` on."""
        for key, value in self._db.items(from_key=begin or prefix):
            if not key.startswith(prefix):
                return
            yield key, value

    def batch(self) -> Batch:
        """A new batch. It copies what is put into it, so that nothing waits in Python's memory."""
        made: Batch = WriteBatch(raw_mode=True)
        return made

    def write(self, batch: Batch) -> None:
        """Put a batch's rows, all of them or none."""
        try:
            with self._writing:
                self._db.write(batch, self._unlogged)
        except Exception as error:
            raise StateUnwritable(str(error)) from error

    def copy_to(self, folder: Path) -> None:
        """A copy by hard links where both are on one file system."""
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            Checkpoint(self._db).create_checkpoint(str(folder))
        except Exception as error:
            raise StateUnwritable(f"{folder}: {error}") from error

    def close(self) -> None:
        """Flush and give up the directory. What can't be flushed will be folded again."""
        with self._writing:
            try:
                self._db.close()
            except Exception:
                # After a write that failed the client refuses to flush, and keeps the directory:
                # without the object it lets go of it.
                del self._db


def block_cache(size_bytes: int) -> Cache:
    """What all stores of a process keep of their files in memory."""
    return Cache(size_bytes)


def _options(cache: Cache) -> Options:
    options = Options(raw_mode=True)
    options.create_if_missing(True)
    options.set_write_buffer_size(_WRITE_BUFFER_BYTES)
    options.set_max_background_jobs(_BACKGROUND_JOBS)
    options.set_compression_per_level(
        [DBCompressionType.none()] * _LEVELS_FRESH
        + [DBCompressionType.lz4()] * (_LEVELS - _LEVELS_FRESH)
    )
    options.set_keep_log_file_num(_LOG_FILES)
    # An id that isn't there is mostly told without a look at the newest rows' tree, too.
    options.set_memtable_whole_key_filtering(True)
    options.set_memtable_prefix_bloom_ratio(0.1)
    table = BlockBasedOptions()
    table.set_bloom_filter(_BLOOM_BITS, False)
    table.set_block_cache(cache)
    # Filters of a thousand million ids are no small thing: they are cached like all else, and in
    # pieces. A file's whole index, read anew whenever the cache had no room for it, took more time
    # than all that is decided.
    table.set_cache_index_and_filter_blocks(True)
    table.set_index_type(BlockBasedIndexType.two_level_index_search())
    table.set_partition_filters(True)
    table.set_pin_top_level_index_and_filter(True)
    table.set_pin_l0_filter_and_index_blocks_in_cache(True)
    options.set_block_based_table_factory(table)
    return options


def _opening(folder: Path, reason: str) -> Exception:
    """What RocksDB means: it has one error for all."""
    if any(words in reason for words in _LOCKED):
        return StateInUse(f"{folder}: {reason}")
    if reason.startswith("IO error"):
        return StateUnwritable(f"{folder}: {reason}")
    return StateUnreadable(f"{folder}: {reason}")
