"""`rates`: check, apply, show and estimate with rate cards."""

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from drawdown import settings
from drawdown.adapters.documents.rate_card import read_rate_card, write_rate_card
from drawdown.adapters.documents.times import format_time, parse_time
from drawdown.cli import rate_imports
from drawdown.cli.output import JSON_HELP, err, out, show_json, table
from drawdown.cli.replies import refusal, reply_document
from drawdown.cli.session import connected, now_us
from drawdown.domain.entries import RatedLine
from drawdown.domain.inputs import ApplyRateCard
from drawdown.domain.numbers import (
    ATTO_PER_MICRO,
    SECOND_US,
    format_credits,
    format_decimal,
    parse_decimal,
)
from drawdown.domain.rate_cards import RateCard
from drawdown.domain.rating import CompiledCard, Price, RateBook
from drawdown.errors import UsageError
from drawdown.statements.arithmetic import atto, steps_of

app = typer.Typer(no_args_is_help=True, help="Rate cards: what usage costs.")
app.add_typer(rate_imports.app, name="import")

_TRAVEL_US = 5 * SECOND_US
"""How long a command may take to its partition when `now` is made a time."""

CardFile = Annotated[Path, typer.Argument(help="A rate card, YAML or (.json) JSON.")]
AsJson = Annotated[bool, typer.Option("--json", help=JSON_HELP)]


@app.command()
def check(file: CardFile, as_json: AsJson = False) -> None:
    """Read a rate card and say what is in it, or everything that is wrong with it."""
    card = read_rate_card(file, soonest=_soonest())
    if as_json:
        show_json(write_rate_card(card))
        return
    _show_card(card)


@app.command()
def apply(
    file: CardFile,
    command_id: Annotated[
        str, typer.Option(help="By default made from the card, so that a repeat changes nothing.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Put a rate card in force from its date, in every partition. No restart, no code."""
    from drawdown.cli.sending import send_to_every_partition  # Only here is a broker needed.

    card = read_rate_card(file, soonest=_soonest())
    _refuse_too_soon(card)
    replies = send_to_every_partition(
        connected(), ApplyRateCard(card=card), command_id=command_id or _command_id(card)
    )
    if as_json:
        show_json([reply_document(reply) for reply in replies])
    reasons = sorted({refusal(reply) for reply in replies if reply.code})
    if reasons:
        raise UsageError(f"{card.label} was refused: {'; '.join(reasons)}")
    if not as_json:
        starts = format_time(card.effective_from)
        out().print(f"{card.label} rates what occurs from {starts}", soft_wrap=True)


@app.command()
def show(
    at: Annotated[str, typer.Option(help="Only what is in force at a time, or `now`.")] = "",
    as_json: AsJson = False,
) -> None:
    """Show the rate cards that the ledger has applied."""
    from drawdown.cli.reading import rate_cards  # Only here is a broker needed.

    applied = rate_cards(connected())
    shown = in_force(applied, _instant(at)) if at else applied
    if as_json:
        show_json([write_rate_card(card) for card in shown])
        return
    for card in shown:
        _show_card(card)
    if not shown:
        err().print("no rate card: `drawdown rates apply FILE`", soft_wrap=True)


@app.command()
def estimate(
    card: Annotated[Path, typer.Option(help="The rate card's file.")],
    meter: Annotated[str, typer.Option(help="The meter, such as llm.tokens.")],
    quantity: Annotated[list[str], typer.Option(help="name=number; repeatable.")],
    of_property: Annotated[
        list[str] | None, typer.Option("--property", help="name=value; repeatable.")
    ] = None,
    customer: Annotated[str, typer.Option(help="For this customer's overrides.")] = "",
    as_json: AsJson = False,
) -> None:
    """Calculate what usage would cost, line by line, from a file alone."""
    compiled = CompiledCard(read_rate_card(card, soonest=_soonest()))
    properties = _pairs(of_property or [], "--property")
    quantities = _quantities(quantity)
    rated = _rate(compiled, customer, meter, properties, quantities)
    rows: list[dict[str, Any]] = [
        {
            "line": line.line_id,
            "quantity": line.quantity,
            "units": format_credits(line.quantity_micro),
            "arithmetic": _arithmetic(compiled, customer, meter, properties, line),
            "credits": atto(line.amount * ATTO_PER_MICRO + line.amount_atto),
        }
        for line in rated.lines
    ]
    total = {
        "rate_card": compiled.label,
        "credits": atto(rated.total_atto),
        "charged": format_credits(rated.total_atto // ATTO_PER_MICRO),
        "residue": atto(rated.total_atto % ATTO_PER_MICRO),
    }
    if as_json:
        show_json({**total, "lines": rows})
        return
    made = table(
        f"{meter} by {compiled.label}", "line", "arithmetic", "credits", numbers=["credits"]
    )
    for row in rows:
        made.add_row(escape(row["line"]), "\n".join(row["arithmetic"]), row["credits"])
    out().print(made)
    rest = f"; {total['residue']} stays as residue" if rated.total_atto % ATTO_PER_MICRO else ""
    out().print(
        f"total {total['credits']} credits, charged {total['charged']}{rest}", soft_wrap=True
    )


def in_force(cards: list[RateCard], at: int) -> list[RateCard]:
    """Of cards in the order of application, the one of each unit that rates what occurs at `at`."""
    book = RateBook()
    for card in cards:
        book.apply(card)
    found = [book.in_force(unit, at) for unit in sorted({card.unit for card in cards})]
    return [each.card for each in found if each is not None]


def _rate(
    compiled: CompiledCard,
    customer: str,
    meter: str,
    properties: dict[str, str],
    quantities: dict[str, int],
) -> Price:
    if not compiled.check(meter, quantities):
        raise UsageError(f"the total of {meter} isn't the sum of the other quantities")
    rated = compiled.rate(customer, meter, properties, quantities)
    if rated is None:
        known = [each for each in compiled.card.meters if each.name == meter]
        if not known:
            names = ", ".join(each.name for each in compiled.card.meters)
            raise UsageError(f"{compiled.label} has no meter {meter}; it has {names}")
        without = [
            name
            for name in quantities
            if compiled.line(customer, meter, properties, name) is None and name != known[0].total
        ]
        raise UsageError(f"{meter} has no line for {', '.join(without)} with these properties")
    return rated


def _arithmetic(
    compiled: CompiledCard,
    customer: str,
    meter: str,
    properties: dict[str, str],
    rated: RatedLine,
) -> list[str]:
    line = compiled.line(customer, meter, properties, rated.quantity)
    assert line is not None, "what was rated has a line"
    return steps_of(line, rated.quantity_micro)


def _quantities(given: list[str]) -> dict[str, int]:
    quantities = {}
    for name, text in _pairs(given, "--quantity").items():
        try:
            quantities[name] = parse_decimal(text, 6)
        except ValueError as error:
            raise UsageError(f"--quantity {name}: {error}") from error
        if quantities[name] < 0:
            raise UsageError(f"--quantity {name}: must be 0 or more")
    return quantities


def _pairs(given: list[str], option: str) -> dict[str, str]:
    pairs = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UsageError(f"{option} {text}: must be name=value")
        if name in pairs:
            raise UsageError(f"{option} {name}: is given twice")
        pairs[name] = value
    return pairs


def _instant(text: str) -> int:
    if text == "now":
        return now_us()
    try:
        return parse_time(text)
    except ValueError as error:
        raise UsageError(f"--at: {error}") from error


def _soonest() -> int:
    """What `effective_from: now` means: the lead that the ledger asks for, and the way there."""
    return now_us() + settings.current().rate_card_lead_s * SECOND_US + _TRAVEL_US


def _refuse_too_soon(card: RateCard) -> None:
    lead_s = settings.current().rate_card_lead_s
    if card.effective_from < now_us() + lead_s * SECOND_US:
        raise UsageError(
            f"{card.label}: effective_from is {format_time(card.effective_from)}, but a card takes "
            f"effect at least {lead_s} s after it is applied: write `effective_from: now`"
        )


def _command_id(card: RateCard) -> str:
    """One id for one content, so that applying it again is a repeat."""
    text = json.dumps(write_rate_card(card), sort_keys=True)
    return f"rate-card-{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def _show_card(card: RateCard) -> None:
    starts = format_time(card.effective_from)
    made = table(
        escape(f"{card.label} · {card.unit} · from {starts} · {card.description}"),
        *("line", "quantity", "where", "for", "rate", "per", "also"),
        numbers=("rate", "per"),
    )
    groups: list[tuple[str, Any]] = [("everybody", meter) for meter in card.meters]
    groups += [(override.customer_id, override) for override in card.overrides]
    for customer, group in groups:
        for line in group.lines:
            where = ", ".join(f"{key} {value}" for key, value in line.match.items())
            also = "package" if line.package else "" if line.tier_mode == "none" else line.tier_mode
            rate = "tiers" if line.tiers else format_decimal(line.rate_pico * line.per, 12)
            row = (line.line_id, line.quantity, where, customer, rate, str(line.per), also)
            made.add_row(*(escape(cell) for cell in row))
    out().print(made)
