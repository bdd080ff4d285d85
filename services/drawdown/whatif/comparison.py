"""Two worlds held against each other, as a document: before → after, and the difference."""

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

from drawdown.domain.numbers import format_credits
from drawdown.whatif.deciding import Redecided
from drawdown.whatif.tallies import Charged, Credits, Standing, names_of

Document = dict[str, Any]
_FIGURES: Final = {
    "meters": names_of(Charged),
    "kinds": names_of(Credits),
    "accounts": names_of(Standing),
}
_ALL: Final = "all"


class Comparison:
    """The worlds of all partitions. Figures stand under (table, customer, unit, name, figure)."""

    def __init__(self) -> None:
        self.inputs = 0
        self._before: Counter[tuple[str, ...]] = Counter()
        self._after: Counter[tuple[str, ...]] = Counter()

    def add(self, redecided: Redecided) -> None:
        """Count a partition's worlds."""
        self.inputs += redecided.inputs
        start = redecided.start
        for counts, world in ((self._before, redecided.before), (self._after, redecided.after)):
            for name, charged in world.tally.meters.items():
                self._count(counts, "meters", name, charged, None)
            for name, credits in world.end.kinds.items():
                self._count(counts, "kinds", name, credits, start.kinds.get(name))
            for key, standing in world.end.accounts.items():
                self._count(counts, "accounts", (*key, ""), standing, None)

    def _count(
        self,
        counts: Counter[tuple[str, ...]],
        table: str,
        name: tuple[str, str, str],
        value: object,
        start: object,
    ) -> None:
        for figure in _FIGURES[table]:
            amount: int = getattr(value, figure)
            # What went of lots is counted since the worlds parted; what is left, as it is.
            if start is not None and figure != "remaining":
                amount -= getattr(start, figure)
            counts[(table, *name, figure)] += amount
            counts[(table, _ALL, name[1], name[2], figure)] += amount

    @property
    def differs(self) -> bool:
        """Whether the change would have made any difference."""
        return any(self._after[key] != self._before[key] for key in self._keys())

    def document(self) -> Document:
        """Every row that has a figure, in the order of customers; totals under `all`."""
        rows = {table: self._rows(table) for table in _FIGURES}
        return {"inputs": self.inputs, "differs": self.differs, **rows}

    def _rows(self, table: str) -> list[Document]:
        names = sorted({key[1:4] for key in self._keys() if key[0] == table}, key=_totals_last)
        return [self._row(table, name) for name in names]

    def _row(self, table: str, name: tuple[str, ...]) -> Document:
        customer_id, unit, of = name
        label = {"meters": "meter", "kinds": "kind", "accounts": ""}[table]
        row: Document = {"customer_id": customer_id, "unit": unit}
        if label:
            row[label] = of
        differs = False
        for figure in _FIGURES[table]:
            key = (table, *name, figure)
            before, after = self._before[key], self._after[key]
            differs = differs or before != after
            row[figure] = {
                "before": format_credits(before),
                "after": format_credits(after),
                "difference": format_credits(after - before),
            }
        return {**row, "differs": differs}

    def _keys(self) -> Iterable[tuple[str, ...]]:
        return self._before.keys() | self._after.keys()


def _totals_last(name: tuple[str, ...]) -> tuple[bool, tuple[str, ...]]:
    return name[0] == _ALL, name
