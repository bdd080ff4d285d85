"""`python -m tests.benchmarks [--only key,key]`: what `make bench` and `drawdown bench` run."""

import argparse
import logging
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import structlog
from rich.console import Console

from drawdown import compiled
from drawdown.local import stack
from drawdown.settings import load
from tests.benchmarks import chains, decision_costs, durability, freshness, round_trips
from tests.benchmarks.chains import Bench
from tests.benchmarks.durability import Populations
from tests.benchmarks.freshness import Sight
from tests.benchmarks.harness import PAIRS, Figures, Ratio, Subject, measure, needed, report, save
from tests.benchmarks.processes import Run
from tests.benchmarks.projections import BALANCE, REVENUE, ReadModels
from tests.benchmarks.refunds import Refunds
from tests.benchmarks.row_lock import row_lock
from tests.benchmarks.set_based import set_based

FOLDER = Path(".bench")
_KAFKA = "page cache"
_POSTGRES = "disk"
_PROJECTION = "memory"
_NOTHING = "nothing"
_REVENUE_TIMES = 4
"""So many times the entries of other projections."""
_DURABILITY = """\
durability: page cache: one broker acknowledges before anything is on disk, and relies on replicas;
disk: Postgres flushes its log at each commit; memory: it doesn't, for the position is in the same
transaction as the rows; nothing: only computed."""
_SPENT = "decide_evolve"
"""No ratio: what a plain deduction costs, and what that is spent on."""
_IDLE = "idle_account"
"""No ratio either: the heap that an account takes while nothing happens on it."""

RATIOS = (
    Ratio("ledger_over_passthrough", "ledger", "passthrough", "≥ 0.28"),
    Ratio("ledger_memory_over_passthrough", "ledger_memory", "passthrough", "≥ 0.40"),
    Ratio("durable_over_memory", "ledger", "ledger_memory", "≥ 0.85"),
    Ratio("ledger_pure_over_passthrough", "ledger_pure", "passthrough", "≥ 0.17"),
    Ratio("ledger_over_faust_eos", "ledger", "faust_eos", "≥ 25"),
    Ratio("ledger_over_row_lock", "ledger", "row_lock", "reported"),
    Ratio("ledger_over_set_based", "ledger", "set_based", "reported"),
    Ratio("ledger_over_passthroughs", "ledger", "passthroughs", "reported"),
    Ratio("one_over_passthrough", "one_ledger", "passthrough", "reported"),
    Ratio("two_over_one", "two_ledgers", "one_ledger", "reported"),
    Ratio("projector_over_ledger", "projector", "ledger", "reported"),
    Ratio("balance_over_copy", "projector", "bare_balance", "≥ 0.5"),
    Ratio("revenue_over_copy", "revenue_projector", "bare_revenue", "≥ 0.4"),
    Ratio("rebuild_over_live", "rebuild", "projector", "≥ 1.5"),
    Ratio("rebuild_loading_over_live", "rebuild_loading", "projector", "reported"),
    Ratio("rebuild_memory_over_idle", "rebuild_peak", "idle_peak", "reported"),
    Ratio("visible_p99_over_bound", "visible_p99", "visible_bound", "≤ 1"),
    Ratio("visible_p99_over_p50", "visible_p99", "visible_p50", "reported"),
    Ratio("read_loaded_over_idle", "read_loaded", "read_idle", "≤ 5"),
    Ratio("hot_customer_over_uniform", "hot_customer", "one_ledger", "≥ 0.8"),
    Ratio("hot_customer_over_ledger", "hot_customer", "ledger", "reported"),
    Ratio("million_over_ten_thousand", "million_accounts", "ten_thousand_accounts", "≥ 0.7"),
    Ratio("recovery_over_decode", "recovery", "decoding", "≥ 0.5"),
    Ratio("recovery_over_decodings", "recovery", "decodings", "reported"),
    Ratio("one_recovery_over_decode", "one_recovery", "decoding", "reported"),
    Ratio("refunds_in_order_over_scattered", "refunds_in_order", "refunds_scattered", "reported"),
    Ratio("many_lots_over_plain", "decide_many_lots", "decide_plain", "≤ 2"),
    Ratio("many_holds_over_plain", "decide_many_holds", "decide_plain", "≤ 2"),
    Ratio("round_trip_over_bare_idle", "round_trip_idle", "bare_idle", "≤ 2"),
    Ratio("round_trip_over_bare_loaded", "round_trip_loaded", "bare_loaded", "≤ 2"),
)


@dataclass(frozen=True, slots=True)
class Standing:
    """What is measured more than once, and stays in between."""

    populations: Populations
    models: ReadModels
    revenue: ReadModels
    """Of more entries: `days` takes them so fast that how the threads of a process share
    partitions among them, a second or two of its start, would be half of what is measured."""
    sight: Sight
    refunds: Refunds

    def close(self) -> None:
        """Delete it."""
        self.refunds.close()
        self.populations.close()
        self.models.close()
        self.revenue.close()


def subjects(bench: Bench, standing: Standing) -> dict[str, Subject]:
    """Everything that is measured, in the order of a round."""
    populations = standing.populations

    def rate(run: Callable[[Bench], Run]) -> Callable[[Figures], float]:
        return lambda _: run(bench).rate

    def half(figures: Figures) -> float:
        return figures.median("ledger") / 2

    events, entries, trip, cost = "events/s", "entries/s", "ms (median)", "µs an event"
    both = (
        Subject("passthrough", events, _KAFKA, rate(chains.passthrough)),
        Subject("passthroughs", events, _KAFKA, rate(chains.passthroughs)),
        Subject("ledger", events, _KAFKA, rate(chains.ledger)),
        Subject("one_ledger", events, _KAFKA, rate(chains.one_ledger)),
        Subject("ledger_memory", events, _KAFKA, rate(chains.ledger_memory)),
        Subject("ledger_pure", events, _KAFKA, rate(chains.ledger_pure)),
        Subject("hot_customer", events, _KAFKA, rate(chains.hot_customer)),
        Subject("two_ledgers", events, _KAFKA, rate(chains.two_ledgers)),
        Subject("faust_eos", events, _KAFKA, rate(chains.faust)),
        Subject("row_lock", events, _POSTGRES, lambda _: row_lock(bench.database_url).rate),
        Subject("set_based", events, _POSTGRES, lambda _: set_based(bench.database_url).rate),
        Subject(
            "million_accounts", events, _KAFKA, lambda _: populations.charged(durability.MANY).rate
        ),
        Subject(
            "ten_thousand_accounts",
            events,
            _KAFKA,
            lambda _: populations.charged(durability.FEW).rate,
        ),
        Subject("recovery", entries, _KAFKA, lambda _: populations.recovery()),
        Subject("one_recovery", entries, _KAFKA, lambda _: populations.recovery(workers=1)),
        Subject("decoding", entries, _NOTHING, lambda _: populations.decoding()),
        Subject("decodings", entries, _NOTHING, lambda _: populations.decoding(workers=0)),
        Subject("refunds_in_order", "refunds/s", _KAFKA, lambda _: standing.refunds.in_order()),
        Subject("refunds_scattered", "refunds/s", _KAFKA, lambda _: standing.refunds.scattered()),
        Subject("decide_plain", cost, _NOTHING, lambda _: decision_costs.plain()),
        Subject("decide_many_lots", cost, _NOTHING, lambda _: decision_costs.many_lots()),
        Subject("decide_many_holds", cost, _NOTHING, lambda _: decision_costs.many_holds()),
        Subject("round_trip_idle", trip, _KAFKA, lambda _: round_trips.ledger_trip(bench)),
        Subject("bare_idle", trip, _KAFKA, lambda _: round_trips.bare_trip(bench)),
        Subject(
            "round_trip_loaded",
            trip,
            _KAFKA,
            lambda figures: round_trips.ledger_trip(bench, half(figures)),
            after=("ledger",),
        ),
        Subject(
            "bare_loaded",
            trip,
            _KAFKA,
            lambda figures: round_trips.bare_trip(bench, half(figures)),
            after=("ledger",),
        ),
    )
    return {each.name: each for each in (*both, *_read_models(standing))}


def _read_models(standing: Standing) -> tuple[Subject, ...]:
    """Subjects about projections."""
    models, revenue, sight = standing.models, standing.revenue, standing.sight

    def seen(figure: str) -> Callable[[Figures], float]:
        return lambda _: float(getattr(sight.last, figure))

    def half(figures: Figures) -> float:
        return figures.median("ledger_and_projector") / 2

    rate, ms, mib = "entries/s", "ms", "MiB (peak)"
    watched, kafka = ("visible_p99",), "page cache, memory"
    return (
        Subject("projector", rate, _PROJECTION, lambda _: models.live(BALANCE)),
        Subject("bare_balance", rate, _PROJECTION, lambda _: models.bare(BALANCE)),
        Subject("revenue_projector", rate, _PROJECTION, lambda _: revenue.live(REVENUE)),
        Subject("bare_revenue", rate, _PROJECTION, lambda _: revenue.bare(REVENUE)),
        Subject("rebuild", rate, _PROJECTION, lambda _: models.rebuilt(BALANCE)),
        Subject(
            "rebuild_loading",
            rate,
            _PROJECTION,
            lambda _: models.rebuild_loading,
            after=("rebuild",),
        ),
        Subject(
            "rebuild_peak", mib, _NOTHING, lambda _: models.rebuild_peak_mib, after=("rebuild",)
        ),
        Subject("idle_peak", mib, _NOTHING, lambda _: models.command_peak()),
        Subject("ledger_and_projector", "events/s", kafka, lambda _: sight.together()),
        Subject(
            "visible_p99",
            ms,
            kafka,
            lambda figures: sight.visible(half(figures)),
            after=("ledger_and_projector",),
        ),
        Subject("visible_p50", ms, kafka, seen("p50"), after=watched),
        Subject("read_loaded", ms, _NOTHING, seen("read_p99"), after=watched),
        Subject("read_idle", ms, _NOTHING, lambda _: sight.read_idle()),
        Subject("visible_bound", ms, _NOTHING, lambda _: freshness.bound_ms(load())),
    )


def chosen(only: str) -> list[Ratio]:
    """The ratios to measure. Exits with a line that names the keys when one is unknown."""
    wanted = _keys(only)
    known = [*(each.key for each in RATIOS), _SPENT, _IDLE]
    if unknown := sorted(set(wanted) - set(known)):
        sys.exit(f"there is no benchmark {', '.join(unknown)}; there are {', '.join(known)}")
    return [each for each in RATIOS if not wanted or each.key in wanted]


def _keys(only: str) -> list[str]:
    return [key.strip() for key in only.split(",") if key.strip()]


def main() -> None:
    """Measure, print, and write `.bench/latest.json`."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--only", default="", help="keys, comma-separated; all if absent")
    parser.add_argument("--pairs", type=int, default=PAIRS, help="rounds; fewer for a quick look")
    parser.add_argument(
        "--events",
        type=int,
        default=chains.EVENTS,
        help="usage in the ledger that projections are measured on",
    )
    options = parser.parse_args()
    ratios = chosen(options.only)
    # What is recorded runs in this process: what it says of its progress is no result.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    console = Console(stderr=True)
    console.print(f"ledger: {compiled.runtime()}; a broker and a database are started for this")
    available, figures = _measured(ratios, console, options.pairs, options.events)
    # Where nobody looks on, the table needn't fit a window.
    shown = Console() if sys.stdout.isatty() else Console(width=120)
    document = report(ratios, available, figures, shown)
    shown.print(_DURABILITY, highlight=False)
    if not options.only or _SPENT in _keys(options.only):
        spent = decision_costs.spent()
        shown.print(str(spent), highlight=False)
        document[_SPENT] = {"ratio": round(spent.decide + spent.evolve, 4), **asdict(spent)}
    if not options.only or _IDLE in _keys(options.only):
        idle = durability.idle_accounts()
        shown.print(str(idle), highlight=False)
        document[_IDLE] = {"ratio": round(idle.in_memory, 1), **asdict(idle)}
    save(document, FOLDER / "latest.json")


def _measured(
    ratios: list[Ratio], console: Console, pairs: int, events: int
) -> tuple[dict[str, Subject], Figures]:
    data = (FOLDER / "data").absolute()
    started = stack.up(data)
    try:
        bench = Bench(started.kafka_bootstrap_servers, started.database_url, FOLDER / "logs")
        sight = Sight(bench)
        revenue = ReadModels(bench, _REVENUE_TIMES * events)
        models, refunds = ReadModels(bench, events), Refunds(bench)
        standing = Standing(Populations(bench), models, revenue, sight, refunds)
        available = subjects(bench, standing)
        try:
            figures = measure(needed(ratios, available), console, pairs)
        finally:
            standing.close()
    finally:
        stack.down(data)
    shutil.rmtree(data, ignore_errors=True)
    return available, figures


if __name__ == "__main__":
    main()
