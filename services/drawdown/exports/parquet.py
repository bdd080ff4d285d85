"""Parquet, by pyarrow, which the extra `drawdown[export]` installs."""

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from drawdown.errors import UsageError
from drawdown.exports.datasets import Column, Kind
from drawdown.exports.files import About, Row

GROUP_ROWS: Final = 65_536
"""Rows of a row group at most: what a reader takes at once."""
_GROUP_BYTES: Final = 32 * 1_024 * 1_024
"""And bytes, before they are compressed: what an export has in memory."""
_KEY: Final = "drawdown"
"""Under which the file's own metadata say what it is of, as JSON."""


def _load(module: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise UsageError(
            "parquet needs the package pyarrow: pip install 'drawdown[export]', or export as csv "
            "or jsonl"
        ) from error


class ParquetFile:
    """A row group whenever enough rows have come; what is in memory doesn't grow."""

    def __init__(self, path: Path, about: About, group_rows: int = GROUP_ROWS) -> None:
        """Raises `UsageError` where pyarrow isn't installed."""
        self._arrow: Any = _load("pyarrow")
        parquet: Any = _load("pyarrow.parquet")
        self._schema = self._made_schema(about)
        self._writer = parquet.ParquetWriter(path, self._schema, compression="zstd")
        self._group_rows = group_rows
        self._batches: list[Any] = []
        self._rows = self._bytes = 0

    def write(self, rows: Sequence[Row]) -> None:
        """Append rows."""
        columns = zip(*rows, strict=True)
        arrays = [
            self._arrow.array(values, type=field.type)
            for values, field in zip(columns, self._schema, strict=True)
        ]
        batch = self._arrow.record_batch(arrays, schema=self._schema)
        self._batches.append(batch)
        self._rows += batch.num_rows
        self._bytes += batch.nbytes
        if self._rows >= self._group_rows or self._bytes >= _GROUP_BYTES:
            self._flush()

    def close(self) -> None:
        """Finish the file."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._batches:
            table = self._arrow.Table.from_batches(self._batches, self._schema)
            self._writer.write_table(table, row_group_size=max(1, self._rows))
            self._batches, self._rows, self._bytes = [], 0, 0

    def _made_schema(self, about: About) -> Any:
        fields = [self._field(each, about) for each in about.dataset.columns]
        return self._arrow.schema(fields, metadata={_KEY: about.text()})

    def _field(self, column: Column, about: About) -> Any:
        arrow = self._arrow
        types: Mapping[Kind, Any] = {
            "text": arrow.string(),
            "integer": arrow.int64(),
            "flag": arrow.bool_(),
            "day": arrow.date32(),
            "hour": arrow.timestamp("us", tz="UTC"),
            "moment": arrow.timestamp("us", tz="UTC"),
            "bytes": arrow.binary(),
            "json": arrow.string(),
        }
        return arrow.field(
            column.name,
            types[column.kind],
            nullable=column.name not in about.dataset.key,
            metadata={"meaning": column.meaning},
        )
