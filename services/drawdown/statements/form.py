"""The form of a proof: a line about the account, then a line for each of its entries.

    {"proof": "drawdown/1", "namespace": …, "customer_id": …, "unit": …, "entries": 2, …}
    {"entry": {"account_seq": 1, "type": "grant", …}, "prev_hash": …, "hash": …, "bytes": …}

`bytes` are what the hash covers, base64: `prev_hash` and the entry's facts in Avro, by the schema
`ledger-entry.v1`, as they stand in the log. `entry` is the same in a form for people. Whatever a
line says is in those bytes, so that nothing in the file stands outside the chain.
"""

import json
from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import Any, Final

from drawdown.adapters.avro.codec import HASH_BYTES, NUMBERS_BEFORE_HASH, decode_entry
from drawdown.adapters.avro.reading import read_long
from drawdown.adapters.documents.entries import FACTS
from drawdown.adapters.documents.json_text import parse_json
from drawdown.domain.entries import HASH_VERSION, EntryFacts, LedgerEntry
from drawdown.errors import DecodeFailed, InvalidDocument

FORM: Final = "drawdown/1"
_HEADER: Final = frozenset(("proof", "namespace", "customer_id", "unit", "entries", "head"))
_LINE: Final = frozenset(("entry", "prev_hash", "hash", "bytes"))
_PLACE: Final = bytes((*[0] * (NUMBERS_BEFORE_HASH - 1), 2 * HASH_VERSION))
"""Stands for the entry's place in the log, which no hash covers and no proof tells."""


class NoProof(InvalidDocument):
    """A line that isn't in the form, as a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Whose proof it is, how many entries it has, and the hash of the last."""

    namespace: str
    customer_id: str
    unit: str
    entries: int
    head: str


def write_header(header: Header) -> str:
    """The first line."""
    return json.dumps(
        {
            "proof": FORM,
            "namespace": header.namespace,
            "customer_id": header.customer_id,
            "unit": header.unit,
            "entries": header.entries,
            "head": header.head,
        },
        ensure_ascii=False,
    )


def read_header(text: str) -> Header:
    """The first line read. Raises `NoProof`."""
    given = _object(text, _HEADER)
    if given["proof"] != FORM:
        raise NoProof(f"a proof of form {given['proof']!r}, not {FORM}")
    texts = [given[name] for name in ("namespace", "customer_id", "unit", "head")]
    if not all(isinstance(each, str) for each in texts) or type(given["entries"]) is not int:
        raise NoProof("a value of the header has the wrong type")
    return Header(**{name: given[name] for name in _HEADER - {"proof"}})


def write_entry_line(entry: LedgerEntry, value: bytes, start: int) -> str:
    """The line of an entry whose record stands in `value` from `start`."""
    return json.dumps(
        {
            "entry": readable(entry.facts),
            "prev_hash": entry.prev_hash.hex(),
            "hash": entry.hash.hex(),
            "bytes": b64encode(_covered(value, start)).decode(),
        },
        ensure_ascii=False,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryLine:
    """An entry as its bytes say, and what the line says beside them."""

    covered: bytes
    facts: EntryFacts
    prev_hash: bytes
    stated: dict[str, Any]
    stated_hash: str
    stated_prev_hash: str


def read_entry_line(text: str) -> EntryLine:
    """The line of an entry read, its bytes decoded. Raises `NoProof`."""
    given = _object(text, _LINE)
    if not isinstance(given["entry"], dict):
        raise NoProof("entry is no object")
    try:
        covered = b64decode(str(given["bytes"]), validate=True)
        if b64encode(covered).decode() != given["bytes"]:
            raise NoProof("bytes are no base64 as it is written")
        entry = decode_entry(_PLACE + covered + bytes(HASH_BYTES), 0)
    except (ValueError, DecodeFailed) as error:
        raise NoProof(f"bytes are no entry: {error}") from error
    return EntryLine(
        covered=covered,
        facts=entry.facts,
        prev_hash=entry.prev_hash,
        stated=given["entry"],
        stated_hash=str(given["hash"]),
        stated_prev_hash=str(given["prev_hash"]),
    )


def readable(facts: EntryFacts) -> dict[str, Any]:
    """An entry's facts for people, as JSON; what it hasn't is left out."""
    written = FACTS.write(facts)
    return {name: value for name, value in written.items() if value is not None}


def _covered(value: bytes, start: int) -> bytes:
    """What the hash of a record covers."""
    pos = start
    for _ in range(NUMBERS_BEFORE_HASH):
        _, pos = read_long(value, pos)
    return value[pos:-HASH_BYTES]


def _object(text: str, names: frozenset[str]) -> dict[str, Any]:
    try:
        given = parse_json(text, where="it")
    except InvalidDocument as error:
        raise NoProof(str(error)) from error
    if not isinstance(given, dict) or set(given) != names:
        raise NoProof(f"it must have {', '.join(sorted(names))}, and nothing else")
    return given
