"""The format of scenarios, whole: the document, and each field that commands and figures have."""

import inspect
import textwrap
from collections.abc import Iterator, Mapping
from typing import Final

from drawdown.adapters.documents import rate_card
from drawdown.adapters.documents.commands import BODIES
from drawdown.adapters.documents.entries import CHARGE, DETAILS, FACTS, HOLD, LOT, PLACE
from drawdown.adapters.documents.meanings import explained_commands
from drawdown.adapters.documents.shapes import Shape
from drawdown.adapters.documents.usage import COLUMNS
from drawdown.domain.codes import MEANING
from drawdown.domain.entries import EntryType
from drawdown.scenarios import document

_WIDTH: Final = 98
ENTRIES: Final[Mapping[EntryType, str]] = {
    "grant": "credits were added; details.lot says on which terms",
    "deduction": "usage was charged; charge says how it was rated and what wasn't paid",
    "hold_placed": "credits were reserved, lot by lot",
    "hold_extended": "a hold reserves more, or until later",
    "hold_captured": "a hold was charged an amount without usage",
    "hold_released": "a hold ended; the rest of its credits is free again (or there was none)",
    "hold_expired": "a hold ended by its time",
    "expiration": "what was left of a lot, and not reserved, expired",
    "refund": "usage was given back",
    "void": "credits were taken back; details.refund says if they were of a refunded purchase",
    "clawback": "a lost dispute took a lot's credits (above 0: reinstated them)",
    "freeze": "a lot or the account can't be drawn on",
    "unfreeze": "it can again",
    "adjustment": "a correction",
    "expiry_changed": "a lot has another expiry",
    "overdraft_settled": "lots paid for debt and overdraft; the balance stays",
    "dispute_noted": "a notice with no lot to act on yet",
    "policy_changed": "a policy has other values",
    "rejected": "an input was refused; details.rejection says why",
    "rate_card_applied": "a rate card was accepted",
    "period_closed": "the books are closed up to an instant",
    "record_parked": "an input record is skipped, which couldn't be decided",
}


def format_text() -> str:
    """What may stand in a scenario, for a reader who knows nothing else."""
    card = inspect.getdoc(rate_card)
    assert card is not None
    return "\n".join(
        (
            inspect.getdoc(document) or "",
            "\nUsage (beside it may stand what a CSV file's columns have)",
            *(f"  {name:<20} {meaning}" for name, meaning in COLUMNS.items()),
            "\nCommands (*: must be there)",
            *explained_commands(BODIES),
            "\nEntries, by their type",
            *(f"  {name:<20} {meaning}" for name, meaning in ENTRIES.items()),
            "\nFields",
            *_fields("an entry", {**PLACE.fields, **FACTS.fields}),
            *_fields("its charge", CHARGE.fields),
            *_fields("its details", DETAILS.fields),
            *_within(DETAILS),
            *_fields("a lot", LOT.fields),
            *_fields("a hold", HOLD.fields),
            "\nCodes of rejections, in the order in which they are looked for",
            *(f"  {code:<22} {meaning}" for code, meaning in MEANING.items()),
            "\nRate cards",
            textwrap.indent(card, "  "),
        )
    )


def _within(shape: Shape) -> Iterator[str]:
    for name, kind in shape.fields.items():
        if kind.inner is not None and name != "policy":
            yield from _fields(f"details.{name}", kind.inner.fields)


def _fields(what: str, fields: Mapping[str, object]) -> Iterator[str]:
    names = ", ".join(fields)
    yield from textwrap.wrap(f"  {what}: {names}", _WIDTH, subsequent_indent="    ")
