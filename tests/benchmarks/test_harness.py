"""The harness: what is measured, in which order, and what goes into the file."""

import json
from pathlib import Path

import pytest
from rich.console import Console

from tests.benchmarks.__main__ import RATIOS, Standing, chosen, subjects
from tests.benchmarks.chains import Bench
from tests.benchmarks.durability import Populations
from tests.benchmarks.freshness import Sight
from tests.benchmarks.harness import (
    Figures,
    Ratio,
    Subject,
    in_order,
    measure,
    needed,
    report,
    save,
)
from tests.benchmarks.processes import timed
from tests.benchmarks.projections import ReadModels
from tests.benchmarks.refunds import Refunds

BENCH = Bench("", "", Path())
STANDING = Standing(
    Populations(BENCH), ReadModels(BENCH), ReadModels(BENCH), Sight(BENCH), Refunds(BENCH)
)


def subject(name: str, *figures: float, after: tuple[str, ...] = ()) -> Subject:
    left = list(figures)
    return Subject(name, "events/s", "disk", lambda _: left.pop(0), after)


def test_every_ratio_is_of_subjects_that_are_measured() -> None:
    known = subjects(BENCH, STANDING)
    assert {each.name for each in needed(RATIOS, known)} == known.keys()


def test_a_part_measures_what_it_needs_and_no_more() -> None:
    known = subjects(BENCH, STANDING)
    [loaded] = chosen("round_trip_over_bare_loaded")
    names = {each.name for each in needed([loaded], known)}
    assert names == {"round_trip_loaded", "bare_loaded", "ledger"}


def test_an_unknown_key_is_refused_with_those_there_are() -> None:
    with pytest.raises(
        SystemExit, match=r"no benchmark ledger_over_redis; there are .*two_over_one"
    ):
        chosen("two_over_one,ledger_over_redis")


def test_rounds_alternate_and_keep_what_must_come_first() -> None:
    three = [subject("a"), subject("b"), subject("c", after=("a",))]
    assert [each.name for each in in_order(three, backwards=False)] == ["a", "b", "c"]
    assert [each.name for each in in_order(three, backwards=True)] == ["b", "a", "c"]


def test_a_ratio_is_of_medians(tmp_path: Path) -> None:
    known = {"fast": subject("fast", 90, 400, 100), "slow": subject("slow", 20, 50, 1)}
    console = Console(quiet=True)
    figures = measure(list(known.values()), console, pairs=3)
    ratios = [Ratio("fast_over_slow", "fast", "slow", "")]
    save({"earlier": {"ratio": 2}}, tmp_path / "latest.json")
    save(report(ratios, known, figures, console), tmp_path / "latest.json")
    found = json.loads((tmp_path / "latest.json").read_text())
    assert found["earlier"] == {"ratio": 2}
    measured = found["fast_over_slow"]
    assert (measured["ratio"], measured["pairs"]) == (5.0, 3)
    assert measured["spread"] == {"fast": 3.1, "slow": 2.45}


def test_the_spread_is_between_extremes() -> None:
    figures = Figures()
    for figure in (8.0, 10.0, 12.0):
        figures.add("a", figure)
    assert figures.spread("a") == pytest.approx(0.4)


def test_what_is_timed_lies_between_the_first_and_the_last_growth() -> None:
    counts = iter([10, 10, 15, 40, 40, 110])
    run = timed(lambda: next(counts), 100)
    assert run.records == 95
    assert run.seconds > 0
