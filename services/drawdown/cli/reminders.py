"""`drawdown reminders`: who is to be told, and when, that credits will expire."""

from typing import Annotated, Any

import typer

from drawdown.adapters.documents.times import format_time
from drawdown.adapters.weeks import Weeks
from drawdown.cli.as_of import instant
from drawdown.cli.expiration_reading import ExpirationReads, show_freshness
from drawdown.cli.output import JSON_HELP, cells, moment, out, show_json, table
from drawdown.cli.session import connected, now_us
from drawdown.domain.numbers import DAY_US, format_credits
from drawdown.domain.reminders import WEEKLY, Digest, Reminder, digests
from drawdown.errors import UsageError

_AHEAD_US = 30 * DAY_US


def reminders(
    customer: Annotated[str, typer.Argument(help="The customer's id.")] = "",
    every: Annotated[bool, typer.Option("--all", help="Of every customer.")] = False,
    start: Annotated[
        str, typer.Option("--from", help="Due from then on, ISO 8601 with a zone; now if absent.")
    ] = "",
    until: Annotated[str, typer.Option(help="Due before then; 30 days later if absent.")] = "",
    wait: Annotated[
        bool,
        typer.Option("--wait", help="Wait for everything that the ledger has recorded by now."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help=JSON_HELP)] = False,
) -> None:
    """List reminders of expiring credits that are due: 30, 7 and 1 days before, and weekly.

    One for each lot, expiry and threshold; those that had passed when the lot was granted or its
    date was set are skipped, and so are frozen and empty lots. The digest tells, each Monday of
    the reporting zone, what expires in that week. What was due is told as the lots stood then,
    what will be due as they stand now.
    """
    if bool(customer) == every:
        raise UsageError("name a customer, or say --all")
    begins = instant(start, "--from") if start else now_us()
    ends = instant(until, "--until") if until else begins + _AHEAD_US
    if begins >= ends:
        raise UsageError("--until must be later than --from")
    settings = connected()
    reads = ExpirationReads(settings)
    # What is read afterwards can't be older than this says.
    fresh = reads.freshnesses(customer, wait=wait)
    told = reads.reminders(customer, begins, ends)
    due = [each for each in told if each.days != WEEKLY]
    weekly = digests(told, Weeks(settings.reporting_zone))
    documents = [_document(each) for each in due]
    found = {"reminders": documents, "digests": [_digest_document(each) for each in weekly]}
    if as_json:
        between = {"from": format_time(begins), "until": format_time(ends)}
        show_json({**between, **found, "freshness": [each.document() for each in fresh]})
    else:
        _show(found)
        show_freshness(fresh)


def _document(reminder: Reminder) -> dict[str, Any]:
    return {
        "customer_id": reminder.customer_id,
        "unit": reminder.unit,
        "lot_id": reminder.lot_id,
        "amount": format_credits(reminder.amount),
        "expires_at": format_time(reminder.expires_at),
        "days": reminder.days,
        "due_at": format_time(reminder.due_at),
    }


def _digest_document(digest: Digest) -> dict[str, Any]:
    return {
        "customer_id": digest.customer_id,
        "unit": digest.unit,
        "week": digest.week.name,
        "due_at": format_time(digest.week.starts_at),
        "amount": format_credits(digest.amount),
        "expiring": [
            {
                "lot_id": each.lot_id,
                "amount": format_credits(each.amount),
                "expires_at": format_time(each.expires_at),
            }
            for each in digest.expiring
        ],
    }


def _show(found: dict[str, list[dict[str, Any]]]) -> None:
    columns = ("due", "customer", "unit", "lot", "credits", "expires", "days before")
    shown = table("Reminders", *columns, numbers=("credits", "days before"))
    for each in found["reminders"]:
        named = (moment(each["due_at"]), each["customer_id"], each["unit"], each["lot_id"])
        shown.add_row(*cells(*named, each["amount"], moment(each["expires_at"]), each["days"]))
    out().print(shown)
    weekly = table("Digests", "week", "customer", "unit", "credits", "lots", numbers=("credits",))
    for each in found["digests"]:
        lots = ", ".join(f"{lot['lot_id']} {lot['amount']}" for lot in each["expiring"])
        weekly.add_row(
            *cells(each["week"], each["customer_id"], each["unit"], each["amount"], lots)
        )
    if found["digests"]:
        out().print(weekly)
