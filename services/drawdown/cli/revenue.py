"""`drawdown revenue`: the roll-forward of deferred revenue, its journal, and the period close."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Final

import typer

from drawdown.adapters.postgres.connections import Connection
from drawdown.adapters.postgres.snapshots import snapshot
from drawdown.cli import freshness
from drawdown.cli.journal_output import (
    POSTING_COLUMNS,
    TRIAL_COLUMNS,
    journal_document,
    postings,
    print_journal,
    trial_rows,
)
from drawdown.cli.output import JSON_HELP, out, show_csv, show_json
from drawdown.cli.replies import refusal, reply_document
from drawdown.cli.rollforward_output import (
    NAMES,
    rollforward_columns,
    rollforward_document,
    rollforward_row,
    show_rollforward,
)
from drawdown.cli.sending import send_to_every_partition
from drawdown.cli.session import connected
from drawdown.domain.inputs import ClosePeriod
from drawdown.errors import UsageError
from drawdown.settings import Settings
from drawdown.statements.chart import read_chart
from drawdown.statements.days import closing_instant, day_named, span_of
from drawdown.statements.journal import journal, trial_balance
from drawdown.statements.rollforward import By, Span, read_rollforward

app = typer.Typer(no_args_is_help=True, help="Deferred revenue: roll-forward, journal, close.")

_PROJECTION: Final = "revenue"
_MONTH = Annotated[str, typer.Option(help="Such as 2026-11, in the reporting zone.")]
_FROM = Annotated[str, typer.Option("--from", help="The first day, instead of a month.")]
_TO = Annotated[str, typer.Option("--to", help="The last day, which counts.")]
_CUSTOMER = Annotated[str, typer.Option(help="Of one customer; of all if absent.")]
_WAIT = Annotated[
    bool, typer.Option("--wait", help="Wait for everything that the ledger has recorded by now.")
]
_JSON = Annotated[bool, typer.Option("--json", help=JSON_HELP)]
_CSV = Annotated[bool, typer.Option("--csv", help="Print CSV.")]


@app.command()
def rollforward(
    month: _MONTH = "",
    start: _FROM = "",
    until: _TO = "",
    customer: _CUSTOMER = "",
    by: Annotated[str, typer.Option(help="total, customer, lot or day.")] = "total",
    wait: _WAIT = False,
    as_json: _JSON = False,
    as_csv: _CSV = False,
) -> None:
    """Show deferred revenue from opening to closing: billed, recognized, breakage, refunds, ….

    opening + billed + transferred − recognized − breakage − refunded − chargeback − adjusted =
    closing, to the minor unit, for any days and each currency. Promotional credits stand apart, at
    list value; overage in credits, for the next invoice. This month, if no days are named.
    """
    grouped = _by(by)
    with _reading(month, start, until, customer, wait, as_json, as_csv) as (settings, span, rows):
        found = read_rollforward(rows, span, grouped)
    if as_csv:
        show_csv(rollforward_columns(grouped), map(rollforward_row, found.lines))
        return
    fresh = freshness.freshness_of(settings, _PROJECTION, customer)
    if as_json:
        show_json(rollforward_document(settings, span, found, fresh))
    else:
        show_rollforward(settings, span, found, fresh)


@app.command("journal")
def show_journal(
    month: _MONTH = "",
    start: _FROM = "",
    until: _TO = "",
    customer: _CUSTOMER = "",
    summary: Annotated[
        bool, typer.Option("--summary", help="The trial balance alone, by account.")
    ] = False,
    wait: _WAIT = False,
    as_json: _JSON = False,
    as_csv: _CSV = False,
) -> None:
    """Show the double-entry journal: a balanced entry for each lot and day, and the trial balance.

    `DRAWDOWN_REVENUE_ACCOUNTS` names a YAML file with the accounts' names. CSV has a line for each
    posting, made while it is read, so that any month fits.
    """
    with _reading(month, start, until, customer, wait, as_json, as_csv) as (settings, span, rows):
        entries = journal(rows, span, read_chart(settings.revenue_accounts))
        if as_csv and not summary:
            show_csv(POSTING_COLUMNS, postings(entries))
            return
        kept = [] if summary else list(entries)
        balance = trial_balance(entries if summary else kept)
    if as_csv:
        show_csv(TRIAL_COLUMNS, trial_rows(balance))
        return
    fresh = freshness.freshness_of(settings, _PROJECTION, customer)
    if as_json:
        show_json(journal_document(settings, span, kept, balance, fresh))
    else:
        print_journal(settings, span, kept, balance, fresh)


@app.command()
def close(
    until: Annotated[
        str, typer.Option(help="The first day that stays open, such as 2026-12-01.")
    ] = "",
    month: Annotated[
        str, typer.Option(help="The last month that is closed, such as 2026-11.")
    ] = "",
    reason: Annotated[str, typer.Option(help="Why, or by whose word.")] = "",
    as_json: _JSON = False,
) -> None:
    """Close the books before a day: what was reported of it never changes afterwards.

    What is effective earlier and comes later falls on the first open day. It can't be undone.
    """
    if bool(until) == bool(month):
        raise UsageError("say --until DAY, or --month MONTH")
    settings = connected()
    first_open = (
        day_named(until, "--until") if until else span_of(month, "", "", "", settings).until
    )
    at = closing_instant(first_open, settings)
    replies = send_to_every_partition(
        settings,
        ClosePeriod(closed_until=at),
        command_id=f"close-until-{first_open}",
        reason=reason,
    )
    if as_json:
        show_json([reply_document(reply) for reply in replies])
    reasons = sorted({refusal(reply) for reply in replies if reply.code})
    if reasons:
        raise UsageError(f"the books weren't closed until {first_open}: {'; '.join(reasons)}")
    if not as_json:
        zone = settings.reporting_zone
        out().print(f"closed before {first_open} ({zone}) in {len(replies)} partitions")


@contextmanager
def _reading(
    month: str, start: str, until: str, customer: str, wait: bool, as_json: bool, as_csv: bool
) -> Iterator[tuple[Settings, Span, Connection]]:
    """What every report begins with: settings, days, and one snapshot of the rows."""
    if as_json and as_csv:
        raise UsageError("--json or --csv, not both")
    settings = connected()
    span = span_of(month, start, until, customer, settings)
    if wait:
        freshness.wait_for(settings, _PROJECTION, customer)
    with snapshot(settings, _PROJECTION) as connection:
        yield settings, span, connection


def _by(text: str) -> By:
    for each in NAMES:
        if each == text:
            return each
    raise UsageError(f"--by is one of {', '.join(NAMES)}, not {text!r}")
