"""`balance --as-of`: what a customer had at a past time, told from the ledger topic alone."""

from typing import Any

import typer

from drawdown.adapters.documents.entries import LOT
from drawdown.adapters.documents.times import format_time, parse_time
from drawdown.cli.output import cells, err, moment, out, show_json, table
from drawdown.cli.session import connected
from drawdown.domain.as_of import AsOf, Known, Retold, counted_at, standing_at
from drawdown.domain.numbers import format_credits
from drawdown.errors import UsageError
from drawdown.statements.reading import entries_of

_FIGURES = ("balance", "held", "available", "overdraft", "debt", "overage_total")


def instant(text: str, option: str) -> int:
    """The time that an option gives (µs). Raises `UsageError`."""
    try:
        return parse_time(int(text) if text.isdecimal() else text)
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from error


def show_balance_as_of(customer: str, unit: str, at: int, known: Known, *, as_json: bool) -> None:
    """Show a customer's accounts as they were at `at` (µs)."""
    retold: dict[str, Retold] = {}
    for entry in entries_of(connected(), customer):
        facts = entry.facts
        if unit in ("", facts.unit):
            retold.setdefault(facts.unit, Retold(at, known)).look_at(facts)
    told = {each: account.told() for each, account in sorted(retold.items())}
    # An account begins with its first entry: before that there was none.
    told = {each: account for each, account in told.items() if account.entries}
    documents = [as_of_document(account, each) for each, account in told.items()]
    if as_json:
        known_at = {"as_of": format_time(at), "known": known}
        show_json({"customer_id": customer, **known_at, "accounts": documents})
    else:
        for document in documents:
            _show(customer, document, at, known)
    if not documents:
        err().print(f"{customer} had no account then", soft_wrap=True, markup=False)
        raise typer.Exit(1)


def as_of_document(account: AsOf, unit: str) -> dict[str, Any]:
    """An account at a time, as JSON; `counted` is what of a lot stands in the balance."""
    return {
        "unit": unit,
        **{name: format_credits(getattr(account, name)) for name in _FIGURES},
        "lots": [
            {
                **LOT.write(lot),
                "state": standing_at(lot, account.at),
                "counted": format_credits(counted_at(lot, account.at)),
            }
            for lot in account.standing
        ],
    }


def _show(customer: str, document: dict[str, Any], at: int, known: Known) -> None:
    console = out()
    when = f"as of {moment(format_time(at))}, as known {known}"
    console.print(f"{customer} in {document['unit']}, {when}", markup=False)
    for name in _FIGURES:
        if name in ("balance", "available") or document[name] != "0":
            console.print(f"  {name.replace('_', ' '):<14}{document[name]:>18}")
    columns = ("lot", "kind", "granted", "remaining", "counted", "expires", "state")
    lots = table("", *columns, numbers=("granted", "remaining", "counted"))
    for lot in document["lots"]:
        row = (lot["lot_id"], lot["kind"], lot["granted"], lot["remaining"], lot["counted"])
        lots.add_row(*cells(*row, moment(lot.get("expires_at")), lot["state"]))
    console.print()
    console.print(lots)
