"""Where a partition's outputs end, and whether what was committed there stands.

A commit that succeeds may lose its markers (`barrier.py`), in all of its partitions or in some.
Then its records are open still, and the next marker there decides them, whatever that is for. So
nothing follows a transaction, and local state isn't saved, before it is seen to stand in each of
its outputs: the coordinator wouldn't take the next one earlier anyhow. What doesn't stand before
long is left to the barrier of whoever opens the partition next.
"""

from collections.abc import Mapping
from typing import Final

from drawdown.ledger_processor.stability import Stability


class OutputEnds:
    """One partition's, from the ends that its barrier proved."""

    def __init__(self, ends: Mapping[str, int], stability: Stability) -> None:
        """`ends` has an offset for each output, by its short name."""
        self._ends: Final = dict(ends)
        self._stability: Final = stability

    def misplaced(self, first_offsets: Mapping[str, int]) -> str:
        """Which records of a transaction don't stand where their output ended; empty: none.

        Nobody else may write there: what stands in between isn't known, and to commit would decide
        whatever is open there.
        """
        for name, offset in first_offsets.items():
            if offset != self._ends[name]:
                return f"{name} ended at {self._ends[name]}, and what follows stands at {offset}"
        return ""

    def undecided(self, last_offsets: Mapping[str, int], *, within_s: float) -> str:
        """Wait for a transaction that was committed, and whose last records stand there; what of it
        isn't decided before long; empty: it stands, and the outputs end behind it."""
        # Behind the records of a partition stands the marker of their transaction.
        ends = {name: offset + 2 for name, offset in last_offsets.items()}
        if not ends:
            return ""
        stable = self._stability.wait(ends, within_s=within_s)
        if stable.reached:
            self._ends.update(ends)
            return ""
        if not stable.told:
            return f"no broker says whether {' and '.join(ends)} are decided"
        name, end = next(each for each in ends.items() if stable.told[each[0]] < each[1])
        return f"{name} should be decided up to {end}, and is up to {stable.told[name]}"
