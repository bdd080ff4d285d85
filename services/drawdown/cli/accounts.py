"""`balance` and `ledger`: what a customer has, and how it came to be."""

from typing import Annotated, Any

import typer
from rich.markup import escape

from drawdown.cli.as_of import instant, show_balance_as_of
from drawdown.cli.output import JSON_HELP, cells, err, moment, out, show_json, table
from drawdown.cli.reading import BalanceReads, Freshness
from drawdown.cli.session import connected
from drawdown.domain.as_of import Known

_CUSTOMER = Annotated[str, typer.Argument(help="The customer's id.")]
_WAIT = Annotated[
    bool, typer.Option("--wait", help="Wait for everything that the ledger has recorded by now.")
]
_JSON = Annotated[bool, typer.Option("--json", help=JSON_HELP)]
_FIGURES = ("balance", "available", "held", "overdraft", "debt", "overage_total")


def balance(
    customer: _CUSTOMER,
    unit: Annotated[str, typer.Option(help="Of this unit only.")] = "",
    as_of: Annotated[
        str,
        typer.Option(help="As it was then, ISO 8601 with a zone; told from the ledger topic."),
    ] = "",
    known: Annotated[
        Known,
        typer.Option(help="With --as-of: by what was recorded then, or by what is known now."),
    ] = "now",
    wait: _WAIT = False,
    as_json: _JSON = False,
) -> None:
    """Show a customer's balances and lots, and how fresh they are."""
    if as_of:
        show_balance_as_of(customer, unit, instant(as_of, "--as-of"), known, as_json=as_json)
        return
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
    frozen = "  [red]frozen[/red]" if account["frozen"] else ""
    console.print(f"[bold]{escape(account['customer_id'])}[/bold]  in {account['unit']}{frozen}")
    for name in _FIGURES:
        if name in ("balance", "available") or account[name] != "0":
            console.print(f"  {name.replace('_', ' '):<14}{account[name]:>18}")
    columns = ("lot", "kind", "granted", "remaining", "reserved", "spent", "expires", "state")
    numbers = ("granted", "remaining", "reserved", "spent")
    lots = table("", *columns, numbers=numbers)
    for lot in account["lots"]:
        lots.add_row(*cells(*_lot_row(lot)))
    of_hold = ("hold", "meter", "reserved", "room", "placed", "expires")
    holds = table("", *of_hold, numbers=("reserved", "room"))
    for hold in account["holds"]:
        moments = (moment(hold["placed_at"]), moment(hold["expires_at"]))
        holds.add_row(
            *cells(
                hold["hold_id"], hold["meter"], hold["reserved"], hold["reserved_room"], *moments
            )
        )
    for shown in (lots, holds):
        if shown.row_count:
            console.print()
            console.print(shown)
    console.print()


def _lot_row(lot: dict[str, Any]) -> tuple[object, ...]:
    return (
        lot["lot_id"],
        lot["kind"] + (f" ({lot['reason']})" if lot["reason"] else ""),
        lot["granted"],
        lot["remaining"],
        lot["reserved"],
        lot["spent"],
        moment(lot.get("expires_at")),
        _state(lot),
    )


def _state(lot: dict[str, Any]) -> str:
    """What a lot's figures don't tell: why it is frozen, or what became of the rest."""
    told = [f"frozen: {', '.join(lot['freezes'])}"] if lot["freezes"] else []
    told += ["closed"] if lot["closed"] else []
    ended = {"expired": "expired", "voided": "voided", "clawed_back": "clawed back", "debt": "debt"}
    told += [f"{lot[name]} {words}" for name, words in ended.items() if lot[name] != "0"]
    return ", ".join(told)


def _show_freshness(freshness: Freshness) -> None:
    out().print(f"[dim]{freshness.sentence()}[/dim]")


def _entry_row(entry: dict[str, Any]) -> tuple[object, ...]:
    return (
        entry["account_seq"],
        moment(entry["recorded_at"]),
        entry["type"] + (f" ({entry['reason']})" if entry["reason"] else ""),
        entry["amount"],
        entry["balance"],
        entry["available"],
        _told(entry),
        entry["cause_id"],
    )


def _told(entry: dict[str, Any]) -> str:
    """What an entry is about: a refusal's code, or the lots that it moves, and why."""
    details = entry.get("details") or {}
    charge = entry.get("charge") or {}
    if rejection := details.get("rejection"):
        return str(rejection["code"])
    told = [
        f"{part['lot_id']} {part['amount']}" + (" reserved" if part["reserved"] else "")
        for part in entry["allocations"]
    ]
    told += [
        f"{charge[name]} {name}"
        for name in ("overdrawn", "overage", "uncovered")
        if charge.get(name, "0") != "0"
    ]
    if hold := details.get("hold"):
        told.append(f"hold {hold['hold_id']} {hold['state']}")
    told += [_told_change(change) for change in details.get("lot_changes", [])]
    if dispute := details.get("dispute"):
        told.append(
            f"dispute {dispute['dispute_id']} of {dispute['payment_id']} {dispute['state']}"
        )
    if refund := details.get("refund"):
        told.append(f"refund {refund['refund_id']} of {refund['event_id'] or refund['payment_id']}")
    told += [f"{name} {value}" for name, value in details.get("policy", {}).items()]
    return ", ".join(told)


def _told_change(change: dict[str, Any]) -> str:
    frozen = f"frozen: {'+'.join(change['freezes'])}" if change["freezes"] else "not frozen"
    closed = ", closed" if change["closed"] else ""
    return f"{change['lot_id']} {frozen}{closed}, expires {moment(change['expires_at'])}"


def _exit_if_unknown(customer: str, found: list[dict[str, Any]]) -> None:
    if not found:
        err().print(f"{customer} has no account here", soft_wrap=True, markup=False)
        raise typer.Exit(1)
