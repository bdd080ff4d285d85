"""CSV and JSON lines. What the file is of stands beside it, in `FILE.about.json`."""

import csv
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from drawdown.adapters.documents.times import format_time
from drawdown.exports.datasets import Kind
from drawdown.exports.files import About, Row, whole

ABOUT: Final = ".about.json"

_Write = Callable[[Any], str]

_CELL: Final[Mapping[Kind, _Write]] = {
    "text": str,
    "integer": str,
    "flag": lambda value: "true" if value else "false",
    "day": lambda value: str(value.isoformat()),
    "hour": format_time,
    "moment": format_time,
    "bytes": lambda value: str(value.hex()),
    "json": str,
}
_PLAIN: Final = frozenset({"integer", "flag", "json"})
"""Kinds whose text is JSON as it is."""


class CsvFile:
    """A line with the names, then a line for each row; null is empty, bytes are hexadecimal."""

    def __init__(self, path: Path, about: About) -> None:
        self._file = path.open("w", encoding="utf-8", newline="")
        self._writer = csv.writer(self._file, lineterminator="\n")
        self._cells = [_CELL[each.kind] for each in about.dataset.columns]
        self._writer.writerow(each.name for each in about.dataset.columns)

    def write(self, rows: Sequence[Row]) -> None:
        """Append rows."""
        self._writer.writerows(
            ["" if value is None else cell(value) for cell, value in self._pairs(row)]
            for row in rows
        )

    def close(self) -> None:
        """Finish the file."""
        self._file.close()

    def _pairs(self, row: Row) -> Iterable[tuple[_Write, Any]]:
        return zip(self._cells, row, strict=True)


class JsonLinesFile:
    """An object on each line; documents stand in it as they are, times are ISO 8601."""

    def __init__(self, path: Path, about: About) -> None:
        self._file = path.open("w", encoding="utf-8", newline="\n")
        self._fields = [
            (f"{json.dumps(each.name)}: ", _json_of(each.kind)) for each in about.dataset.columns
        ]

    def write(self, rows: Sequence[Row]) -> None:
        """Append rows."""
        self._file.writelines(self._line(row) for row in rows)

    def close(self) -> None:
        """Finish the file."""
        self._file.close()

    def _line(self, row: Row) -> str:
        parts = (
            name + ("null" if value is None else write(value))
            for (name, write), value in zip(self._fields, row, strict=True)
        )
        return "{" + ", ".join(parts) + "}\n"


def _json_of(kind: Kind) -> _Write:
    cell = _CELL[kind]
    if kind in _PLAIN:
        return cell
    return lambda value: json.dumps(cell(value), ensure_ascii=False)


def write_about(path: Path, about: About) -> None:
    """Say beside a file of text what it is of."""
    with whole(path.with_name(path.name + ABOUT)) as beside:
        beside.write_text(about.text() + "\n", encoding="utf-8")
