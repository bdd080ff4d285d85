"""Rows handed to a statement as one array a column: `… FROM unnest(%s::text[], …) AS rows (…)`."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from drawdown.adapters.postgres.literals import booleans, byteas, integers, texts

_LITERAL: Final[Mapping[str, Callable[[Any], str]]] = {
    "bigint": integers,
    "boolean": booleans,
    "bytea": byteas,
    "date": texts,
    "integer": integers,
    "jsonb": texts,
    "text": texts,
    "timestamp": texts,
}


class Unnested:
    """The columns of rows by name and type, in order."""

    def __init__(self, **types: str) -> None:
        self._types: Final = types
        self.names: Final = ", ".join(types)
        arrays = ", ".join(f"%s::{each}[]" for each in types.values())
        self.rows: Final = f"unnest({arrays}) AS rows ({self.names})"

    def arrays(self, rows: Iterable[tuple[object, ...]]) -> list[str]:
        """The parameters of a statement that names `rows` once. At least one row."""
        columns = zip(*rows, strict=True)
        return [
            _LITERAL[each](column)
            for each, column in zip(self._types.values(), columns, strict=True)
        ]
