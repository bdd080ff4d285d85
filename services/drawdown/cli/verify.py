"""`drawdown verify`: the audit."""

import signal
from typing import Annotated

import structlog
import typer

from drawdown import compiled, logs, metrics, verification
from drawdown.adapters.documents.times import format_time
from drawdown.cli.output import JSON_HELP, cells, err, out, progress, show_json, table
from drawdown.cli.session import connected
from drawdown.domain.numbers import format_credits
from drawdown.errors import UsageError
from drawdown.verification import Difference, Report
from drawdown.verification.watching import SERVICE, Watch


def verify(
    full: Annotated[
        bool, typer.Option("--full", help="Forget what was audited: begin at the start.")
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Audit again and again, and export metrics.")
    ] = False,
    every: Annotated[
        float | None,
        typer.Option(min=0.1, help="Seconds from audit to audit (DRAWDOWN_AUDIT_INTERVAL_S)."),
    ] = None,
    wait: Annotated[
        float, typer.Option(help="Seconds that processor and projector may take to catch up.")
    ] = 60.0,
    as_json: Annotated[bool, typer.Option("--json", help=JSON_HELP)] = False,
) -> None:
    """Audit the namespace: inputs, ledger, replies and read model must tell one story.

    Every retained input is decided, a duplicate, a dead letter or an idle tick; sequences, chains
    and invariants hold; each reply says what was decided; the read model shows what the ledger
    folds to, row by row. What is new since the last audit that found nothing wrong is read, and
    some of the read model again; --full reads everything. The first thing that doesn't fit is
    named first. Leaves with 1 where anything doesn't add up.
    """
    if watch:
        if as_json:
            raise UsageError("--watch logs and exports metrics; --json goes without it")
        _watch(every, wait, full=full)
        return
    with progress() as shown:
        task = shown.add_task("audit", total=None)

        def tell(done: int, total: int, doing: str) -> None:
            shown.update(task, completed=done, total=max(done, total), description=doing)

        report = verification.verify(connected(), tell, within_s=wait, full=full)
    if as_json:
        show_json(report.as_json())
    else:
        _show(report)
    if not report.ok:
        raise typer.Exit(1)


def _watch(every: float | None, wait: float, *, full: bool) -> None:
    settings = connected()
    logs.configure(settings, SERVICE)
    watch = Watch(settings, every_s=every or settings.audit_interval_s, within_s=wait)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: watch.stop())
    metrics.RUNTIME.info({"runtime": compiled.runtime()})
    port = metrics.serve(settings, metrics.registry(settings, SERVICE))
    structlog.get_logger().info("started", runtime=compiled.runtime(), metrics_port=port)
    watch.run(full=full)
    structlog.get_logger().info("stopped")


def _show(report: Report) -> None:
    if report.first is not None:
        show_first(report.first)
    totals = table(f"Audit of {report.namespace}", "what", "total", numbers=("total",))
    for what, total in (
        ("partitions", report.partitions),
        ("usage events", report.events),
        ("commands", report.commands),
        ("replies", report.replies),
        ("ledger entries", report.entries),
        ("read now", report.entries_read),
        ("charges", report.deductions),
        ("credits granted", format_credits(report.granted)),
        ("credits charged", format_credits(report.credits_charged)),
        ("overage credits", format_credits(report.overage)),
        ("uncovered credits", format_credits(report.uncovered)),
        ("duplicates", report.duplicates),
        ("idle ticks", report.idle_ticks),
        *((f"rejected: {code}", count) for code, count in sorted(report.rejected.items())),
        *((f"dead letters: {why}", count) for why, count in sorted(report.dead_letters.items())),
        ("compared: accounts", report.accounts),
        ("compared: lots", report.lots),
        ("compared: holds", report.holds),
        ("compared: rows of entries", report.rows),
        ("compared: days of usage", report.days),
        ("compared: hours of usage", report.hours),
        *((f"compared: {what}", count) for what, count in sorted(report.compared.items())),
        *((f"not published yet: {what}", n) for what, n in sorted(report.unpublished.items()) if n),
        ("audited and right", f"{report.coverage:.2%}"),
    ):
        totals.add_row(*cells(what, total))
    out().print(totals)
    if report.absent:
        out().print(f"note: not compared, for it isn't there: {', '.join(sorted(report.absent))}")
    for referral in report.one_sided_referrals:
        out().print(f"note: referral {referral} was granted to one customer only", markup=False)
    if report.ok:
        out().print("Everything adds up.")
        return
    show_differences(report)


def show_differences(report: Report) -> None:
    """Those that are named, in the order in which they were found."""
    err().print(f"{report.difference_count} differences; those found first:")
    for difference in report.differences:
        err().print(f"  {difference}", markup=False, soft_wrap=True)


def show_first(first: Difference) -> None:
    """What doesn't fit, in the order of the log: where, whose, how it should be, how it is."""
    appended = "" if not first.at else f", appended {format_time(first.at)}"
    out().print(f"First difference: {first.place}{appended}", markup=False, soft_wrap=True)
    for name, text in (
        ("account", first.account),
        ("what", first.explanation),
        ("expected", first.expected),
        ("found", first.found),
    ):
        if text:
            out().print(f"  {name:<10}{text}", markup=False, soft_wrap=True)
    out().print()
