"""Where a partition's outputs end, and whether what was committed there stands.

A commit that succeeds may lose its markers (`barrier.py`), in all of its partitions or in some.
Then its records are open still, and the next marker there decides them, whatever that is for. So a
transaction that wrote to several outputs is seen to stand in each before anything follows it: the
coordinator wouldn't take the next one earlier anyhow. One that wrote to a single output stands or
not as a whole; if the next one writes there, where that stands tells. What doesn't stand before
long is left to the barrier of whoever opens the partition next.
"""

from collections.abc import Collection, Mapping
from typing import Final

from drawdown.ledger_processor.stability import Stability


class OutputEnds:
    """One partition's, from the ends that its barrier proved."""

    def __init__(self, ends: Mapping[str, int], stability: Stability) -> None:
        """`ends` has an offset for each output, by its short name."""
        self._ends: Final = dict(ends)
        self._stability: Final = stability
        self._unproven: set[str] = set()
        """Where the last transaction has records that aren't known to stand."""

    @property
    def proven(self) -> bool:
        """Whether all that was committed is known to stand."""
        return not self._unproven

    def lets_follow(self, names: Collection[str]) -> bool:
        """Whether a transaction with records in these outputs may follow without a question."""
        return self._unproven <= set(names)

    def committed(self, last_offsets: Mapping[str, int], *, within_s: float) -> str:
        """A transaction is committed whose last records stand there. If they stand in several
        outputs, wait until all do; what doesn't before long; empty: all of it may stand."""
        # Behind the records of a partition stands the marker of their transaction.
        self._ends.update((name, offset + 2) for name, offset in last_offsets.items())
        self._unproven.update(last_offsets)
        return self.undecided(within_s=within_s) if len(last_offsets) > 1 else ""

    def undecided(self, *, within_s: float) -> str:
        """Wait until what was committed stands; what doesn't before long; empty: all does."""
        ends = {name: self._ends[name] for name in sorted(self._unproven)}
        stable = self._stability.wait(ends, within_s=within_s)
        if stable.reached:
            self._unproven.clear()
            return ""
        if not stable.told:
            return f"no broker says whether {' and '.join(ends)} are decided"
        name, end = next(each for each in ends.items() if stable.told[each[0]] < each[1])
        return f"{name} should be decided up to {end}, and is up to {stable.told[name]}"

    def misplaced(self, first_offsets: Mapping[str, int]) -> str:
        """Which records of the transaction under way don't stand where their output ended; empty:
        none, and those before them stand.

        Nobody else may write there: what stands in between isn't known, and to commit would decide
        whatever is open there.
        """
        for name, offset in first_offsets.items():
            if offset != self._ends[name]:
                return f"{name} ended at {self._ends[name]}, and what follows stands at {offset}"
        self._unproven.difference_update(first_offsets)
        return ""
