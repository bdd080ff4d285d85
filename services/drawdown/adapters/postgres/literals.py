"""Values in Postgres's text format, as COPY and array parameters take them.

Written by hand because psycopg's general adapters cost four times as much, and were a third of a
projector's time.
"""

import json
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

NULL: Final = "\\N"
"""What COPY reads as null."""

_NUL: Final = "\u2400"
"""Postgres can't store U+0000 in text; its picture stands for it."""
_COPY: Final = str.maketrans(
    {"\0": _NUL, "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"},
)
_ARRAY: Final = str.maketrans({"\0": _NUL, "\\": "\\\\", '"': '\\"'})


def field(text: str) -> str:
    """Text as a field of a COPY line."""
    if text.isprintable() and "\\" not in text:
        return text
    return text.translate(_COPY)


def json_field(document: str) -> str:
    """A JSON document as a field of a COPY line: what else COPY escapes, JSON has escaped."""
    return document.replace("\\", "\\\\") if "\\" in document else document


def bytea(value: bytes) -> str:
    """Bytes as a field of a COPY line."""
    return "\\\\x" + value.hex()


@lru_cache(maxsize=65_536)
def json_text(text: str) -> str:
    """Text as a JSON string. The last ones are remembered: meters, lines and lots come often."""
    return json.dumps(text.replace("\0", _NUL), ensure_ascii=False)


def json_map(properties: dict[str, str]) -> str:
    """A map of texts as a JSON object."""
    pairs = [f"{json_text(name)}:{json_text(value)}" for name, value in properties.items()]
    return "{" + ",".join(pairs) + "}"


def json_list(texts: Iterable[str]) -> str:
    """Texts as a JSON array."""
    return "[" + ",".join(map(json_text, texts)) + "]"


def integers(values: Iterable[int | None]) -> str:
    """An array of integers."""
    parts = ["NULL" if value is None else str(value) for value in values]
    return "{" + ",".join(parts) + "}"


def booleans(values: Iterable[bool]) -> str:
    """An array of booleans."""
    return "{" + ",".join("t" if value else "f" for value in values) + "}"


def texts(values: Sequence[str]) -> str:
    """An array of texts; also of JSON documents, dates and whatever else has a text form."""
    joined = '","'.join(values)
    plain = joined.count('"') == 2 * (len(values) - 1)
    if plain and "\\" not in joined and "\0" not in joined:
        return '{"' + joined + '"}' if values else "{}"
    return "{" + ",".join([f'"{value.translate(_ARRAY)}"' for value in values]) + "}"


def byteas(values: Iterable[bytes]) -> str:
    """An array of bytes."""
    return "{" + ",".join([f'"\\\\x{value.hex()}"' for value in values]) + "}"
