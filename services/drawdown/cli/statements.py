"""`statement`: one month of a customer's account, from opening to closing balance."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

import typer

from drawdown.adapters.documents.times import format_time
from drawdown.adapters.postgres.snapshots import snapshot
from drawdown.adapters.zones import zone_named
from drawdown.cli.output import JSON_HELP, cells, err, moment, out, show_csv, show_json, table
from drawdown.cli.reading import BalanceReads, Freshness
from drawdown.cli.session import connected, now_us
from drawdown.domain.numbers import format_credits
from drawdown.errors import UsageError
from drawdown.statements.monthly import Figures, Movement, Statement
from drawdown.statements.months import month_of
from drawdown.statements.movements import read_statement

_COLUMNS: Final = ("day", "kind", "of", "entries", *Figures._fields, "balance_after")
_SHOWN: Final = {"overage_total": "overage", "balance_after": "balance after"}


def statement(
    customer: Annotated[str, typer.Argument(help="The customer's id.")],
    month: Annotated[
        str, typer.Option(help="Such as 2026-11, in the reporting zone; this month if absent.")
    ] = "",
    unit: Annotated[str, typer.Option(help="The account's unit.")] = "credit",
    wait: Annotated[
        bool,
        typer.Option("--wait", help="Wait for everything that the ledger has recorded by now."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help=JSON_HELP)] = False,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="Print CSV: a line for each movement.")
    ] = False,
) -> None:
    """Show a month of a customer's account: opening balance, movements, closing balance, lots.

    Movements stand by day, kind and meter; an entry counts when the ledger recorded it. Opening
    balance and movements come to the closing balance, which is that of the month's last entry and
    what the lots have, less overdraft and debt: it is checked, in each figure, before it is shown.
    """
    if as_json and as_csv:
        raise UsageError("--json or --csv, not both")
    settings = connected()
    zone = zone_named(settings.reporting_zone)
    chosen = month_of(month or datetime.now(UTC).astimezone(zone).strftime("%Y-%m"), zone)
    if chosen.starts_at > now_us():
        raise UsageError(f"{chosen.name} hasn't begun")
    reads = BalanceReads(settings)
    if wait:
        reads.wait(customer)
    # What is read afterwards can't be older than the figures are.
    freshness = reads.freshness(customer)
    with snapshot(settings, "balance") as connection:
        found = read_statement(connection, customer, unit, chosen, zone)
    if found is None:
        err().print(f"{customer} has no account in {unit} here", soft_wrap=True, markup=False)
        raise typer.Exit(1)
    if as_json:
        document = statement_document(found, zone)
        show_json({**document, "freshness": freshness.document()})
    elif as_csv:
        show_csv(_COLUMNS, statement_rows(found))
    else:
        _show(found, freshness, zone)


def statement_rows(found: Statement) -> list[tuple[object, ...]]:
    """A row for the opening, each movement and the closing; credits as decimals.

    Of each figure the movements come to closing less opening.
    """
    opening, reached = found.opening, found.opening.balance
    rows = [_row("", "opening", "", "", opening)]
    for each in found.movements:
        reached += each.moved.balance
        rows.append((*_movement_cells(each), format_credits(reached)))
    return [*rows, _row("", "closing", "", found.entries, found.closing)]


def _row(day: str, kind: str, of: str, entries: object, stated: Figures) -> tuple[object, ...]:
    """What an account has at one end of the month; only its balance stands in a column."""
    return (day, kind, of, entries, *("" for _ in stated), format_credits(stated.balance))


def _movement_cells(each: Movement) -> tuple[object, ...]:
    moved = (format_credits(figure) for figure in each.moved)
    return (each.day, each.kind, each.of, each.entries, *moved)


def statement_document(found: Statement, zone: ZoneInfo) -> dict[str, Any]:
    """A statement as JSON; credits as decimal text."""
    return {
        "customer_id": found.customer_id,
        "unit": found.unit,
        "month": found.month.name,
        "zone": zone.key,
        "from": format_time(found.month.starts_at),
        "until": format_time(found.month.ends_at),
        "final": found.final,
        "opening": {"account_seq": found.opening_seq, **_figures(found.opening)},
        "movements": [
            {
                "day": each.day,
                "kind": each.kind,
                "of": each.of,
                "entries": each.entries,
                **_figures(each.moved),
            }
            for each in found.movements
        ],
        "closing": {
            "account_seq": found.closing_seq,
            **_figures(found.closing),
            "available": format_credits(found.available),
        },
        "lots": [
            {
                "lot_id": lot.lot_id,
                "kind": lot.kind,
                "granted": format_credits(lot.granted),
                "remaining": format_credits(lot.remaining),
                "reserved": format_credits(lot.reserved),
                "expires_at": None if lot.expires_at is None else format_time(lot.expires_at),
                "frozen": lot.frozen,
            }
            for lot in found.lots
        ],
    }


def _figures(figures: Figures) -> dict[str, str]:
    return {name: format_credits(each) for name, each in figures._asdict().items()}


def _show(found: Statement, freshness: Freshness, zone: ZoneInfo) -> None:
    console = out()
    console.print(
        f"{found.customer_id} in {found.unit}, {found.month.name} ({zone.key})", markup=False
    )
    used = [name for name in Figures._fields if name == "balance" or _moves(found, name)]
    names = ("day", "kind", "of", "entries", *used, "balance_after")
    columns = [_SHOWN.get(name, name) for name in names]
    shown = table("", *columns, numbers=columns[3:])
    for row in statement_rows(found):
        told = dict(zip(_COLUMNS, row, strict=True))
        shown.add_row(*cells(*(told[name] for name in names)))
    console.print(shown)
    _show_lots(found)
    state = "final" if found.final else "nothing is recorded after it yet: more may come"
    console.print(f"[dim]{state}; {freshness.sentence()}[/dim]")


def _moves(found: Statement, name: str) -> bool:
    every = (each.moved for each in found.movements)
    return any(getattr(each, name) for each in every)


def _show_lots(found: Statement) -> None:
    columns = ("lot at the end", "kind", "granted", "remaining", "reserved", "expires", "state")
    lots = table("", *columns, numbers=("granted", "remaining", "reserved"))
    for lot in found.lots:
        amounts = (format_credits(each) for each in (lot.granted, lot.remaining, lot.reserved))
        expires = None if lot.expires_at is None else format_time(lot.expires_at)
        state = "frozen" if lot.frozen else ""
        lots.add_row(*cells(lot.lot_id, lot.kind, *amounts, moment(expires), state))
    if lots.row_count:
        out().print(lots)
