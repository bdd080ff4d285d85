"""Usage events as JSON objects or CSV rows ↔ `domain.inputs.UsageEvent`.

A JSON object has the fields of `schemas/usage-event.v1.avsc`, `properties` and `quantities` being
objects. A CSV file has a header; a quantity's column is `quantities.<name>`, a property's is
`properties.<name>`, and an empty cell is an absent field.
"""

from collections.abc import Mapping
from typing import Any, Final

from drawdown.adapters.documents.shapes import (
    FLAG,
    PROPERTIES,
    QUANTITIES,
    TEXT,
    TIME,
    Shape,
    choice,
    refuse_unknown,
)
from drawdown.domain.inputs import UsageEvent
from drawdown.errors import InvalidDocument

COLUMNS: Final[Mapping[str, str]] = {
    "event_id": "names the event; it is charged once per customer",
    "customer_id": "whose credits it draws",
    "unit": "what is drawn; `credit` if absent",
    "meter": "the rate card's meter, such as `llm.tokens`",
    "occurred_at": "ISO 8601 with a zone, or integer microseconds; now if absent",
    "status": "`succeeded` (if absent), `partial` or `failed` (which costs nothing)",
    "hold_id": "the hold that reserved credits for it",
    "hold_final": "`true` if the rest of the hold is to be released",
    "quantities.<name>": "a quantity, with up to 6 decimal places",
    "properties.<name>": "a property that the rate card's lines match, such as `model`",
}
"""What a usage file may say, by CSV column."""

USAGE: Final = Shape(
    make=dict,
    fields={
        "event_id": TEXT,
        "customer_id": TEXT,
        "unit": TEXT,
        "meter": TEXT,
        "occurred_at": TIME,
        "status": choice("succeeded", "partial", "failed"),
        "properties": PROPERTIES,
        "quantities": QUANTITIES,
        "hold_id": TEXT,
        "hold_final": FLAG,
    },
    required=frozenset(("event_id", "customer_id", "meter")),
    always_written=frozenset(("quantities",)),
)
_GROUPS: Final = ("quantities", "properties")
_FLAGS: Final = {"true": True, "false": False}


def parse_usage(data: object, *, where: str, occurred_at: int) -> UsageEvent:
    """The event of an object; `occurred_at` stands where it has none.

    The digest is left empty: the codec takes it. Raises `InvalidDocument`.
    """
    defaults = {
        "unit": "credit",
        "occurred_at": occurred_at,
        "status": "succeeded",
        "properties": {},
        "quantities": {},
        "hold_id": "",
        "hold_final": False,
    }
    return UsageEvent(**{**defaults, **USAGE.read(data, where)}, digest=b"")


def write_usage(event: UsageEvent) -> dict[str, Any]:
    """The object that reads as `event`."""
    written = USAGE.write(event)
    if not event.hold_final:
        del written["hold_final"]
    return written


def check_header(header: list[str], *, where: str) -> None:
    """Raise `InvalidDocument` for a CSV header that has an unknown, doubled or missing column."""
    plain = [name for name in header if name.partition(".")[0] not in _GROUPS]
    refuse_unknown(plain, [name for name in COLUMNS if "." not in name], where)
    for name in header:
        if header.count(name) > 1:
            raise InvalidDocument(f"{where}: column {name} stands there twice")
    for name in sorted(USAGE.required):
        if name not in header:
            raise InvalidDocument(f"{where}: column {name} is missing")


def parse_row(header: list[str], row: list[str], *, where: str, occurred_at: int) -> UsageEvent:
    """The event of one CSV row. Raises `InvalidDocument`."""
    if len(row) != len(header):
        raise InvalidDocument(f"{where}: {len(row)} cells, but the header has {len(header)}")
    data: dict[str, Any] = {group: {} for group in _GROUPS}
    for name, cell in zip(header, row, strict=True):
        group, _, member = name.partition(".")
        if cell == "":
            continue
        if member:
            data[group][member] = cell
        elif name == "occurred_at" and cell.isdigit():
            data[name] = int(cell)
        else:
            data[name] = _FLAGS.get(cell, cell) if name == "hold_final" else cell
    return parse_usage(data, where=where, occurred_at=occurred_at)
