"""`demo`: everything at once, on real input, checked at the end."""

import inspect
from pathlib import Path
from typing import Annotated

import typer

from drawdown import settings
from drawdown.adapters.avro import schema_files
from drawdown.cli.output import JSON_HELP, err, out, show_json, table
from drawdown.demo import trace as traces
from drawdown.demo.run import DemoOptions, new_namespace, run
from drawdown.demo.totals import Totals
from drawdown.domain.numbers import format_credits
from drawdown.errors import NotInAgreement

_CARD = Path("examples") / "rate-cards" / "llm-demo.yaml"

HELP = f"""Play a trace of LLM requests through a real ledger, and watch balances move.

Starts a broker, a database, the ledger processor and the balance projector; applies a rate card;
grants credits of several kinds; plays a trace; stays up until Ctrl-C, or with --once stops by
itself, prints the totals, runs the audit and works out every balance anew; exit code 1 if anything
doesn't add up. Each run is a namespace of its own, and writes what it sent to demo/<namespace>/ in
the data folder: events.jsonl, grants.jsonl, rate-card.yaml.

{inspect.getdoc(traces)}
"""


def demo(
    trace: Annotated[
        Path | None, typer.Option(help="Play this trace; a generated one if absent.")
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Stop when the trace is through.")] = False,
    card: Annotated[
        Path | None, typer.Option(help="The rate card; schemas/examples' llm-demo if absent.")
    ] = None,
    events: Annotated[int, typer.Option(min=1, help="Requests to generate.")] = 20_000,
    customers: Annotated[int, typer.Option(min=1, help="Customers to assign them to.")] = 120,
    rate: Annotated[
        float, typer.Option(min=1, help="Events per second on average; the trace keeps its shape.")
    ] = 2_000,
    speed: Annotated[
        float,
        typer.Option(min=0, help="Times faster than the trace's own time, instead of --rate."),
    ] = 0,
    seed: Annotated[int, typer.Option(help="Of everything that is left to chance.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help=JSON_HELP)] = False,
) -> None:
    """Run the demo; see `HELP`."""
    options = DemoOptions(
        trace=trace,
        card=card or schema_files.folder() / _CARD,
        events=events,
        customers=customers,
        rate=rate,
        speed=speed,
        seed=seed,
        once=once,
    )
    chosen = settings.current()
    if chosen.namespace == settings.Settings.model_fields["namespace"].default:
        chosen = chosen.model_copy(update={"namespace": new_namespace()})
    totals = run(chosen, options, err())
    if totals is None:
        return
    differences = totals.differences()
    if as_json:
        show_json(totals.document())
    else:
        _show(totals)
    if differences:
        raise NotInAgreement(
            f"{len(differences)} figures don't add up; the first: {differences[0]}"
        )


def _show(totals: Totals) -> None:
    console = out()
    document = totals.document()
    console.print(f"events          {totals.sent:,}")
    console.print(f"credits charged {document['credits_charged']}")
    console.print(f"not covered     {document['uncovered']}")
    rejected = ", ".join(f"{code} {count:,}" for code, count in document["rejected"].items())
    console.print(f"rejected        {rejected or '0'}")
    console.print(f"duplicates      {document['duplicates']:,}")
    console.print(f"failed (free)   {document['failed']:,}")
    console.print(f"dead letters    {document['dead_letters']:,}")
    columns = ("charged most", "credits", "balance", "events")
    top = table("", *columns, numbers=columns[1:])
    for each in totals.top:
        charged, balance = format_credits(each.charged), format_credits(each.balance)
        top.add_row(each.customer_id, charged, balance, f"{each.events:,}")
    console.print()
    console.print(top)
    if not document["differences"]:
        console.print()
        console.print(
            f"It adds up: the audit passed, and {len(totals.accounts)} balances recalculated from "
            f"the files equal those in Postgres.",
            soft_wrap=True,
        )
