"""`reconcile`: the fold of the ledger, the read models and the published topics must agree."""

from typing import Annotated, Any

import typer

from drawdown import verification
from drawdown.cli.output import JSON_HELP, cells, err, out, progress, show_json, table
from drawdown.cli.session import connected
from drawdown.cli.verify import show_differences, show_first
from drawdown.verification import Report

_SHOWN = (
    *("ok", "namespace", "partitions", "entries", "accounts", "lots", "holds", "rows", "days"),
    *("hours", "compared", "unpublished", "absent", "difference_count", "first_difference"),
    "differences",
)


def reconcile(
    wait: Annotated[
        float, typer.Option(help="Seconds that projectors may take to catch up.")
    ] = 60.0,
    as_json: Annotated[bool, typer.Option("--json", help=JSON_HELP)] = False,
) -> None:
    """Hold the fold of the ledger against all read models and published topics, per account.

    Reads the whole ledger from its start and compares every row of every projection at the entry at
    which it stands, then the newest record of each key of the published topics with its row. What a
    topic doesn't show yet is counted apart. `verify` compares the same of what is new, and inputs
    and replies too. Leaves with 1 where anything differs.
    """
    with progress() as shown:
        task = shown.add_task("reconcile", total=None)

        def tell(done: int, total: int, doing: str) -> None:
            shown.update(task, completed=done, total=max(done, total), description=doing)

        report = verification.reconcile(connected(), tell, within_s=wait)
    if as_json:
        show_json(_document(report))
    else:
        _show(report)
    if not report.ok:
        raise typer.Exit(1)


def _document(report: Report) -> dict[str, Any]:
    document = report.as_json()
    return {name: document[name] for name in _SHOWN}


def _show(report: Report) -> None:
    if report.first is not None:
        show_first(report.first)
    title = f"Ledger, read models and topics of {report.namespace}"
    shown = table(title, "compared", "total", numbers=("total",))
    for what, total in (
        ("ledger entries folded", report.entries),
        ("accounts", report.accounts),
        ("lots", report.lots),
        ("holds", report.holds),
        ("rows of entries", report.rows),
        ("days of usage", report.days),
        ("hours of usage", report.hours),
        *sorted(report.compared.items()),
        *((f"not published yet: {what}", n) for what, n in sorted(report.unpublished.items())),
    ):
        shown.add_row(*cells(what, total))
    out().print(shown)
    if report.absent:
        err().print(f"not compared, for it isn't there: {', '.join(sorted(report.absent))}")
    if report.ok:
        out().print("They agree.")
    else:
        show_differences(report)
