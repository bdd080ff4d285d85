"""`drawdown whatif`: the recorded inputs decided again under other terms."""

from pathlib import Path
from typing import Annotated, Any

import typer

from drawdown.adapters.documents.rate_card import read_rate_card
from drawdown.adapters.documents.times import format_time
from drawdown.cli.as_of import instant
from drawdown.cli.output import JSON_HELP, cells, out, show_json, table
from drawdown.cli.session import connected, now_us
from drawdown.domain.burn_order import BURN_ORDERS
from drawdown.errors import UsageError
from drawdown.whatif.change import Change
from drawdown.whatif.run import reach, what_if

_TABLES = {
    "meters": ("meter", ("charged", "overage", "uncovered")),
    "kinds": ("kind", ("spent", "expired", "remaining")),
    "accounts": ("", ("balance", "overdraft", "debt")),
}


def whatif(
    rates: Annotated[
        Path | None, typer.Option(help="A rate card in place of those in force since then.")
    ] = None,
    since: Annotated[
        str, typer.Option(help="From when, ISO 8601 with a zone; absent: as far as inputs reach.")
    ] = "",
    burn_order: Annotated[
        str, typer.Option(help=f"For every account: {', '.join(BURN_ORDERS)}.")
    ] = "",
    expiry_days: Annotated[
        int | None, typer.Option(min=1, help="The life in days of lots granted since then.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help=JSON_HELP)] = False,
) -> None:
    """Decide the recorded inputs again in memory, with a change, and show the difference.

    Usage and commands since then are decided in the ledger's own order, from the state that the
    entries before then fold to. Nothing is written. A card given by --rates is in force from then
    on, whatever its own date; lots that were open then keep their expiry. Totals stand under all.
    """
    if burn_order and burn_order not in BURN_ORDERS:
        raise UsageError(f"--burn-order {burn_order!r} is none of {', '.join(BURN_ORDERS)}")
    asked = None if not since else instant(since, "--since")
    card = None if rates is None else read_rate_card(rates, soonest=now_us())
    settings = connected()
    reached = reach(settings)
    change = Change(
        since=reached.earliest if asked is None else asked,
        card=card,
        burn_order=burn_order,
        expiry_days=expiry_days,
    )
    found = what_if(settings, change, reached).document()
    found = {"since": format_time(change.since), **found}
    if as_json:
        show_json(found)
    else:
        _show(found)


def _show(found: dict[str, Any]) -> None:
    console = out()
    console.print(f"{found['inputs']} inputs decided again, since {found['since']}")
    if not found["differs"]:
        console.print("No difference.")
        return
    for name, (label, figures) in _TABLES.items():
        rows = [row for row in found[name] if row["differs"]]
        columns = ("customer", "unit", *([label] if label else []), *figures)
        shown = table(f"By {label or 'account'}", *columns, numbers=figures)
        for row in rows:
            named = [row["customer_id"], row["unit"], *([row[label]] if label else [])]
            shown.add_row(*cells(*named, *(_moved(row[figure]) for figure in figures)))
        if rows:
            console.print(shown)
            console.print()


def _moved(figure: dict[str, str]) -> str:
    if figure["before"] == figure["after"]:
        return figure["before"]
    sign = "" if figure["difference"].startswith("-") else "+"
    return f"{figure['before']} → {figure['after']} ({sign}{figure['difference']})"
