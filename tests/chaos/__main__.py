"""`python -m tests.chaos`: what `make chaos` runs."""

import argparse
import json
import secrets
import shutil
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from drawdown import compiled
from tests.chaos.faults import CLUSTER_KIND, FAILOVERS, FAULTS, impossible
from tests.chaos.pauses import percentile
from tests.chaos.run import Outcome, Plan, Progress, run

FOLDER: Final = Path(".bench")
KINDS: Final = (*FAULTS, CLUSTER_KIND)
_BESIDE: Final = ("processor_killed", "processor_stopped", "broker_link_cut")
"""What strikes a cluster too, a third as often."""


def plans(options: argparse.Namespace, kinds: Sequence[str]) -> list[Plan]:
    """One broker for most kinds; three for the kind that needs them, with some others beside."""
    single = [kind for kind in kinds if kind != CLUSTER_KIND]
    beside = [kind for kind in _BESIDE if kind in kinds]
    cluster = [CLUSTER_KIND] if CLUSTER_KIND in kinds else []
    each: int = options.each
    share = 4 if single and cluster else 1
    plan = Plan(
        faults=single * each,
        seconds=options.seconds * (share - 1) / share if share > 1 else options.seconds,
        brokers=1,
        members=options.members,
        rate=options.rate,
        seed=options.seed,
        at_once=options.at_once,
        events=options.events - options.events // share if share > 1 else options.events,
        folder=FOLDER.absolute() / "chaos",
        namespace="chaos",
    )
    of_three = replace(
        plan,
        faults=cluster * each + beside * (each // 3),
        seconds=options.seconds / share,
        brokers=3,
        events=options.events // share,
    )
    return [each for each in (plan, of_three) if each.faults and (single or each.brokers > 1)][
        : 2 if cluster else 1
    ]


def main() -> None:
    """Run, print, write `.bench/chaos.json`. Exits with 1 on any difference."""
    # What was started is ended, and what was mounted given back.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    options = _options()
    kinds = _kinds(options.kinds)
    console = Console(stderr=True)
    console.print(f"ledger: {compiled.runtime()}; seed {options.seed}")
    for kind, why in impossible().items():
        if kind in kinds:
            console.print(f"[yellow]without {kind}: {why}[/yellow]")
            kinds.remove(kind)
    outcome = Outcome()
    try:
        _carry_out(plans(options, kinds), outcome, _told(console))
    finally:
        _report(outcome, options.seed)
    if not outcome.findings.fine:
        sys.exit(1)


def _carry_out(chosen: list[Plan], outcome: Outcome, progress: Progress) -> None:
    for plan in chosen:
        shutil.rmtree(plan.folder, ignore_errors=True)
        part = Outcome()
        try:
            run(plan, part, progress)
        finally:
            outcome.add(part)
        if not outcome.findings.fine:
            return
        shutil.rmtree(plan.folder, ignore_errors=True)


def _report(outcome: Outcome, seed: int) -> None:
    shown = Console() if sys.stdout.isatty() else Console(width=120)
    _show(outcome, shown)
    document = _document(outcome, seed)
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "chaos.json").write_text(json.dumps(document, indent=2) + "\n")
    if not outcome.findings.fine:
        shown.print(outcome.logs, markup=False, highlight=False)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--each", type=int, default=3, help="faults of each kind")
    parser.add_argument("--seconds", type=float, default=0, help="faults by chance for so long")
    parser.add_argument("--events", type=int, default=0, help="send so many events at least")
    parser.add_argument("--kinds", default="", help=f"comma-separated: {', '.join(KINDS)}")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    parser.add_argument("--rate", type=int, default=200, help="events a second")
    parser.add_argument("--members", type=int, default=3, help="processors, and balance projectors")
    parser.add_argument("--at-once", type=int, default=4, help="faults in a round at most")
    return parser.parse_args()


def _kinds(given: str) -> list[str]:
    wanted = [kind.strip() for kind in given.split(",") if kind.strip()]
    if unknown := sorted(set(wanted) - set(KINDS)):
        sys.exit(f"there is no kind {', '.join(unknown)}; there are {', '.join(KINDS)}")
    return wanted or list(KINDS)


def _told(console: Console) -> Progress:
    def tell(what: str, outcome: Outcome) -> None:
        found = outcome.findings
        console.print(
            f"[dim]{sum(outcome.faults.values()):4} faults, {found.events:9,} events checked,"
            f" lost {found.lost}, doubled {found.doubled}[/dim]  {what}",
            highlight=False,
        )

    return tell


def _show(outcome: Outcome, console: Console) -> None:
    table = Table("fault", "injected", "pauses", "p50 s", "p99 s", title="Faults")
    for column in table.columns[1:]:
        column.justify = "right"
    for kind in KINDS:
        if times := outcome.faults[kind]:
            seconds = outcome.pauses.get(kind, [])
            table.add_row(kind, str(times), *_pause(seconds))
    failovers = [each for kind in FAILOVERS for each in outcome.pauses.get(kind, [])]
    table.add_section()
    table.add_row("all", str(sum(outcome.faults.values())), "", "", "")
    table.add_row("failover to another process", "", *_pause(failovers))
    console.print(table)
    found = outcome.findings
    console.print(
        f"{found.events:,} events and {outcome.commands:,} commands sent; {found.entries:,} entries"
        f" checked, {found.charged:,} charges, {found.repeats:,} repeats that booked nothing\n"
        f"lost {found.lost}, doubled {found.doubled}, other differences {len(found.differences)};"
        f" {outcome.seconds:.0f} s",
        highlight=False,
    )
    if outcome.exits:
        console.print("processes that ended by themselves and were restarted:")
        for what, times in sorted(outcome.exits.items()):
            console.print(f"{times:5} {what}", markup=False, highlight=False)
    for difference in found.differences:
        console.print(f"[red]{difference}[/red]", highlight=False)


def _pause(seconds: Sequence[float]) -> tuple[str, str, str]:
    if not seconds:
        return "", "", ""
    return str(len(seconds)), f"{percentile(seconds, 50):.2f}", f"{percentile(seconds, 99):.2f}"


def _document(outcome: Outcome, seed: int) -> dict[str, object]:
    found = outcome.findings
    failovers = [each for kind in FAILOVERS for each in outcome.pauses.get(kind, [])]
    return {
        "seed": seed,
        "runtime": compiled.runtime(),
        "faults": dict(outcome.faults),
        "faults_injected": sum(outcome.faults.values()),
        "events_sent": found.events,
        "commands_sent": outcome.commands,
        "entries_checked": found.entries,
        "lost": found.lost,
        "doubled": found.doubled,
        "differences": found.differences,
        "pause_s": {kind: _figures(seconds) for kind, seconds in outcome.pauses.items()},
        "failover_pause_s": _figures(failovers),
        "ended_by_themselves": dict(outcome.exits),
        "seconds": round(outcome.seconds, 1),
    }


def _figures(seconds: Sequence[float]) -> dict[str, float]:
    if not seconds:
        return {}
    return {
        "measured": len(seconds),
        "p50": round(percentile(seconds, 50), 3),
        "p99": round(percentile(seconds, 99), 3),
    }


if __name__ == "__main__":
    main()
