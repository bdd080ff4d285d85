"""The auditor's own reading of records: by the schema files and fastavro, not by the ledger."""

import io
import json
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from fastavro import parse_schema, schemaless_reader

_SCHEMAS: Final = Path(__file__).resolve().parents[2] / "schemas"
_HEADER: Final = 5
_NUMBERS_BEFORE_HASH: Final = 7
Fields = dict[str, Any]


def _schema(name: str) -> Any:
    return parse_schema(json.loads((_SCHEMAS / f"{name}.v1.avsc").read_text("utf-8")))


_ENTRY: Final = _schema("ledger-entry")
_USAGE: Final = _schema("usage-event")
_COMMAND: Final = _schema("command")
_REPLY: Final = _schema("reply")
_LETTER: Final = _schema("dead-letter")


def entry(value: bytes) -> Fields:
    """A ledger entry, and as `chained` the hash that it should have."""
    found = _read(_ENTRY, value)
    start = _HEADER
    for _ in range(_NUMBERS_BEFORE_HASH):
        while value[start] >= 0x80:
            start += 1
        start += 1
    found["chained"] = sha256(value[start:-32]).digest()
    return found


def first_hash(namespace: str, customer_id: str, unit: str) -> bytes:
    """What the chain of an account begins with."""
    words = [text.encode() for text in (namespace, customer_id, unit)]
    assert all(len(word) < 64 for word in words), "its length is one byte"
    return sha256(b"".join(bytes((2 * len(word),)) + word for word in words)).digest()


def usage(value: bytes) -> Fields:
    """A usage event."""
    return _read(_USAGE, value)


def command(value: bytes) -> Fields:
    """A command; its `body` is a pair of the kind's name and its fields."""
    return _read(_COMMAND, value, named=True)


def reply(value: bytes) -> Fields:
    """A reply."""
    return _read(_REPLY, value)


def dead_letter(value: bytes) -> Fields:
    """A dead letter."""
    return _read(_LETTER, value)


def _read(schema: Any, value: bytes, *, named: bool = False) -> Fields:
    found = schemaless_reader(io.BytesIO(value[_HEADER:]), schema, None, return_record_name=named)
    assert isinstance(found, dict)
    return found
