"""`drawdown expirations`: which credits expire in the next days, by lot and in sum."""

from dataclasses import asdict
from typing import Annotated, Any, Final

import typer

from drawdown.adapters.documents.times import format_time
from drawdown.cli.as_of import instant
from drawdown.cli.expiration_reading import ExpirationReads, Expired, show_freshness
from drawdown.cli.output import JSON_HELP, cells, moment, out, show_csv, show_json, table
from drawdown.cli.session import connected, now_us
from drawdown.domain.numbers import DAY_US, format_credits
from drawdown.errors import UsageError
from drawdown.statements.explaining import money

_COLUMNS: Final = (
    *("customer_id", "unit", "lot_id", "kind", "state", "amount", "reserved", "expires_at"),
    *("breakage_minor", "currency"),
)
_SUMMED: Final = ("unit", "state", "currency")
_NUMBERS: Final = ("credits", "reserved", "lots", "breakage")


def expirations(
    customer: Annotated[
        str, typer.Argument(help="The customer's id; of every one if absent.")
    ] = "",
    days: Annotated[int, typer.Option(min=1, max=36_500, help="How many days ahead.")] = 30,
    at: Annotated[
        str, typer.Option(help="From then on, ISO 8601 with a zone; now if absent.")
    ] = "",
    wait: Annotated[
        bool,
        typer.Option("--wait", help="Wait for everything that the ledger has recorded by now."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help=JSON_HELP)] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV: a line for each lot.")] = False,
) -> None:
    """List the credits that expire in the next days, by lot, with totals and breakage.

    Left out is what doesn't expire: credits that holds have reserved, frozen lots, lots without a
    date. With --at in the past, what has expired since then is listed too. Breakage is the revenue
    that it releases, at each lot's price.
    """
    if as_json and as_csv:
        raise UsageError("--json or --csv, not both")
    start = instant(at, "--at") if at else now_us()
    until = start + days * DAY_US
    reads = ExpirationReads(connected())
    # What is read afterwards can't be older than this says.
    fresh = reads.freshnesses(customer, wait=wait)
    found = reads.expirations(customer, start, until)
    if as_csv:
        documents = [_document(each) for each in found]
        show_csv(_COLUMNS, [[each[name] for name in _COLUMNS] for each in documents])
    elif as_json:
        show_json(
            {
                "from": format_time(start),
                "until": format_time(until),
                "expirations": [_document(each) for each in found],
                "customers": totals(found, "customer_id", *_SUMMED),
                "totals": totals(found, *_SUMMED),
                "freshness": [each.document() for each in fresh],
            }
        )
    else:
        if found:
            _show(found, customer)
        else:
            between = f"{moment(format_time(start))} and {moment(format_time(until))}"
            out().print(f"Nothing expires between {between}.", soft_wrap=True)
        show_freshness(fresh)


def totals(found: list[Expired], *names: str) -> list[dict[str, Any]]:
    """Lots, credits and breakage by these fields, in their order; money of one currency only."""
    sums: dict[tuple[str, ...], list[Expired]] = {}
    for each in found:
        key = tuple(_state(each) if name == "state" else getattr(each, name) for name in names)
        sums.setdefault(key, []).append(each)
    return [
        {
            **dict(zip(names, key, strict=True)),
            "lots": len({(each.customer_id, each.unit, each.lot_id) for each in of}),
            "amount": format_credits(sum(each.amount for each in of)),
            "breakage_minor": sum(each.breakage_minor for each in of),
        }
        for key, of in sorted(sums.items())
    ]


def _state(each: Expired) -> str:
    return "expired" if each.booked else "expires"


def _document(each: Expired) -> dict[str, Any]:
    return {
        **{name: value for name, value in asdict(each).items() if name != "booked"},
        "state": _state(each),
        "amount": format_credits(each.amount),
        "reserved": format_credits(each.reserved),
        "expires_at": format_time(each.expires_at),
    }


def _show(found: list[Expired], customer: str) -> None:
    columns = ("expires", "customer", "unit", "lot", "kind", "credits", "reserved", "breakage")
    lots = table("Expirations", *columns, "state", numbers=_NUMBERS)
    for each in found:
        lots.add_row(
            *cells(
                moment(format_time(each.expires_at)),
                *(each.customer_id, each.unit, each.lot_id, each.kind),
                *(format_credits(each.amount), format_credits(each.reserved)),
                _money(each.breakage_minor, each.currency),
                _state(each),
            )
        )
    out().print(lots)
    summed = _SUMMED if customer else ("customer_id", *_SUMMED)
    names = ("customer", "unit", "state", "lots", "credits", "breakage")
    shown = table("Totals", *names, numbers=_NUMBERS)
    for total in totals(found, *summed) + ([] if customer else totals(found, *_SUMMED)):
        shown.add_row(
            *cells(total.get("customer_id", customer or "all"), total["unit"], total["state"]),
            *cells(total["lots"], total["amount"]),
            *cells(_money(total["breakage_minor"], total["currency"])),
        )
    out().print(shown)


def _money(minor: int, currency: str) -> str:
    """An amount of money for people; nothing where there is no price."""
    return money(minor, currency) if currency else ""
