"""`dead-letters park`: skip one record that can't be decided, by a command in the log."""

from typing import Annotated, Any, Final

import typer

from drawdown.adapters.kafka.partition_log import PartitionLog
from drawdown.adapters.kafka.topics import ledger_partitions
from drawdown.cli.output import JSON_HELP, err, out, show_json
from drawdown.cli.replies import refusal, reply_document
from drawdown.cli.sending import ACTOR, send_commands
from drawdown.cli.session import connected, now_us
from drawdown.domain.entries import PARTITION_CUSTOMER, PARTITION_UNIT
from drawdown.domain.inputs import Command, ParkRecord
from drawdown.domain.replies import Reply
from drawdown.errors import TimedOut, UsageError
from drawdown.repair.origins import Origin, parse_origin
from drawdown.settings import Settings

ANSWER_S: Final = 30.0
HELP = """
Skip ONE input record that halts its partition: it becomes a dead letter, reason `parked`.

For a record whose decision breaks an assertion, or whose append time is wrong; the processor's log
names it (`partition_halted`). The command goes into the partition's log, and whoever halted the
partition opens it again. A record that was decided already is refused. Whatever the record asked
for won't happen: see `dead-letters redrive`.

Leaves with 1 if it is refused, with 75 if nobody has answered yet.
"""


def park(
    origin: Annotated[str, typer.Argument(help="The record, such as usage-events-3-1240.")],
    reason: Annotated[str, typer.Option(help="Why; the ledger keeps it. Must be given.")] = "",
    actor: Annotated[str, typer.Option(help="Who says so.")] = ACTOR,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds to wait for an answer.")] = (
        ANSWER_S
    ),
    as_json: Annotated[bool, typer.Option("--json", help=JSON_HELP)] = False,
) -> None:
    """Send the command, and tell the answer; see `HELP`."""
    settings = connected()
    asked = parse_origin(settings, origin)
    if not reason.strip():
        raise UsageError("say why with --reason: the ledger keeps it")
    _check_there(settings, asked)
    command = park_command(asked, reason, actor)
    try:
        [reply] = send_commands(settings, [command], timeout_s=timeout)
    except TimedOut:
        _tell_unanswered(settings, asked, command, as_json=as_json)
        raise typer.Exit(TimedOut.exit_code) from None
    if as_json:
        show_json({"origin": str(asked), **reply_document(reply)})
    else:
        _show(asked, reply)
    if reply.code:
        raise typer.Exit(1)


def park_command(asked: Origin, reason: str, actor: str) -> Command:
    """The command that parks a record; asked again it is the same one."""
    return Command(
        command_id=f"park-{asked}",
        issued_at=now_us(),
        actor=actor,
        customer_id=PARTITION_CUSTOMER,
        unit=PARTITION_UNIT,
        reason=reason,
        body=ParkRecord(topic=asked.topic, partition=asked.partition, offset=asked.offset),
    )


def _check_there(settings: Settings, asked: Origin) -> None:
    """Only what stands in the log can halt a partition, and what doesn't yet must not be named."""
    partitions = ledger_partitions(settings)
    if asked.partition >= partitions:
        raise UsageError(f"{asked}: there are {partitions} partitions, from 0")
    with PartitionLog(settings, settings.topic(asked.topic), asked.partition) as log:
        if not log.start <= asked.offset < log.end:
            held = f"offsets {log.start} to {log.end - 1}" if log.end else "no record yet"
            raise UsageError(f"{asked}: {asked.topic} [{asked.partition}] holds {held}")


def _show(asked: Origin, reply: Reply) -> None:
    if reply.code:
        text = f"{asked}: refused: {refusal(reply)}"
        err().print(text, soft_wrap=True, markup=False)
        return
    entry_id = reply.entries[0].entry_id if reply.entries else reply.first_entry_id
    before = " before" if reply.outcome == "duplicate" else ""
    text = f"{asked}: parked{before}, by {entry_id}; it becomes a dead letter when it is reached"
    out().print(text, soft_wrap=True, markup=False)


def _tell_unanswered(settings: Settings, asked: Origin, command: Command, *, as_json: bool) -> None:
    told: dict[str, Any] = {
        "origin": str(asked),
        "command_id": command.command_id,
        "outcome": "sent",
        "partition": asked.partition,
    }
    if as_json:
        show_json(told)
        return
    text = (
        f"{asked}: {command.command_id} stands in {settings.topic('ledger-commands')} "
        f"[{asked.partition}], and nobody has answered yet. See that a ledger processor runs, and "
        "what its log says of this partition; then repeat this: it tells the answer."
    )
    out().print(text, soft_wrap=True, markup=False)
