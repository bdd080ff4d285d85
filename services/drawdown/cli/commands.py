"""`commands send`: any commands to a live ledger, one reply a line."""

import queue
import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from drawdown.adapters.documents.commands import BODIES, parse_command
from drawdown.adapters.documents.json_text import parse_json
from drawdown.adapters.documents.meanings import explained_commands
from drawdown.adapters.kafka.requests import REPLY_TIMEOUT_S, Requests
from drawdown.cli.output import show_json_line
from drawdown.cli.replies import reply_document
from drawdown.cli.sending import ACTOR
from drawdown.cli.session import connected, now_us
from drawdown.cli.usage import opened
from drawdown.domain.inputs import Command, Tick
from drawdown.errors import InvalidDocument

app = typer.Typer(help="Send commands.", no_args_is_help=True)

_WAIT_S: Final = 0.01


_TYPES = "\n".join(explained_commands(BODIES))
HELP = f"""Send the commands of a JSONL file; one reply a line, in the order of the input.

{{"command_id": "c-1", "type": "grant", "customer_id": "acme", "kind": "purchased",
"amount": "100.5", "price_minor": 9900, "currency": "USD"}}

Each line is an object with command_id*, type*, customer_id* (but for apply_rate_card,
close_period and tick, which go to every partition), unit (credit), reason, actor, issued_at (now),
and the fields of its type. Amounts and quantities are credits and units, as decimals in quotes or
integers; prices integers of minor units; times ISO 8601 with a zone or integer microseconds;
durations such as 90s, 5m, 24h, 30d, or integer microseconds. An asterisk marks what must be there.
Types may be written place_hold or PlaceHold:

{_TYPES}

A reply has command_id, customer_id, unit, outcome (accepted, rejected, duplicate), code, detail,
first_entry_id, entries, recorded_at and partition_seq. A line that can't be read is answered with
the outcome `invalid` and its `line`. A rejection is an answer: the exit code is 1 only if a line
was invalid. A tick is not answered: its outcome is `sent`.
"""


@app.callback()
def _group() -> None:
    """Send commands."""


@app.command("send", help=HELP)
def send(
    file: Annotated[Path, typer.Argument(help="A JSONL file, or - for stdin.")],
    timeout: Annotated[
        float, typer.Option(min=0.1, help="Seconds to wait for a reply.")
    ] = REPLY_TIMEOUT_S,
) -> None:
    """Send a file; see `HELP`."""
    with opened(file) as text, Requests(connected(), timeout_s=timeout) as requests:
        conversation = _Conversation(requests)
        conversation.hold(_waiting_lines(text) if text is sys.stdin else text)
    if conversation.invalid:
        raise typer.Exit(1)


class _Conversation:
    """Lines in, replies out, in the order of the lines, whether or not a line can be read."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests
        # What is to be printed before the next reply comes; None stands for that reply.
        self._order: deque[dict[str, Any] | None] = deque()
        self.invalid = 0

    def hold(self, lines: Iterable[str | None]) -> None:
        """Send each line and print each reply."""
        for reply in self._requests.ask(self._commands(lines)):
            self._print_invalid()
            self._order.popleft()
            show_json_line(reply_document(reply))
            self._print_invalid()
        self._print_invalid()

    def _commands(self, lines: Iterable[str | None]) -> Iterator[Command | None]:
        for number, line in enumerate_lines(lines):
            if line is None:
                self._print_invalid()
                yield None
            elif line.strip():
                yield from self._command(line, number)

    def _command(self, line: str, number: int) -> Iterator[Command]:
        data: Any = None
        try:
            data = parse_json(line, where="line")
            command = parse_command(data, where="command", issued_at=now_us(), actor=ACTOR)
        except InvalidDocument as error:
            self.invalid += 1
            named = data if isinstance(data, dict) else {}
            self._order.append(
                {
                    "command_id": str(named.get("command_id", "")),
                    "outcome": "invalid",
                    "line": number,
                    "detail": str(error),
                }
            )
        else:
            self._order.append(_unanswered(command))
            yield command

    def _print_invalid(self) -> None:
        while self._order and (first := self._order[0]) is not None:
            self._order.popleft()
            show_json_line(first)


def _unanswered(command: Command) -> dict[str, Any] | None:
    """What is shown for a command that no reply comes for; None for all others."""
    if not isinstance(command.body, Tick):
        return None
    return {"command_id": command.command_id, "outcome": "sent"}


def enumerate_lines(lines: Iterable[str | None]) -> Iterator[tuple[int, str | None]]:
    """Lines with their numbers from 1; None, which says that none has come, has no number."""
    number = 0
    for line in lines:
        number += line is not None
        yield number, line


def _waiting_lines(text: Iterable[str]) -> Iterator[str | None]:
    """Lines as they come, and None while none does, so that replies aren't kept waiting."""
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()

    def read() -> None:
        for line in text:
            lines.put(line)
        lines.put(None)

    threading.Thread(target=read, daemon=True, name="stdin").start()
    while True:
        try:
            line = lines.get(timeout=_WAIT_S)
        except queue.Empty:
            yield None
            continue
        if line is None:
            return
        yield line
