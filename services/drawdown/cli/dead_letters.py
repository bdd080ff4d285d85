"""`dead-letters`: records that were no input of the ledger: look at them, send them again."""

from collections import Counter
from heapq import heappush, heappushpop
from typing import Annotated, Any, Final, get_args

import typer

from drawdown.adapters.avro.wire import Wire
from drawdown.adapters.documents.commands import write_command
from drawdown.adapters.documents.times import format_time
from drawdown.adapters.documents.usage import write_usage
from drawdown.cli import parking
from drawdown.cli.as_of import instant
from drawdown.cli.output import (
    JSON_HELP,
    cells,
    err,
    moment,
    out,
    progress,
    show_json,
    table,
)
from drawdown.cli.session import connected
from drawdown.domain.dead_letters import DeadLetter, DeadLetterReason
from drawdown.domain.inputs import UsageEvent
from drawdown.domain.parking import INPUTS
from drawdown.errors import DecodeFailed, UsageError
from drawdown.repair.fates import Fate, fates_of
from drawdown.repair.hexadecimal import dump
from drawdown.repair.letters import (
    Sought,
    decoded,
    find_letters,
    is_whole,
    origin_of,
    read_letters,
)
from drawdown.repair.origins import parse_origin
from drawdown.repair.redriving import Redriven, Redriver
from drawdown.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Records that are no input: look, send again, skip.")
app.command("park", help=parking.HELP)(parking.park)

_REASONS: Final = get_args(DeadLetterReason)
_JSON = Annotated[bool, typer.Option("--json", help=JSON_HELP)]
_REASON = Annotated[str, typer.Option(help=f"Only of this reason: {', '.join(_REASONS)}.")]
_TOPIC = Annotated[str, typer.Option(help=f"Only from this topic: {' or '.join(INPUTS)}.")]
_PARTITION = Annotated[int | None, typer.Option(min=0, help="Only from this partition.")]
_SINCE = Annotated[str, typer.Option(help="Appended since then, ISO 8601 with a zone.")]


def _sought(reason: str, topic: str, partition: int | None, since: str) -> Sought:
    if reason and reason not in _REASONS:
        raise UsageError(f"--reason {reason!r} is none of {', '.join(_REASONS)}")
    if topic and topic not in INPUTS:
        raise UsageError(f"--topic {topic!r} is none of {', '.join(INPUTS)}")
    since_us = instant(since, "--since") if since else 0
    return Sought(reason=reason, topic=topic, partition=partition, since=since_us)


@app.command("list")
def list_letters(
    reason: _REASON = "",
    topic: _TOPIC = "",
    partition: _PARTITION = None,
    since: _SINCE = "",
    limit: Annotated[int, typer.Option(min=0, help="The latest so many are shown.")] = 50,
    as_json: _JSON = False,
) -> None:
    """List dead letters, those last whose records were appended last."""
    sought = _sought(reason, topic, partition, since)
    settings = connected()
    latest: list[tuple[int, int, dict[str, Any]]] = []
    counts: Counter[str] = Counter()
    for number, letter in enumerate(read_letters(settings, Wire(settings), sought)):
        counts[letter.reason] += 1
        each = (letter.recorded_at, number, _in_short(settings, letter))
        if len(latest) < limit:
            heappush(latest, each)
        elif limit:
            heappushpop(latest, each)
    rows = [document for _, _, document in sorted(latest)]
    left_out = counts.total() - len(rows)
    if as_json:
        show_json({"dead_letters": rows, "left_out": left_out, "by_reason": dict(counts)})
        return
    shown = table("", "origin", "appended", "reason", "bytes", "detail", numbers=("bytes",))
    # To be copied into the next command.
    shown.columns[0].no_wrap = True
    for row in rows:
        appended = moment(row["recorded_at"])
        columns = (row["origin"], appended, row["reason"], row["length"], row["detail"])
        shown.add_row(*cells(*columns))
    if rows:
        out().print(shown, markup=False)
    said = ", ".join(f"{count:,} {why}" for why, count in sorted(counts.items()))
    err().print(f"{counts.total():,} dead letters{': ' if said else ''}{said}", soft_wrap=True)
    if left_out:
        err().print(f"{left_out:,} earlier ones are left out: --limit, --since", soft_wrap=True)


def _in_short(settings: Settings, letter: DeadLetter) -> dict[str, Any]:
    return {
        "origin": str(origin_of(settings, letter)),
        "reason": letter.reason,
        "detail": letter.detail,
        "recorded_at": format_time(letter.recorded_at),
        "length": letter.length,
        "kept": len(letter.value),
        "sha256": letter.sha256.hex(),
    }


@app.command("show")
def show(
    origin: Annotated[str, typer.Argument(help="Such as usage-events-3-1240.")],
    bytes_shown: Annotated[
        int, typer.Option("--bytes", min=0, help="So many bytes are shown at most.")
    ] = 256,
    as_json: _JSON = False,
) -> None:
    """Show one dead letter: what it is, why it was no input, and what became of it since."""
    settings = connected()
    wire, asked = Wire(settings), parse_origin(settings, origin)
    letter = find_letters(settings, wire, [asked]).get(asked)
    if letter is None:
        err().print(f"{asked} is no dead letter", soft_wrap=True, markup=False)
        raise typer.Exit(1)
    fates = list(fates_of(settings, wire, letter))
    record, why_not = _record(settings, wire, letter)
    if as_json:
        show_json(
            {
                **_in_short(settings, letter),
                "key": None if letter.key is None else letter.key.hex(),
                "value": letter.value[:bytes_shown].hex(),
                "record": record,
                "undecodable": why_not,
                "became": [_fate_document(each) for each in fates],
            }
        )
        return
    for line in _lines(asked.topic, letter, bytes_shown):
        out().print(line, soft_wrap=True, markup=False)
    if record is None:
        out().print(f"decodes   no: {why_not}", soft_wrap=True, markup=False)
    else:
        out().print("decodes   yes, now:")
        show_json(record)
    if not fates:
        out().print("became    nothing: the ledger has no entry of it")
    for fate in fates:
        out().print(f"became    {_fate_line(fate)}", soft_wrap=True, markup=False)


def _lines(topic: str, letter: DeadLetter, bytes_shown: int) -> list[str]:
    key = "none" if letter.key is None else repr(letter.key)[1:]
    kept = "" if is_whole(letter) else f", of which {len(letter.value):,} are kept"
    lines = [
        f"origin    {topic} [{letter.partition}] offset {letter.offset}",
        f"reason    {letter.reason}: {letter.detail}",
        f"appended  {format_time(letter.recorded_at)}",
        f"key       {key}",
        f"length    {letter.length:,} bytes{kept}",
        f"sha256    {letter.sha256.hex()}",
        *dump(letter.value[:bytes_shown]),
    ]
    more = letter.length - bytes_shown
    return [*lines, f"          and {more:,} bytes more"] if more > 0 else lines


def _record(
    settings: Settings, wire: Wire, letter: DeadLetter
) -> tuple[dict[str, Any] | None, str]:
    """The record as a document, if it decodes; else why it doesn't."""
    try:
        read = decoded(settings, wire, letter)
    except DecodeFailed as error:
        cut = "" if is_whole(letter) else " (its end isn't kept here)"
        return None, f"{error}{cut}"
    return write_usage(read) if isinstance(read, UsageEvent) else write_command(read), ""


def _fate_document(fate: Fate) -> dict[str, Any]:
    return {
        "entry_id": fate.entry_id,
        "type": fate.type,
        "code": fate.code,
        "recorded_at": format_time(fate.recorded_at),
    }


def _fate_line(fate: Fate) -> str:
    what = f"{fate.type}: {fate.code}" if fate.code else fate.type
    return f"{what} ({fate.entry_id}, {format_time(fate.recorded_at)})"


@app.command("redrive")
def redrive(
    origins: Annotated[
        list[str] | None, typer.Argument(help="Such as usage-events-3-1240.", metavar="ORIGIN…")
    ] = None,
    reason: _REASON = "",
    topic: _TOPIC = "",
    partition: _PARTITION = None,
    since: _SINCE = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say it, send nothing.")] = False,
    as_json: _JSON = False,
) -> None:
    """Send the original records again: those named, or all of a --reason.

    Each goes, byte for byte, to the topic it was in and the partition its customer belongs to, if
    it is an input now. What was decided meanwhile is a duplicate, so repeating this is harmless.
    Leaves with 1 where one can't be sent, and says why.
    """
    if bool(origins) == bool(reason):
        raise UsageError("name either origins or a --reason")
    if origins and (topic or partition is not None or since):
        raise UsageError("--topic, --partition and --since go with --reason, not with origins")
    sought = _sought(reason, topic, partition, since)
    settings = connected()
    wire = Wire(settings)
    asked = [parse_origin(settings, each) for each in origins or []]
    letters = find_letters(settings, wire, asked)
    missing = [each for each in dict.fromkeys(asked) if each not in letters]
    found = letters.values() if asked else read_letters(settings, wire, sought)
    results = [Redriven(origin=each, problem="it is no dead letter") for each in missing]
    with progress(total_known=bool(asked)) as bar:
        task = bar.add_task("redriving", total=len(letters) if asked else None)
        for each in Redriver(settings, wire, dry=dry_run).redrive(found):
            results.append(each)
            bar.advance(task)
        bar.update(task, total=len(results) - len(missing))
    _tell(results, dry=dry_run, as_json=as_json)


def _tell(results: list[Redriven], *, dry: bool, as_json: bool) -> None:
    failed = [each for each in results if each.problem]
    sent = [each for each in results if not each.problem]
    if as_json:
        counts = {"sent": 0 if dry else len(sent), "failed": len(failed)}
        show_json({"dry_run": dry, **counts, "records": [_redriven(each) for each in results]})
    else:
        for each in sent:
            goes = "would go" if dry else "sent"
            where = f"{each.topic} [{each.partition}]"
            at = "" if dry else f" offset {each.offset}"
            what = f"{each.id} of {each.customer_id}"
            line = f"{each.origin}: {goes} to {where}{at} ({what})"
            out().print(line, soft_wrap=True, markup=False)
        for each in failed:
            err().print(f"{each.origin}: not sent: {each.problem}", soft_wrap=True, markup=False)
        done = "would be sent" if dry else "sent"
        err().print(f"{len(sent):,} {done}, {len(failed):,} can't be", soft_wrap=True)
    if failed:
        raise typer.Exit(1)


def _redriven(each: Redriven) -> dict[str, Any]:
    return {
        "origin": str(each.origin),
        "customer_id": each.customer_id,
        "id": each.id,
        "topic": each.topic,
        "partition": each.partition if each.topic else None,
        "offset": each.offset if each.offset >= 0 else None,
        "problem": each.problem,
    }
