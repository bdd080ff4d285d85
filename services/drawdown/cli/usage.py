"""`usage send`: a file of usage events to a live ledger."""

import contextlib
import io
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, TextIO

import typer

from drawdown.adapters.documents.usage import COLUMNS
from drawdown.adapters.kafka.usage import UsageSender
from drawdown.cli.output import JSON_HELP, err, out, printable, progress, show_json
from drawdown.cli.session import connected
from drawdown.cli.usage_files import BadLine, read_usage
from drawdown.errors import InvalidDocument

app = typer.Typer(help="Send usage events.", no_args_is_help=True)

_COLUMNS = "\n".join(f"  {name}: {meaning}" for name, meaning in COLUMNS.items())
HELP = f"""Send the usage events of a CSV or JSONL file; `-` reads stdin.

The columns of a CSV file, and the fields of a JSON object (with `quantities` and `properties` as
objects: {{"quantities": {{"input": 1200}}, "properties": {{"model": "swift-1"}}}}):

{_COLUMNS}

event_id, customer_id and meter must be there. An event without occurred_at occurs as it is read,
so sending the same file again makes other bodies of the same ids: refused, not charged twice.
Lines that can't be read are reported with their number and skipped; the exit code is then 1.
"""


@app.callback()
def _group() -> None:
    """Send usage events."""


@app.command("send", help=HELP)
def send(
    file: Annotated[Path, typer.Argument(help="A CSV or JSONL file, or - for stdin.")],
    rate: Annotated[
        float, typer.Option(min=0, help="Events per second at most; 0: as fast as it goes.")
    ] = 0,
    as_json: Annotated[bool, typer.Option("--json", help=JSON_HELP)] = False,
) -> None:
    """Send a file; see `HELP`."""
    sent = bad = 0
    with opened(file) as text, UsageSender(connected()) as sender, progress() as bar:
        task = bar.add_task("sending", total=None)
        begun = time.monotonic()
        for each in read_usage(text, str(file)):
            if isinstance(each, BadLine):
                bad += 1
                problem = printable(f"{file}:{each.number}: {each.problem}")
                err().print(problem, soft_wrap=True, markup=False)
                continue
            while rate and sent >= (time.monotonic() - begun) * rate:
                sender.poll(0.001)
            sender.send(each)
            sent += 1
            bar.update(task, completed=sent)
        sender.flush()
        bar.update(task, total=sent)
    if as_json:
        show_json({"sent": sent, "skipped": bad})
    else:
        out().print(f"sent {sent:,} events" + (f", skipped {bad:,} lines" if bad else ""))
    if bad:
        raise typer.Exit(1)


@contextlib.contextmanager
def opened(file: Path) -> Iterator[TextIO]:
    """A text file, or stdin for `-`. Raises `InvalidDocument` if it can't be read."""
    if str(file) == "-":
        if isinstance(sys.stdin, io.TextIOWrapper):
            # What is no Unicode is the line's fault, not the file's.
            sys.stdin.reconfigure(encoding="utf-8", errors="surrogateescape")
        yield sys.stdin
        return
    try:
        text = file.open(encoding="utf-8", errors="surrogateescape", newline="")
    except OSError as error:
        raise InvalidDocument(f"{file}: can't be read: {error.strerror or error}") from error
    with text:
        yield text
