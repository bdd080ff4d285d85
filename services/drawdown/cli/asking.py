"""Commands of the command line that are commands of the ledger, made from the documents' shapes.

An `Ask` names a command's type and which of its fields are arguments; the others become options.
"""

import inspect
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

import typer

from drawdown.adapters.documents.commands import BODIES, parse_command
from drawdown.adapters.documents.meanings import COMMANDS
from drawdown.cli.asked_fields import AskedField, asked_fields
from drawdown.cli.output import JSON_HELP, err, out, show_json
from drawdown.cli.reading import BalanceReads
from drawdown.cli.replies import refusal, reply_document
from drawdown.cli.sending import ACTOR, send_commands
from drawdown.cli.session import connected, now_us
from drawdown.domain.inputs import Command
from drawdown.domain.numbers import format_credits
from drawdown.domain.replies import Reply

CUSTOMER = Annotated[str, typer.Argument(help="The customer's id.")]
UNIT = Annotated[str, typer.Option(help="The account's unit.")]
REASON = Annotated[str, typer.Option(help="Why: welcome, referral, compensation, …")]
COMMAND_ID = Annotated[str, typer.Option(help="Repeat it to be sure that it is carried out once.")]
WAIT = Annotated[bool, typer.Option("--wait", help="Wait until `balance` shows it.")]
JSON = Annotated[bool, typer.Option("--json", help=JSON_HELP)]
_COMMON: Final[Mapping[str, tuple[Any, object]]] = {
    "unit": (UNIT, "credit"),
    "reason": (REASON, ""),
    "command_id": (COMMAND_ID, ""),
    "wait": (WAIT, False),
    "as_json": (JSON, False),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """How a command of the ledger is asked for: `done` says that it was carried out."""

    type: str
    done: str
    arguments: tuple[str, ...] = ()
    """Fields that follow the customer, in order; `amount?` may be left out."""
    defaults: Mapping[str, str] = field(default_factory=dict)


def add_command(app: typer.Typer, name: str, ask: Ask, *, panel: str | None = None) -> None:
    """Let `app` ask for it under `name`."""
    help_text = COMMANDS[ask.type]
    app.command(
        name,
        help=help_text[:1].upper() + help_text[1:] + ".",
        rich_help_panel=panel,
        # An amount below 0 is no option.
        context_settings={"ignore_unknown_options": ask.type == "adjust"},
    )(asking(ask))


def asking(ask: Ask) -> Callable[..., None]:
    """The function that Typer makes a command of."""
    fields = asked_fields(BODIES[ask.type], ask.type, ask.arguments, ask.defaults)

    def run(customer: str, **given: Any) -> None:
        body: dict[str, Any] = {}
        for each in fields:
            each.put(given, body)
        data = {
            **body,
            "type": ask.type,
            "command_id": given["command_id"] or new_command_id(),
            "customer_id": customer,
            "unit": given["unit"],
            "reason": given["reason"],
        }
        command = parse_command(data, where=ask.type, issued_at=now_us(), actor=ACTOR)
        ask_and_show([command], ask.done, as_json=given["as_json"], wait=given["wait"])

    _sign(run, fields)
    return run


def _sign(run: Callable[..., None], fields: list[AskedField]) -> None:
    """Give a function the parameters that Typer looks at."""
    parameters: list[tuple[str, Any, object]] = [("customer", CUSTOMER, inspect.Parameter.empty)]
    parameters += [(each.parameter, each.annotation, each.default) for each in fields]
    parameters += [(name, *each) for name, each in _COMMON.items()]
    signed = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default
        )
        for name, annotation, default in parameters
    ]
    run.__annotations__ = {name: annotation for name, annotation, _ in parameters}
    run.__signature__ = inspect.Signature(signed)  # type: ignore[attr-defined]


def new_command_id() -> str:
    """An id of its own for each call."""
    return f"cli-{secrets.token_hex(6)}"


def ask_and_show(commands: list[Command], done: str, *, as_json: bool, wait: bool) -> None:
    """Send commands and tell what came of each. Exits with 1 if one was refused."""
    settings = connected()
    replies = list(send_commands(settings, commands))
    if wait:
        for customer in dict.fromkeys(command.customer_id for command in commands):
            BalanceReads(settings).wait(customer)
    tell(replies, done, as_json=as_json)


def tell(replies: list[Reply], done: str, *, as_json: bool) -> None:
    """Show replies, one as an object, several as a list. Exits with 1 if one is a refusal."""
    if as_json:
        documents = [reply_document(reply) for reply in replies]
        show_json(documents if len(documents) > 1 else documents[0])
    else:
        for reply in replies:
            _show(reply, done)
    if any(reply.outcome == "rejected" for reply in replies):
        raise typer.Exit(1)


def _show(reply: Reply, done: str) -> None:
    if reply.outcome == "rejected":
        text = f"{reply.customer_id}: refused: {refusal(reply)}"
        err().print(text, soft_wrap=True, markup=False)
        return
    text = f"{done} before, by {reply.first_entry_id}" if reply.first_entry_id else done
    if reply.code:
        text = f"refused before, by {reply.first_entry_id}: {refusal(reply)}"
    if reply.entries:
        last = reply.entries[-1]
        moved = ", ".join(f"{each.type} {format_credits(each.amount)}" for each in reply.entries)
        balance, available = format_credits(last.balance), format_credits(last.available)
        text += f" ({moved}), balance {balance}, available {available}"
    out().print(f"{reply.customer_id}: {text}", soft_wrap=True, markup=False)
