"""Ratios of medians over alternating rounds: what is compared is measured side by side."""

import json
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

PAIRS: Final = 5
"""Of an odd number the median is one that was measured."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Something that is measured once a round."""

    name: str
    unit: str
    durability: str
    measure: Callable[["Figures"], float]
    after: tuple[str, ...] = ()
    """Subjects whose figures it needs, measured earlier in each round."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """One subject ÷ another, and what it should come to, for the reader."""

    key: str
    numerator: str
    denominator: str
    goal: str


class Figures:
    """What was measured so far, by subject."""

    def __init__(self) -> None:
        self.by_subject: dict[str, list[float]] = {}

    def add(self, subject: str, figure: float) -> None:
        """Keep one more."""
        self.by_subject.setdefault(subject, []).append(figure)

    def median(self, subject: str) -> float:
        """The median so far."""
        return statistics.median(self.by_subject[subject])

    def spread(self, subject: str) -> float:
        """(largest − smallest) ÷ median."""
        figures = self.by_subject[subject]
        return (max(figures) - min(figures)) / self.median(subject)


def measure(subjects: Sequence[Subject], console: Console, pairs: int = PAIRS) -> Figures:
    """Measure each subject once a round, forwards and backwards in turn."""
    figures = Figures()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("measuring", total=pairs * len(subjects))
        for number in range(pairs):
            for subject in in_order(subjects, backwards=number % 2 == 1):
                progress.update(task, description=f"round {number + 1}: {subject.name}")
                figure = subject.measure(figures)
                figures.add(subject.name, figure)
                progress.console.print(f"{subject.name}: {figure:,.3f} {subject.unit}")
                progress.advance(task)
    return figures


def in_order(subjects: Sequence[Subject], *, backwards: bool) -> list[Subject]:
    """The order of a round. Backwards too, a subject comes after those whose figures it needs."""
    left = list(reversed(subjects)) if backwards else list(subjects)
    ordered: list[Subject] = []
    while left:
        waiting = {each.name for each in left}
        ready = next(each for each in left if not waiting & set(each.after))
        ordered.append(ready)
        left.remove(ready)
    return ordered


def needed(ratios: Iterable[Ratio], subjects: dict[str, Subject]) -> list[Subject]:
    """The subjects that these ratios are made of, and what those need."""
    names = {name for each in ratios for name in (each.numerator, each.denominator)}
    while more := {after for name in names for after in subjects[name].after} - names:
        names |= more
    return [subject for name, subject in subjects.items() if name in names]


def report(
    ratios: Sequence[Ratio], subjects: dict[str, Subject], figures: Figures, console: Console
) -> dict[str, dict[str, object]]:
    """Print the tables; return what goes into the file."""
    compared = _table("Ratios", ("ratio", "goal", "of", "÷"), ("value",))
    document: dict[str, dict[str, object]] = {}
    for each in ratios:
        numerator, denominator = figures.median(each.numerator), figures.median(each.denominator)
        value = numerator / denominator
        compared.add_row(each.key, each.goal, each.numerator, each.denominator, f"{value:.3f}")
        document[each.key] = {
            "ratio": round(value, 4),
            "numerator": round(numerator, 4),
            "denominator": round(denominator, 4),
            "unit": subjects[each.numerator].unit,
            "of": [each.numerator, each.denominator],
            "spread": {
                name: round(figures.spread(name), 4) for name in (each.numerator, each.denominator)
            },
            "pairs": len(figures.by_subject[each.numerator]),
            "durability": [
                subjects[each.numerator].durability,
                subjects[each.denominator].durability,
            ],
        }
    console.print(_absolutes(subjects, figures), compared)
    return document


def _absolutes(subjects: dict[str, Subject], figures: Figures) -> Table:
    table = _table("Absolutes", ("measured", "unit", "durability"), ("median", "least – most"))
    for name, measured in figures.by_subject.items():
        table.add_row(
            name,
            subjects[name].unit,
            subjects[name].durability,
            f"{figures.median(name):,.1f}",
            f"{min(measured):,.1f} – {max(measured):,.1f}",
        )
    return table


def _table(title: str, words: Sequence[str], numbers: Sequence[str]) -> Table:
    table = Table(title=title)
    for each in words:
        table.add_column(each, no_wrap=True)
    for each in numbers:
        table.add_column(each, no_wrap=True, justify="right")
    return table


def save(document: dict[str, dict[str, object]], path: Path) -> None:
    """Write the file; what an earlier run measured of other keys stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    known = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps({**known, **document}, indent=2) + "\n")
