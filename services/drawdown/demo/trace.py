"""Traces: what was asked of models and when, read from files of three kinds.

Azure's LLM traces, CSV
    TIMESTAMP        when, without a zone: 2023-11-16 18:17:03.9799600
    ContextTokens    input tokens
    GeneratedTokens  output tokens

Mooncake's traces, JSONL
    timestamp        when, in milliseconds
    input_length     input tokens
    output_length    output tokens
    hash_ids         the 512-token blocks of the input. The leading ones that were seen before,
                     × 512 but at most input_length, count as cached_input; the rest as input

Usage events, JSONL or CSV, as for `drawdown usage send`: customers, meters, quantities and
properties stay as they are; occurred_at gives the spacing only.

A name that ends in .gz is unpacked. Traces of the first two kinds have no customers and no
models: the player assigns them.
"""

import csv
import gzip
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TextIO

from drawdown.adapters.documents.json_text import parse_json
from drawdown.adapters.documents.shapes import mapping
from drawdown.adapters.documents.times import parse_time
from drawdown.adapters.documents.usage import check_header, parse_row, parse_usage
from drawdown.domain.inputs import UsageEvent
from drawdown.errors import InvalidDocument

_AZURE: Final = ("TIMESTAMP", "ContextTokens", "GeneratedTokens")
_MOONCAKE: Final = ("timestamp", "input_length", "output_length")
_BLOCK_TOKENS: Final = 512
_MILLISECOND_US: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRequest:
    """One request to a model, `after_us` from the start of its trace; token classes exclusive."""

    after_us: int
    input: int
    cached_input: int
    output: int
    failed: bool = False
    sent_twice: bool = False


TraceItem = TokenRequest | UsageEvent


def read_trace(path: Path) -> Iterator[TraceItem]:
    """The requests of a trace file, in its order.

    Raises `InvalidDocument` naming the line for a file that is none of the three kinds.
    """
    try:
        with _unpacked(path) as text:
            yield from _items(text, path)
    except (UnicodeDecodeError, EOFError, OSError, csv.Error) as error:
        raise InvalidDocument(f"{path}: can't be read: {error}") from error


def _unpacked(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def _items(text: TextIO, path: Path) -> Iterator[TraceItem]:
    first = text.readline()
    lines = itertools.chain([first], text)
    if not first.strip():
        raise InvalidDocument(f"{path}: the trace is empty")
    if first.lstrip().startswith("{"):
        return _json_items(lines, path)
    return _csv_items(csv.reader(lines), path)


def _csv_items(rows: Iterator[list[str]], path: Path) -> Iterator[TraceItem]:
    header = next(rows)
    if set(_AZURE) <= set(header):
        return _azure(header, rows, path)
    if "event_id" not in header:
        raise InvalidDocument(
            f"{path}: unknown columns {', '.join(header)[:200]}; a trace has {', '.join(_AZURE)}, "
            f"or the columns of a usage file (event_id, customer_id, meter, …)"
        )
    check_header(header, where=f"{path}:1")
    return (
        parse_row(header, row, where=f"{path}:{number}", occurred_at=0)
        for number, row in enumerate(rows, 2)
        if row
    )


def _azure(header: Sequence[str], rows: Iterable[list[str]], path: Path) -> Iterator[TokenRequest]:
    columns = [header.index(name) for name in _AZURE]
    start: int | None = None
    for number, row in enumerate(rows, 2):
        if not row:
            continue
        where = f"{path}:{number}"
        if len(row) != len(header):
            raise InvalidDocument(f"{where}: {len(row)} cells, but the header has {len(header)}")
        moment, context, generated = (row[column] for column in columns)
        at = _azure_time(moment, where)
        start = at if start is None else start
        yield TokenRequest(
            after_us=max(0, at - start),
            input=_count(context, where),
            cached_input=0,
            output=_count(generated, where),
        )


def _azure_time(text: str, where: str) -> int:
    try:
        return parse_time(text if text.endswith(("Z", "+00:00")) else f"{text}Z")
    except ValueError as error:
        raise InvalidDocument(f"{where}: TIMESTAMP: {error}") from error


def _json_items(lines: Iterable[str], path: Path) -> Iterator[TraceItem]:
    seen: set[Any] = set()
    start: int | None = None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        data = mapping(parse_json(line, where=where), where)
        if "event_id" in data:
            yield parse_usage(data, where=where, occurred_at=0)
            continue
        if not set(_MOONCAKE) <= set(data):
            raise InvalidDocument(
                f"{where}: unknown fields {', '.join(data)[:200]}; a trace has "
                f"{', '.join(_MOONCAKE)} and hash_ids, or the fields of a usage event"
            )
        at = _count(data["timestamp"], where) * _MILLISECOND_US
        start = at if start is None else start
        length = _count(data["input_length"], where)
        cached = min(length, _seen_before(data.get("hash_ids", []), seen, where) * _BLOCK_TOKENS)
        yield TokenRequest(
            after_us=max(0, at - start),
            input=length - cached,
            cached_input=cached,
            output=_count(data["output_length"], where),
        )


def _seen_before(blocks: object, seen: set[Any], where: str) -> int:
    """How many leading blocks were seen before; all are seen from now on."""
    if not isinstance(blocks, list):
        raise InvalidDocument(f"{where}: hash_ids must be a list")
    leading = sum(1 for _ in itertools.takewhile(seen.__contains__, blocks))
    seen.update(blocks)
    return leading


def _count(value: object, where: str) -> int:
    text = str(value).strip()
    if not (text.isascii() and text.isdigit()):
        raise InvalidDocument(f"{where}: {value!r} is no number of tokens or milliseconds")
    return int(text)
