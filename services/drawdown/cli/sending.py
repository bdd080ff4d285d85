"""Commands from the command line to the ledger, and its committed replies."""

from collections.abc import Iterable, Iterator

from drawdown.adapters.kafka.requests import REPLY_TIMEOUT_S, Requests
from drawdown.cli.session import now_us
from drawdown.domain.entries import PARTITION_CUSTOMER
from drawdown.domain.inputs import Command, CommandBody
from drawdown.domain.replies import Reply
from drawdown.settings import Settings

ACTOR = "cli"


def send_commands(
    settings: Settings,
    commands: Iterable[Command | None],
    *,
    timeout_s: float = REPLY_TIMEOUT_S,
) -> Iterator[Reply]:
    """Send commands and yield their replies in the order of the commands.

    None among them says that there is no further one yet. Raises `TimedOut`, `Unavailable`.
    """
    with Requests(settings, timeout_s=timeout_s) as requests:
        yield from requests.ask(commands)


def send_to_every_partition(
    settings: Settings,
    body: CommandBody,
    *,
    command_id: str,
    customer: str = PARTITION_CUSTOMER,
    reason: str = "",
) -> list[Reply]:
    """Copy one command to every partition of `ledger-commands`; the replies by partition."""
    command = Command(
        command_id=command_id,
        issued_at=now_us(),
        actor=ACTOR,
        customer_id=customer,
        unit="credit",
        reason=reason,
        body=body,
    )
    with Requests(settings) as requests:
        return requests.ask_every_partition(command)
