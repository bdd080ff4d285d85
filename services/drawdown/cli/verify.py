"""`drawdown verify`: the audit."""

from typing import Annotated

import typer

from drawdown import verification
from drawdown.cli.output import JSON_HELP, cells, err, out, progress, show_json, table
from drawdown.cli.session import connected
from drawdown.domain.numbers import format_credits
from drawdown.verification import Report


def verify(
    as_json: Annotated[bool, typer.Option("--json", help=JSON_HELP)] = False,
    wait: Annotated[
        float, typer.Option(help="Seconds that processor and projector may take to catch up.")
    ] = 60.0,
) -> None:
    """Audit the whole namespace: inputs, ledger and read model must tell one story.

    Every retained input is decided, a duplicate, a dead letter or an idle tick; sequences, chains
    and invariants hold; the fold of the ledger equals the read model: accounts, lots and holds.
    Leaves with 1 where anything doesn't add up.
    """
    with progress() as shown:
        task = shown.add_task("audit", total=None)

        def tell(done: int, total: int, doing: str) -> None:
            shown.update(task, completed=done, total=max(done, total), description=doing)

        report = verification.verify(connected(), tell, within_s=wait)
    if as_json:
        show_json(report.as_json())
    else:
        _show(report)
    if not report.ok:
        raise typer.Exit(1)


def _show(report: Report) -> None:
    totals = table(f"Audit of {report.namespace}", "what", "total", numbers=("total",))
    for what, total in (
        ("partitions", report.partitions),
        ("usage events", report.events),
        ("commands", report.commands),
        ("ledger entries", report.entries),
        ("charges", report.deductions),
        ("credits granted", format_credits(report.granted)),
        ("credits charged", format_credits(report.credits_charged)),
        ("overage credits", format_credits(report.overage)),
        ("uncovered credits", format_credits(report.uncovered)),
        ("duplicates", report.duplicates),
        ("idle ticks", report.idle_ticks),
        *((f"rejected: {code}", count) for code, count in sorted(report.rejected.items())),
        *((f"dead letters: {why}", count) for why, count in sorted(report.dead_letters.items())),
        ("accounts", report.accounts),
        ("lots", report.lots),
        ("holds", report.holds),
    ):
        totals.add_row(*cells(what, total))
    out().print(totals)
    for referral in report.one_sided_referrals:
        out().print(f"note: referral {referral} was granted to one customer only", markup=False)
    if report.ok:
        out().print("Everything adds up.")
        return
    err().print(f"{report.difference_count} differences; the first ones:")
    for difference in report.differences:
        err().print(f"  {difference}", markup=False)
