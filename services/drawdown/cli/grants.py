"""`grant`: give a customer credits."""

import secrets
from typing import Annotated

import typer

from drawdown.adapters.documents.commands import parse_command
from drawdown.cli.output import JSON_HELP, err, out, show_json
from drawdown.cli.replies import refusal, reply_document
from drawdown.cli.sending import ACTOR, send_commands
from drawdown.cli.session import connected, now_us
from drawdown.domain.currencies import places_of
from drawdown.domain.numbers import format_credits, parse_decimal
from drawdown.domain.replies import Reply
from drawdown.errors import UsageError


def grant(
    customer: Annotated[str, typer.Argument(help="The customer's id.")],
    amount: Annotated[str, typer.Argument(help="Credits, with up to 6 decimal places.")],
    kind: Annotated[
        str, typer.Option(help="purchased, promotional, included or adjustment.")
    ] = "promotional",
    price: Annotated[
        str, typer.Option(help="What was paid for all of it, such as 99.50; needs --currency.")
    ] = "",
    currency: Annotated[str, typer.Option(help="ISO 4217, such as USD.")] = "",
    expires: Annotated[
        str, typer.Option(help="When it expires, such as 2027-01-31T00:00:00Z; never if absent.")
    ] = "",
    effective: Annotated[str, typer.Option(help="When it starts; at once if absent.")] = "",
    priority: Annotated[int, typer.Option(help="0–100; lower ones are drawn first.")] = 50,
    meter: Annotated[
        list[str] | None, typer.Option(help="Only usage of this meter may draw it; repeatable.")
    ] = None,
    reason: Annotated[str, typer.Option(help="welcome, referral, compensation, …")] = "",
    campaign: Annotated[str, typer.Option(help="A customer gets one grant of each.")] = "",
    payment: Annotated[str, typer.Option(help="The payment's id, granted once.")] = "",
    unit: Annotated[str, typer.Option(help="What is granted.")] = "credit",
    command_id: Annotated[
        str, typer.Option(help="Repeat it to be sure that it is granted once.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help=JSON_HELP)] = False,
) -> None:
    """Grant a customer credits, and wait until the ledger has recorded it."""
    given = {
        "type": "grant",
        "command_id": command_id or f"cli-{secrets.token_hex(6)}",
        "customer_id": customer,
        "unit": unit,
        "reason": reason,
        "amount": amount,
        "kind": kind,
        "priority": priority,
        "price_minor": _minor(price, currency),
        "currency": currency,
        "meters": meter or [],
        "campaign": campaign,
        "payment_id": payment,
        "effective_at": effective or None,
        "expires_at": expires or None,
    }
    command = parse_command(given, where="grant", issued_at=now_us(), actor=ACTOR)
    [reply] = send_commands(connected(), [command])
    if as_json:
        show_json(reply_document(reply))
    else:
        _show(reply, f"{amount} {unit}")
    if reply.outcome == "rejected":
        raise typer.Exit(1)


def _show(reply: Reply, granted: str) -> None:
    if reply.outcome == "rejected":
        err().print(f"refused: {refusal(reply)}", soft_wrap=True, markup=False)
    elif reply.entries:
        last = reply.entries[-1]
        balance, available = format_credits(last.balance), format_credits(last.available)
        text = f"granted {granted}, balance {balance}, available {available}"
        out().print(f"{reply.customer_id}: {text}", soft_wrap=True, markup=False)
    else:
        text = f"granted before, by {reply.first_entry_id}"
        out().print(f"{reply.customer_id}: {text}", soft_wrap=True, markup=False)


def _minor(price: str, currency: str) -> int:
    if not price:
        return 0
    places = places_of(currency)
    if places is None:
        raise UsageError(f"--currency must be an ISO 4217 code, not {currency!r}")
    try:
        return parse_decimal(price, places)
    except ValueError as error:
        raise UsageError(f"--price: {error}") from error
