"""A dataset read in one snapshot and written to a file, a few thousand rows at a time."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from drawdown.adapters.postgres.connections import Connection
from drawdown.adapters.postgres.snapshots import rows, snapshot
from drawdown.exports.datasets import Dataset
from drawdown.exports.files import About, OpenFile, RowFile, whole
from drawdown.exports.parquet import ParquetFile
from drawdown.exports.text_files import CsvFile, JsonLinesFile, write_about
from drawdown.settings import Settings

Format = Literal["parquet", "csv", "jsonl"]

_ROWS: Final = 5_000
"""Rows fetched at once. The cursor is the server's: nothing waits in memory but these."""
_FILES: Final[Mapping[Format, OpenFile]] = {
    "parquet": ParquetFile,
    "csv": CsvFile,
    "jsonl": JsonLinesFile,
}
_POSITIONS: Final = "SELECT partition, partition_seq, recorded_at FROM position ORDER BY partition"

Progress = Callable[[int, int], None]
"""Told how many rows are written, of how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What was written."""

    path: Path
    rows: int
    about: About


def export(
    settings: Settings, dataset: Dataset, form: Format, path: Path, progress: Progress
) -> Exported:
    """Write every row of a dataset, all as of one moment, which the file names.

    The file takes its place when it is whole; until then, and whenever this fails, what stood there
    stays. Raises `UsageError` where the projection has never run or pyarrow is missing,
    `InvalidDocument` where the file can't be written, `Unavailable`.
    """
    with snapshot(settings, dataset.projection) as connection:
        about = About(
            namespace=settings.namespace, dataset=dataset, positions=rows(connection, _POSITIONS)
        )
        with whole(path) as beside:
            file = _FILES[form](beside, about)
            try:
                written = _copy(connection, dataset, file, progress)
            finally:
                file.close()
            if form != "parquet":
                write_about(path, about)
    return Exported(path=path, rows=written, about=about)


def _copy(connection: Connection, dataset: Dataset, file: RowFile, progress: Progress) -> int:
    counted = connection.execute(dataset.count.encode()).fetchone()
    assert counted is not None
    written = 0
    progress(written, counted[0])
    with connection.cursor(name="export") as cursor:
        cursor.execute(dataset.query.encode())
        while found := cursor.fetchmany(_ROWS):
            file.write(found)
            written += len(found)
            progress(written, counted[0])
    return written
