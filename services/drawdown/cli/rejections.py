"""`rejections`: usage that was refused and not charged since: list it, decide it again."""

import secrets
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Final

import typer

from drawdown.adapters.avro.wire import Wire
from drawdown.adapters.documents.times import format_time
from drawdown.adapters.kafka.requests import REPLY_TIMEOUT_S
from drawdown.cli.as_of import instant
from drawdown.cli.output import JSON_HELP, cells, err, moment, out, progress, show_json, table
from drawdown.cli.replies import refusal
from drawdown.cli.sending import ACTOR, send_commands
from drawdown.cli.session import connected, now_us
from drawdown.domain.codes import PRECEDENCE
from drawdown.domain.inputs import Command, RedriveRejected
from drawdown.domain.replies import Reply
from drawdown.errors import UsageError
from drawdown.repair.rejections import RejectedEvent, Wanted, find_rejected

app = typer.Typer(no_args_is_help=True, help="Usage that was refused and not charged since.")

_REFUSED_SHOWN: Final = 5
_JSON = Annotated[bool, typer.Option("--json", help=JSON_HELP)]
_CUSTOMER = Annotated[str, typer.Option(help="Only of this customer.")]
_SINCE = Annotated[str, typer.Option(help="Refused since then, ISO 8601 with a zone.")]


def _wanted(reason: str, customer: str, since: str) -> Wanted:
    if reason and reason not in PRECEDENCE:
        raise UsageError(f"--reason {reason!r} is no rejection code, such as no_rate or too_old")
    since_us = instant(since, "--since") if since else 0
    return Wanted(code=reason, customer_id=customer, since=since_us)


@app.command("list")
def list_rejections(
    reason: Annotated[str, typer.Option(help="Only of this code, such as no_rate.")] = "",
    customer: _CUSTOMER = "",
    since: _SINCE = "",
    limit: Annotated[int, typer.Option(min=0, help="The first so many are shown.")] = 50,
    as_json: _JSON = False,
) -> None:
    """List usage that was refused and hasn't been charged since."""
    wanted = _wanted(reason, customer, since)
    settings = connected()
    rows: list[dict[str, Any]] = []
    counts: Counter[str] = Counter()
    for event in find_rejected(settings, Wire(settings), wanted):
        counts[event.code] += 1
        if len(rows) < limit:
            rows.append(_document(event))
    left_out = counts.total() - len(rows)
    if as_json:
        show_json({"rejections": rows, "left_out": left_out, "by_code": dict(counts)})
        return
    shown = table("", "customer", "event", "occurred", "code", "detail")
    for row in rows:
        named = (row["customer_id"], row["event_id"], moment(row["occurred_at"]))
        shown.add_row(*cells(*named, row["code"], row["detail"]))
    if rows:
        out().print(shown, markup=False)
    said = ", ".join(f"{count:,} {code}" for code, count in sorted(counts.items()))
    err().print(f"{counts.total():,} rejected events{': ' if said else ''}{said}", soft_wrap=True)
    if left_out:
        err().print(f"{left_out:,} more are left out: --limit", soft_wrap=True)


def _document(event: RejectedEvent) -> dict[str, Any]:
    return {
        "customer_id": event.customer_id,
        "unit": event.unit,
        "event_id": event.event_id,
        "code": event.code,
        "detail": event.detail,
        "occurred_at": format_time(event.occurred_at),
        "recorded_at": format_time(event.recorded_at),
        "entry_id": event.entry_id,
    }


@app.command("redrive")
def redrive(
    reason: Annotated[str, typer.Option(help="The code they were refused for.")] = "no_rate",
    customer: _CUSTOMER = "",
    since: _SINCE = "",
    rate_card: Annotated[
        str, typer.Option(help="Rate with this version (card@version); absent: that in force then.")
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count, and send nothing.")] = False,
    timeout: Annotated[
        float, typer.Option(min=0.1, help="Seconds to wait for a reply.")
    ] = REPLY_TIMEOUT_S,
    as_json: _JSON = False,
) -> None:
    """Have rejected usage decided again, as of when it occurred, after a rate card was applied.

    What was charged meanwhile stays charged once, so repeating this is harmless. Leaves with 1
    where events are refused again, and says for what.
    """
    wanted = _wanted(reason, customer, since)
    settings = connected()
    events = list(find_rejected(settings, Wire(settings), wanted))
    outcomes: Counter[str] = Counter()
    refused: list[dict[str, Any]] = []
    if not dry_run:
        with progress() as bar:
            task = bar.add_task("redriving", total=len(events))
            replies = send_commands(settings, _commands(events, rate_card), timeout_s=timeout)
            for event, reply in zip(events, replies, strict=True):
                outcomes[reply.outcome] += 1
                if reply.code:
                    refused.append({**_document(event), "refused": _why(reply)})
                bar.advance(task)
    if as_json:
        show_json(
            {
                "dry_run": dry_run,
                "found": len(events),
                "outcomes": dict(outcomes),
                "refused": refused,
            }
        )
    else:
        _show(events, outcomes, refused, dry_run=dry_run)
    if refused:
        raise typer.Exit(1)


def _commands(events: Iterable[RejectedEvent], rate_card: str) -> Iterator[Command]:
    """One for each. A refusal is remembered by its command's id, so each run has its own."""
    run = secrets.token_hex(6)
    for number, event in enumerate(events):
        yield Command(
            command_id=f"redrive-{run}-{number}",
            issued_at=now_us(),
            actor=ACTOR,
            customer_id=event.customer_id,
            unit=event.unit,
            reason="",
            body=RedriveRejected(event_id=event.event_id, rate_card=rate_card),
        )


def _why(reply: Reply) -> dict[str, str]:
    return {"code": reply.code, "detail": reply.detail, "said": refusal(reply)}


def _show(
    events: list[RejectedEvent],
    outcomes: Counter[str],
    refused: list[dict[str, Any]],
    *,
    dry_run: bool,
) -> None:
    if dry_run:
        customers = len({event.customer_id for event in events})
        text = f"{len(events):,} events of {customers:,} customers would be decided again"
        out().print(text, soft_wrap=True)
        return
    shown = table("", "outcome", "events", numbers=("events",))
    for outcome, meaning in (
        ("accepted", "charged"),
        ("duplicate", "charged before"),
        ("rejected", "refused again"),
    ):
        shown.add_row(*cells(meaning, f"{outcomes[outcome]:,}"))
    out().print(shown)
    for each in refused[:_REFUSED_SHOWN]:
        text = f"{each['event_id']} of {each['customer_id']}: {each['refused']['said']}"
        err().print(text, soft_wrap=True, markup=False)
    if len(refused) > _REFUSED_SHOWN:
        err().print(f"and {len(refused) - _REFUSED_SHOWN:,} more (--json has all)", soft_wrap=True)
