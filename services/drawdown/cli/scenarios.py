"""`scenario`: stories of grants and usage, played through the real ledger without a broker."""

from pathlib import Path
from typing import Annotated

import typer

from drawdown.adapters.documents.times import format_time
from drawdown.cli.output import JSON_HELP, cells, err, out, show_json, table
from drawdown.domain.entries import PARTITION_CUSTOMER
from drawdown.scenarios.document import read_scenario
from drawdown.scenarios.format import format_text
from drawdown.scenarios.playing import Played, PlayedStep, play

app = typer.Typer(
    help="Play scenarios: what happens when, and what must come of it.", no_args_is_help=True
)


@app.command("run")
def run(
    file: Annotated[Path, typer.Argument(help="A scenario, YAML or JSON.")],
    as_json: Annotated[bool, typer.Option("--json", help=JSON_HELP)] = False,
) -> None:
    """Play a scenario and compare what comes with what it expects; exit code 1 if it differs.

    `drawdown scenario format` says what may stand in the file.
    """
    played = play(read_scenario(file))
    if as_json:
        show_json(played.document())
    else:
        _show(played)
    if not played.passed:
        err().print(f"{file}: {played.first_difference}", soft_wrap=True, markup=False)
        raise typer.Exit(1)


@app.command("format")
def show_format() -> None:
    """Say what may stand in a scenario."""
    typer.echo(format_text())


def _show(played: Played) -> None:
    columns = ("step", "at", "input", "outcome", "entries", "balance", "available", "")
    shown = table(played.scenario.title, *columns, numbers=("step", "balance", "available"))
    for step in played.steps:
        shown.add_row(*cells(*_row(step)))
    out().print(shown)
    count = sum(len(step.differences) for step in played.steps)
    out().print("as expected" if played.passed else f"{count} differences; the first:")


def _row(played: PlayedStep) -> tuple[object, ...]:
    outcome = played.decision.get("code") or played.decision.get("outcome")
    # A tick is about no customer; what it did to the first one says more.
    of_customers = [each for each in played.accounts if each["customer_id"] != PARTITION_CUSTOMER]
    account = of_customers[0] if of_customers else {}
    entries = [f"{entry['type']} {entry['amount']}" for entry in played.entries[:3]]
    more = f", … ({len(played.entries)})" if len(played.entries) > len(entries) else ""
    return (
        played.step.number,
        _shown_time(played),
        played.step.action,
        outcome,
        ", ".join(entries) + more,
        account.get("balance"),
        account.get("available"),
        "differs" if played.differences else "ok",
    )


def _shown_time(played: PlayedStep) -> str:
    """A step's time without its seconds where they are 0."""
    written = format_time(played.step.at)
    return written.removesuffix(":00Z").replace("T", " ").removesuffix("Z")
