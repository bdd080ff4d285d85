"""The store: rows by key, written in batches that are there whole or not at all."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, Protocol

Row = tuple[bytes, bytes]


class Batch(Protocol):
    """Rows that are put together."""

    def put(self, key: bytes, value: bytes) -> None:
        """Add a row, in the place of an earlier one of its key."""


class Store(Protocol):
    """Rows of one partition. Keys are compared bytewise. `RocksStore` is one."""

    def get(self, key: bytes) -> bytes | None:
        """The value of a key, or None."""

    def get_many(self, keys: list[bytes]) -> list[bytes | None]:
        """The values of keys, in their order."""

    def scan(self, prefix: bytes, begin: bytes = b"") -> Iterator[Row]:
        """The rows whose keys begin with a prefix, in the order of their keys; those from `begin`
        on, where that is given."""

    def batch(self) -> Batch:
        """A new batch, for one `write`."""

    def write(self, batch: Batch) -> None:
        """Put a batch's rows, all of them or none. Raises `StateUnwritable`."""

    def copy_to(self, folder: Path) -> None:
        """Make a copy, as of now, that can be opened. Raises `StateUnwritable`."""

    def close(self) -> None:
        """Give it up; what was written stays."""


class MemoryBatch:
    """Rows in memory."""

    def __init__(self) -> None:
        self.rows: Final[list[Row]] = []

    def put(self, key: bytes, value: bytes) -> None:
        """Add a row."""
        self.rows.append((key, value))


class MemoryStore:
    """The same in memory. What is closed can be opened again with its rows."""

    def __init__(self, rows: dict[bytes, bytes] | None = None) -> None:
        self.rows: Final[dict[bytes, bytes]] = {} if rows is None else rows

    def get(self, key: bytes) -> bytes | None:
        """The value of a key, or None."""
        return self.rows.get(key)

    def get_many(self, keys: list[bytes]) -> list[bytes | None]:
        """The values of keys, in their order."""
        return [self.rows.get(key) for key in keys]

    def scan(self, prefix: bytes, begin: bytes = b"") -> Iterator[Row]:
        """The rows whose keys begin with a prefix, in the order of their keys, from `begin` on."""
        yield from sorted(
            (key, value)
            for key, value in self.rows.items()
            if key.startswith(prefix) and key >= begin
        )

    def batch(self) -> Batch:
        """A new batch."""
        return MemoryBatch()

    def write(self, batch: Batch) -> None:
        """Put a batch's rows."""
        assert isinstance(batch, MemoryBatch), "it is another store's"
        self.rows.update(batch.rows)

    def copy_to(self, folder: Path) -> None:
        """A copy as one file."""
        folder.mkdir(parents=True)
        with (folder / "rows").open("wb") as file:
            for key, value in self.rows.items():
                for part in (key, value):
                    file.write(len(part).to_bytes(8, "big") + part)

    def close(self) -> None:
        """Nothing is held open."""
