"""`refer`: a referral is two grants, one a customer, whose command ids derive from its id."""

from collections.abc import Iterator
from typing import Annotated, Final

import typer

from drawdown.adapters.documents.commands import parse_command
from drawdown.cli.asking import JSON, REASON, UNIT, WAIT, tell
from drawdown.cli.output import err
from drawdown.cli.reading import BalanceReads
from drawdown.cli.sending import ACTOR, send_commands
from drawdown.cli.session import connected, now_us
from drawdown.domain.inputs import Command
from drawdown.domain.replies import Reply
from drawdown.errors import RetryableError, UsageError
from drawdown.settings import Settings

_TRIES: Final = 5


def refer(
    referrer: Annotated[str, typer.Argument(help="Who brought somebody.")],
    referred: Annotated[str, typer.Argument(help="Who was brought.")],
    amount: Annotated[str, typer.Argument(help="Credits for each of them.")],
    referral: Annotated[
        str, typer.Option(help="The referral's id; each customer is granted it once.")
    ],
    kind: Annotated[
        str, typer.Option(help="purchased, promotional, included or adjustment.")
    ] = "promotional",
    expires: Annotated[str, typer.Option(help="When the credits expire; never if absent.")] = "",
    unit: UNIT = "credit",
    reason: REASON = "referral",
    wait: WAIT = False,
    as_json: JSON = False,
) -> None:
    """Grant both customers of a referral, and repeat it until both grants are answered.

    Nothing is atomic across customers, so the two grants are commands of their own, whose ids
    derive from the referral's: asking again grants nothing twice. `verify` lists the one-sided.
    """
    if referrer == referred:
        raise UsageError(f"{referrer} can't refer itself")
    commands = [
        parse_command(
            {
                "type": "grant",
                "command_id": f"referral-{referral}",
                "customer_id": customer,
                "unit": unit,
                "reason": reason,
                "amount": amount,
                "kind": kind,
                "expires_at": expires or None,
                "referral_id": referral,
            },
            where="refer",
            issued_at=now_us(),
            actor=ACTOR,
        )
        for customer in (referrer, referred)
    ]
    settings = connected()
    replies = list(_answered(settings, commands))
    if wait:
        for customer in (referrer, referred):
            BalanceReads(settings).wait(customer)
    tell(replies, "granted", as_json=as_json)


def _answered(settings: Settings, commands: list[Command]) -> Iterator[Reply]:
    """The replies of all; what isn't answered is asked again. Raises what the last try raised."""
    open_ = list(commands)
    for each in range(1, _TRIES + 1):
        try:
            for reply in send_commands(settings, list(open_)):
                open_.pop(0)
                yield reply
        except RetryableError as error:
            if each == _TRIES:
                raise
            err().print(f"asking again: {error}", soft_wrap=True, markup=False)
        else:
            return
