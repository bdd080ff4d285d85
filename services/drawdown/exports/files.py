"""What every kind of export file is: written row by row, whole or not at all."""

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from drawdown.errors import InvalidDocument
from drawdown.exports.datasets import Dataset

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a file says of itself: the dataset, and the moment that it shows."""

    namespace: str
    dataset: Dataset
    positions: Sequence[dict[str, int]]
    """Of each partition the last entry that its rows include, and when that was recorded (µs)."""

    def text(self) -> str:
        """As JSON on one line, with the meaning of each column."""
        document = {
            "export": self.dataset.name,
            "namespace": self.namespace,
            "rows_are": self.dataset.rows_are,
            "key": list(self.dataset.key),
            "positions": list(self.positions),
            "columns": [
                {"name": each.name, "kind": each.kind, "meaning": each.meaning}
                for each in self.dataset.columns
            ],
        }
        return json.dumps(document, ensure_ascii=False)


class RowFile(Protocol):
    """A file that rows are written to, in the order of the dataset's columns."""

    def write(self, rows: Sequence[Row]) -> None: ...
    def close(self) -> None: ...


OpenFile = Callable[[Path, About], RowFile]


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A file beside `path` that takes its place at the end of the block, or is removed.

    Whoever reads `path` sees what stood there before, or all of the new. Raises `InvalidDocument`
    where it can't be written.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        try:
            yield beside
            with beside.open("rb") as file:
                os.fsync(file.fileno())
            beside.replace(path)
        except OSError as error:
            raise InvalidDocument(f"{path}: can't be written: {error}") from error
    finally:
        with contextlib.suppress(OSError):
            beside.unlink()
