"""`balance` and `ledger`: what a customer has, and how it came to be."""

from typing import Annotated, Any

import typer

from drawdown.cli.output import JSON_HELP, cells, err, moment, out, show_json, table
from drawdown.cli.reading import BalanceReads, Freshness
from drawdown.cli.session import connected

_CUSTOMER = Annotated[str, typer.Argument(help="The customer's id.")]
_WAIT = Annotated[
    bool, typer.Option("--wait", help="Wait for everything that the ledger has recorded by now.")
]
_JSON = Annotated[bool, typer.Option("--json", help=JSON_HELP)]
_FIGURES = ("balance", "available", "held", "overdraft", "debt", "overage_total")


def balance(
    customer: _CUSTOMER,
    unit: Annotated[str, typer.Option(help="Of this unit only.")] = "",
    wait: _WAIT = False,
    as_json: _JSON = False,
) -> None:
    """Show a customer's balances and lots, and how fresh they are."""
    reads = BalanceReads(connected())
    if wait:
        reads.wait(customer)
    accounts = reads.accounts(customer, unit)
    freshness = reads.freshness(customer)
    if as_json:
        show_json(
            {"customer_id": customer, "accounts": accounts, "freshness": freshness.document()}
        )
    else:
        for account in accounts:
            _show_account(account)
        if accounts:
            _show_freshness(freshness)
    _exit_if_unknown(customer, accounts)


def ledger(
    customer: _CUSTOMER,
    unit: Annotated[str, typer.Option(help="The account's unit.")] = "credit",
    limit: Annotated[int, typer.Option(min=1, help="Entries at most, the newest first.")] = 20,
    wait: _WAIT = False,
    as_json: _JSON = False,
) -> None:
    """Show a customer's last ledger entries, the newest first."""
    reads = BalanceReads(connected())
    if wait:
        reads.wait(customer)
    entries = reads.entries(customer, unit, limit)
    if as_json:
        freshness = reads.freshness(customer).document()
        show_json({"customer_id": customer, "entries": entries, "freshness": freshness})
    elif entries:
        columns = ("seq", "recorded", "type", "amount", "balance", "available", "of", "cause")
        shown = table(customer, *columns, numbers=("seq", "amount", "balance", "available"))
        for entry in entries:
            shown.add_row(*cells(*_entry_row(entry)))
        out().print(shown)
    _exit_if_unknown(customer, entries)


def _show_account(account: dict[str, Any]) -> None:
    console = out()
    console.print(f"[bold]{account['customer_id']}[/bold]  in {account['unit']}")
    for name in _FIGURES:
        if name in ("balance", "available") or account[name] != "0":
            console.print(f"  {name.replace('_', ' '):<14}{account[name]:>18}")
    columns = ("lot", "kind", "granted", "remaining", "spent", "expires")
    lots = table("", *columns, numbers=("granted", "remaining", "spent"))
    for lot in account["lots"]:
        lots.add_row(
            *cells(
                lot["lot_id"],
                lot["kind"] + (f" ({lot['reason']})" if lot["reason"] else ""),
                lot["granted"],
                lot["remaining"],
                lot["spent"],
                moment(lot.get("expires_at")),
            )
        )
    if account["lots"]:
        console.print()
        console.print(lots)
    console.print()


def _show_freshness(freshness: Freshness) -> None:
    state = "up to date"
    if freshness.records_behind:
        state = f"{freshness.records_behind} entries and {freshness.lag_ms} ms behind the ledger"
    out().print(
        f"[dim]{state}, at entry {freshness.partition_seq} of partition {freshness.partition}[/dim]"
    )


def _entry_row(entry: dict[str, Any]) -> tuple[object, ...]:
    drawn = ", ".join(f"{part['lot_id']} {part['amount']}" for part in entry["allocations"])
    rejection = entry.get("details", {}).get("rejection", {})
    return (
        entry["account_seq"],
        moment(entry["recorded_at"]),
        entry["type"],
        entry["amount"],
        entry["balance"],
        entry["available"],
        rejection.get("code") or drawn,
        entry["cause_id"],
    )


def _exit_if_unknown(customer: str, found: list[dict[str, Any]]) -> None:
    if not found:
        err().print(f"{customer} has no account here", soft_wrap=True, markup=False)
        raise typer.Exit(1)
