"""One JSON value, such as a line of a JSONL file; a number with a point stays text, marked."""

import json
from typing import Any

from drawdown.adapters.documents.card_text import Unquoted
from drawdown.errors import InvalidDocument


def parse_json(text: str | bytes, *, where: str) -> Any:
    """The value of a JSON text. Raises `InvalidDocument` naming the place."""
    try:
        return json.loads(
            text, parse_float=Unquoted, parse_constant=Unquoted, object_pairs_hook=_once_each
        )
    except (ValueError, RecursionError) as error:
        raise InvalidDocument(f"{where}: no JSON: {error}") from error


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for place, name in enumerate(names) if name in names[:place])
        raise ValueError(f"{twice!r} is given twice in one object")
    return made
