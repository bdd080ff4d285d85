"""`rebuild`: a projection built anew beside the live one, compared, and put in its place."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Final

import typer
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from drawdown.cli.output import JSON_HELP, err, out, show_json, table
from drawdown.cli.projections import PROJECTIONS, known
from drawdown.cli.session import connected
from drawdown.errors import UsageError
from drawdown.projection import rebuild as rebuilds
from drawdown.projection.rebuild import Options, Outcome, Standing
from drawdown.projection.rebuild.rebuilding import Tell

_LINE_EVERY_S: Final = 5.0
"""Without a terminal: how often a line says how far it is."""
_WORKERS: Final = min(4, (os.cpu_count() or 1) + 1)
"""One more than there are processors: each waits for the database for half of its time."""


def rebuild(
    projection: Annotated[
        str,
        typer.Argument(help=f"Which one: {', '.join(sorted(PROJECTIONS))}.", show_default=False),
    ],
    workers: Annotated[int, typer.Option(min=1, help="Partitions loaded side by side.")] = _WORKERS,
    begin_with: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="SCHEMA",
            help="Begin with its rows, at the entries where they stand.",
            show_default=False,
        ),
    ] = "",
    accept_differences: Annotated[
        bool,
        typer.Option(
            "--accept-differences", help="Swap though rows differ: the live ones are wrong."
        ),
    ] = False,
    keep_old: Annotated[
        bool,
        typer.Option("--keep-old", help="Keep the rows that were live, in <schema>_replaced."),
    ] = False,
    no_swap: Annotated[
        bool, typer.Option("--no-swap", help="Build and compare; a later run goes on with it.")
    ] = False,
    show: Annotated[
        int, typer.Option(min=1, help="Differences that are named; the others are counted.")
    ] = 20,
    status: Annotated[
        bool, typer.Option("--status", help="Say how far a rebuild is, and do nothing.")
    ] = False,
    abandon: Annotated[
        bool, typer.Option("--abandon", help="Drop what a rebuild has built or replaced.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help=JSON_HELP)] = False,
) -> None:
    """Build a projection anew from the ledger, beside the live one, and swap the two.

    Projectors and readers go on meanwhile. The new rows are compared with the live ones at the
    same entry; where any differs, the first ones are named and nothing is swapped, unless
    --accept-differences. Then the two change places in one transaction.

    It begins at the ledger's first entry, or --from SCHEMA at the entries where the rows of another
    schema stand: a restored backup, or what --keep-old kept. A mistake that those share with the
    live rows isn't found. A run that was ended at any moment is gone on with by the next one, from
    the entry at which its rows stand; --abandon drops them. Leaves with 1 on a difference.
    """
    chosen = known(projection)
    if status and abandon:
        raise UsageError("--status and --abandon exclude each other")
    settings = connected()
    if status:
        _show_standing(rebuilds.standing(settings, projection), as_json=as_json)
    elif abandon:
        _show_dropped(rebuilds.abandon(settings, projection), as_json=as_json)
    else:
        options = Options(
            workers=workers,
            late_indexes=chosen.late_indexes,
            begin_with=begin_with,
            accept_differences=accept_differences,
            keep_old=keep_old,
            swap=not no_swap,
            differences_named=show,
        )
        with _told() as tell:
            outcome = rebuilds.rebuild(settings, chosen.build, options, tell)
        _show(outcome, options, as_json=as_json)


@contextmanager
def _told() -> Iterator[Tell]:
    """What shows how far it is: a bar on a terminal, else a line now and then."""
    console = err()
    if not console.is_terminal:
        yield _Lines()
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as shown:
        yield _Bar(shown).tell


class _Bar:
    """How far it is as a bar; another one for each thing that is done."""

    def __init__(self, shown: Progress) -> None:
        self._shown = shown
        self._task = shown.add_task("rebuild", total=None, rate="")
        self._doing = ""

    def tell(self, doing: str, done: int, total: int) -> None:
        if doing != self._doing:
            self._doing = doing
            self._shown.remove_task(self._task)
            self._task = self._shown.add_task(doing, total=total or None, rate="")
        speed = self._shown.tasks[0].speed
        rate = f"{speed:,.0f}/s" if doing == "loading" and speed else ""
        self._shown.update(self._task, completed=done, total=total or None, rate=rate)


class _Lines:
    """How far it is as lines on stderr."""

    def __init__(self) -> None:
        self._doing = ""
        self._began_at = self._told_at = 0.0
        self._first = 0

    def __call__(self, doing: str, done: int, total: int) -> None:
        now = time.monotonic()
        if doing != self._doing:
            self._doing, self._began_at, self._told_at = doing, now, now
            self._first = done
            err().print(doing, markup=False)
        elif now - self._told_at >= _LINE_EVERY_S:
            self._told_at = now
            rate = (done - self._first) / (now - self._began_at)
            left = f", {(total - done) / rate:,.0f} s left" if rate else ""
            said = f"{doing}: {done:,} of {total:,}, {rate:,.0f}/s{left}"
            err().print(said, markup=False, soft_wrap=True)


def _show(outcome: Outcome, options: Options, *, as_json: bool) -> None:
    if as_json:
        show_json(outcome.document())
    else:
        _show_outcome(outcome)
    refused = not outcome.swapped and outcome.difference_count
    if refused and not as_json:
        err().print(
            "Not swapped: if the live rows are the wrong ones, run it again with "
            "--accept-differences; `drawdown verify` says which are. What was built stays.",
            soft_wrap=True,
        )
    elif not outcome.swapped and not options.swap and not as_json:
        err().print("Not swapped, as told. What was built stays for the next run.")
    if refused:
        raise typer.Exit(1)


def _show_outcome(outcome: Outcome) -> None:
    shown = table(f"Rebuild of {outcome.projection}", "what", "total", numbers=("total",))
    for what, total in (
        ("entries", f"{outcome.entries:,}"),
        ("loaded now", f"{outcome.loaded:,}"),
        ("loaded a second", f"{outcome.entries_per_second:,.0f}"),
        ("rows compared", f"{outcome.rows_compared:,}"),
        ("rows that differ", f"{outcome.difference_count:,}"),
        ("swapped", "yes" if outcome.swapped else "no"),
        ("old rows", outcome.old_schema or ("dropped" if outcome.swapped else "live")),
    ):
        shown.add_row(what, total)
    out().print(shown)
    for difference in outcome.differences:
        out().print(f"  {difference}", markup=False, soft_wrap=True)
    unnamed = outcome.difference_count - len(outcome.differences)
    if unnamed > 0:
        out().print(f"  … and {unnamed:,} more")


def _show_standing(found: Standing, *, as_json: bool) -> None:
    if as_json:
        show_json(found.document())
        return
    shown = table(f"Rebuild of {found.projection}", "what", "", numbers=("",))
    for what, value in (
        ("at work", "yes" if found.running else "no"),
        ("state", found.state),
        ("entries built", f"{found.entries:,}"),
        ("entries live", f"{found.live_entries:,}"),
        ("replaced rows", found.old_schema or "none"),
    ):
        shown.add_row(what, value)
    out().print(shown)


def _show_dropped(dropped: list[str], *, as_json: bool) -> None:
    if as_json:
        show_json({"dropped": dropped})
        return
    out().print(f"dropped {', '.join(dropped)}" if dropped else "nothing was built or replaced")
