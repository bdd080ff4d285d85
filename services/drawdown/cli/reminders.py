"""`drawdown reminders`: who is to be told, and when, that credits will expire."""

from typing import Annotated, Any

import typer

from drawdown.adapters.documents.times import format_time
from drawdown.cli.as_of import instant
from drawdown.cli.output import JSON_HELP, cells, moment, out, show_json, table
from drawdown.cli.session import connected, now_us
from drawdown.domain.numbers import DAY_US, format_credits
from drawdown.domain.reminders import Agenda, Digest, Reminder
from drawdown.errors import UsageError
from drawdown.statements.reading import entries_of, every_entry
from drawdown.statements.weeks import weeks_between

_AHEAD_US = 30 * DAY_US


def reminders(
    customer: Annotated[str, typer.Argument(help="The customer's id.")] = "",
    every: Annotated[bool, typer.Option("--all", help="Of every customer.")] = False,
    start: Annotated[
        str, typer.Option("--from", help="Due from then on, ISO 8601 with a zone; now if absent.")
    ] = "",
    until: Annotated[str, typer.Option(help="Due before then; 30 days later if absent.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help=JSON_HELP)] = False,
) -> None:
    """List reminders of expiring credits that are due: 30, 7 and 1 days before, and weekly.

    One for each lot, expiry and threshold; those that had passed when the lot was granted or its
    date was set are skipped, and so are frozen and empty lots. The digest tells, each Monday of
    the reporting zone, what expires in that week. What will be due is told from the lots as they
    stand now.
    """
    if bool(customer) == every:
        raise UsageError("name a customer, or say --all")
    begins = instant(start, "--from") if start else now_us()
    ends = instant(until, "--until") if until else begins + _AHEAD_US
    if begins >= ends:
        raise UsageError("--until must be later than --from")
    settings = connected()
    weeks = weeks_between(begins, ends, settings.reporting_zone)
    agendas: dict[tuple[str, str], Agenda] = {}
    for entry in every_entry(settings) if every else entries_of(settings, customer):
        key = (entry.facts.customer_id, entry.facts.unit)
        agendas.setdefault(key, Agenda(begins, ends, weeks)).look_at(entry.facts)
    for agenda in agendas.values():
        agenda.finish()
    due = [each for agenda in agendas.values() for each in agenda.reminders]
    weekly = [each for agenda in agendas.values() for each in agenda.digests]
    due.sort(key=lambda each: (each.due_at, each.customer_id, each.unit, each.lot_id))
    weekly.sort(key=lambda each: (each.week.starts_at, each.customer_id, each.unit))
    documents = [_document(each) for each in due]
    found = {"reminders": documents, "digests": [_digest_document(each) for each in weekly]}
    if as_json:
        between = {"from": format_time(begins), "until": format_time(ends)}
        show_json({**between, **found})
    else:
        _show(found)


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
