"""Avro by fastavro, for whatever is off the hot path: `dict`s in, `dict`s out."""

import struct
from dataclasses import asdict
from functools import cache
from io import BytesIO
from typing import Any

import fastavro

from drawdown.adapters.avro import schema_files
from drawdown.domain.dead_letters import DeadLetter
from drawdown.errors import DecodeFailed

Definition = dict[str, Any]


@cache
def parsed(schema: str) -> Any:
    """The newest version of a schema, as fastavro wants it."""
    return fastavro.parse_schema(schema_files.newest(schema).definition)


@cache
def newest_canonical(schema: str) -> str:
    """That of the newest version of a schema."""
    return canonical(schema_files.newest(schema).definition)


def canonical(definition: Definition) -> str:
    """The schema's parsing canonical form: equal forms have equal bytes."""
    return str(fastavro.schema.to_parsing_canonical_form(definition))


def encode(record: dict[str, Any], schema: str, *, header: bytes) -> bytes:
    """A record of the newest version of `schema`. Raises `ValueError` where it is none."""
    out = BytesIO()
    out.write(header)
    fastavro.schemaless_writer(out, parsed(schema), record, strict_allow_default=True)
    return out.getvalue()


def decode(
    value: bytes, schema: str, start: int, writer: Definition | None = None
) -> dict[str, Any]:
    """The record in `value` from `start`, written by `writer`, as the newest `schema` has it.

    Raises `DecodeFailed` where the bytes, or the two schemas, don't fit.
    """
    reader = parsed(schema)
    stream = BytesIO(value)
    stream.seek(start)
    try:
        written = fastavro.parse_schema(writer) if writer is not None else reader
        record = fastavro.schemaless_reader(stream, written, reader if writer is not None else None)
    except _REFUSALS as error:
        raise DecodeFailed(f"no {schema}: {type(error).__name__} {error}") from error
    if stream.tell() != len(value):
        raise DecodeFailed(f"a record of {stream.tell()} bytes in {len(value)}")
    if not isinstance(record, dict):
        raise DecodeFailed(f"no {schema}: {type(record).__name__}")
    return record


def encode_dead_letter(letter: DeadLetter, *, header: bytes) -> bytes:
    """A dead letter."""
    return encode(asdict(letter), "dead-letter", header=header)


def decode_dead_letter(value: bytes, start: int) -> DeadLetter:
    """The dead letter that stands in `value` from `start` to its end."""
    return DeadLetter(**decode(value, "dead-letter", start))


_REFUSALS = (
    EOFError,
    IndexError,
    KeyError,
    MemoryError,
    OverflowError,
    struct.error,
    TypeError,
    ValueError,
    fastavro.schema.SchemaParseException,
    fastavro.read.SchemaResolutionError,
)
"""What fastavro raises for bytes that are no record, or for schemas that don't resolve."""
