"""`rates import`: rate cards from others' price tables."""

import re
from collections import Counter
from dataclasses import asdict
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any

import typer

from drawdown.adapters.documents.card_text import format_text, write_text
from drawdown.adapters.documents.prices_litellm import (
    ImportNote,
    import_litellm,
    read_price_table,
)
from drawdown.adapters.documents.rate_card import write_rate_card
from drawdown.adapters.documents.times import format_time, parse_time
from drawdown.cli.output import JSON_HELP, err, show_json
from drawdown.cli.session import now_us
from drawdown.errors import UsageError

app = typer.Typer(no_args_is_help=True, help="Make a rate card from a public price table.")


@app.callback()
def importing() -> None:
    """Make a rate card from a public price table."""


@app.command()
def litellm(
    file: Annotated[Path, typer.Argument(help="LiteLLM's price table, .json or .json.gz.")],
    credits_per_usd: Annotated[str, typer.Option(help="Credits that one USD of cost becomes.")],
    markup: Annotated[str, typer.Option(help="Factor on the provider's price, such as 1.3.")] = "1",
    to: Annotated[
        Path | None, typer.Option("--out", help="The card's file; stdout if absent.")
    ] = None,
    model: Annotated[str, typer.Option(help="Only models like this, such as 'gpt-5*'.")] = "*",
    card: Annotated[str, typer.Option(help="The card's name.")] = "litellm",
    version: Annotated[str, typer.Option(help="By default the table's date, or today's.")] = "",
    effective_from: Annotated[str, typer.Option(help="From when it rates; or `now`.")] = "now",
    as_json: Annotated[bool, typer.Option("--json", help=JSON_HELP)] = False,
) -> None:
    """Make a card of USD × markup × credits-per-usd, and list what had to be rounded."""
    made, notes = import_litellm(
        read_price_table(file),
        markup=_decimal(markup, "--markup"),
        credits_per_usd=_decimal(credits_per_usd, "--credits-per-usd"),
        version=version or _version(file),
        effective_from=_starts(effective_from),
        card_id=card,
        models=model,
    )
    document = write_rate_card(made)
    if effective_from == "now":
        document["effective_from"] = "now"
    lines = {meter.name: len(meter.lines) for meter in made.meters}
    if to is not None:
        write_text(document, to)
    if as_json:
        show_json(_summary(document, lines, notes, to))
        return
    if to is None:
        typer.echo(format_text(document), nl=False)
    _show_notes(notes)
    what = ", ".join(f"{count} of {name}" for name, count in lines.items())
    err().print(f"{made.label}: {sum(lines.values())} lines ({what})", soft_wrap=True)


def _summary(
    document: dict[str, Any], lines: dict[str, int], notes: list[ImportNote], to: Path | None
) -> dict[str, Any]:
    counts = Counter[str](note.kind for note in notes)
    kinds = ("rounded", "kept", "not_imported", "no_price")
    return {
        "out": None if to is None else str(to),
        "lines": lines,
        "counts": {kind: counts[kind] for kind in kinds},
        "notes": [asdict(note) for note in notes],
        **({"card": document} if to is None else {}),
    }


def _show_notes(notes: list[ImportNote]) -> None:
    """Every rounded rate; of what else differs from the table, each kind once with its number."""
    rounded = [note for note in notes if note.kind == "rounded"]
    for note in rounded:
        err().print(f"rounded {note.detail}", soft_wrap=True, markup=False)
    others = Counter(
        (note.kind, "" if note.kind == "kept" else note.field, note.detail)
        for note in notes
        if note.kind != "rounded"
    )
    for (kind, field, detail), count in others.items():
        what = " ".join(part for part in (kind.replace("_", " "), field) if part)
        err().print(f"{what} ({count} ×): {detail}", soft_wrap=True, markup=False)
    err().print(f"{len(rounded)} rates were rounded half-even to 12 places", soft_wrap=True)


def _decimal(text: str, option: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise UsageError(f"{option} {text}: is no decimal number") from error


def _version(file: Path) -> str:
    """The date in the file's name, or today's."""
    found = re.search(r"\d{4}-\d{2}-\d{2}", file.name)
    return found[0] if found else format_time(now_us())[:10]


def _starts(text: str) -> int:
    if text == "now":
        return now_us()
    try:
        return parse_time(text)
    except ValueError as error:
        raise UsageError(f"--effective-from: {error}") from error
