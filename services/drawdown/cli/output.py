"""What the command line shows: results on stdout, progress and remarks on stderr."""

import csv
import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any, Final

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

_PIPE_COLUMNS: Final = 160
JSON_HELP: Final = "Print JSON instead of tables."


def out() -> Console:
    """Results. Made anew for each command, so that it follows a redirected stdout."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else _PIPE_COLUMNS)


def err() -> Console:
    """Progress and remarks."""
    return Console(stderr=True, highlight=False)


def show_json(document: object) -> None:
    """One document, indented for a person and readable by a program."""
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def show_json_line(document: object) -> None:
    """One document on one line, at once."""
    sys.stdout.write(printable(json.dumps(document, ensure_ascii=False)) + "\n")
    sys.stdout.flush()


def show_csv(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A line with the names, and one for each row."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)


def table(title: str, *columns: str, numbers: Iterable[str] = ()) -> Table:
    """An empty table; the columns named in `numbers` are aligned to the right."""
    right = set(numbers)
    made = Table(title=title or None, title_justify="left", header_style="bold", box=None)
    for name in columns:
        made.add_column(name, justify="right" if name in right else "left", overflow="fold")
    return made


def cells(*values: Any) -> list[str]:
    """Values as table cells; None and empty ones as a dash."""
    return ["–" if value is None or value == "" else str(value) for value in values]


def printable(text: str) -> str:
    """`text` with a mark where its bytes were no Unicode."""
    return text.encode("utf-8", "replace").decode()


def prose(text: str) -> str:
    """Help whose paragraphs are one line each, for the terminal to wrap; indented ones stay."""
    paragraphs = text.strip().split("\n\n")
    return "\n\n".join(
        each if "\n " in each or each.startswith(" ") else " ".join(each.split("\n"))
        for each in paragraphs
    )


def moment(text: str | None) -> str:
    """An ISO 8601 time to the second, for a table."""
    return (text or "never").partition(".")[0].removesuffix("Z").replace("T", " ")


def progress(*, total_known: bool = True) -> Progress:
    """A progress bar on stderr, gone from a pipe."""
    columns = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()]
    timing = [TimeRemainingColumn()] if total_known else [TimeElapsedColumn()]
    console = err()
    return Progress(*columns, *timing, console=console, disable=not console.is_terminal)
