"""Usage files, CSV or JSONL, read line by line; what is wrong with a line is a value."""

import csv
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TextIO

from drawdown.adapters.documents.json_text import parse_json
from drawdown.adapters.documents.usage import check_header, parse_row, parse_usage
from drawdown.cli.session import now_us
from drawdown.domain.inputs import UsageEvent
from drawdown.errors import InvalidDocument


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that is no usage event."""

    number: int
    problem: str


def read_usage(text: TextIO, name: str) -> Iterator[UsageEvent | BadLine]:
    """The events of a file: JSONL if its first line begins with `{`, else CSV with a header.

    Raises `InvalidDocument` where a CSV header can't be used.
    """
    first = next((line for line in text if line.strip()), "")
    lines = itertools.chain([first], text)
    if not first:
        return iter(())
    if first.lstrip("\ufeff \t").startswith("{"):
        return _json_lines(lines)
    return _csv_lines(lines, name)


def _json_lines(lines: Iterable[str]) -> Iterator[UsageEvent | BadLine]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            data = parse_json(line.lstrip("\ufeff"), where="line")
            yield parse_usage(data, where="event", occurred_at=now_us())
        except InvalidDocument as error:
            yield BadLine(number, str(error))


def _csv_lines(lines: Iterator[str], name: str) -> Iterator[UsageEvent | BadLine]:
    header = [column.strip() for column in next(csv.reader([next(lines).lstrip("\ufeff")]))]
    check_header(header, where=f"{name}: header")
    return _csv_rows(header, lines)


def _csv_rows(header: list[str], lines: Iterable[str]) -> Iterator[UsageEvent | BadLine]:
    # A row is a line: an open quote must not swallow the good lines after it.
    for number, line in enumerate(lines, 2):
        if not line.strip():
            continue
        try:
            row = next(csv.reader([line.rstrip("\r\n")], strict=True))
            yield parse_row(header, row, where="row", occurred_at=now_us())
        except (InvalidDocument, csv.Error) as error:
            yield BadLine(number, str(error))
