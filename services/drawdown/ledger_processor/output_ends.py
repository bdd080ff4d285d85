"""Where a partition's outputs end, and whether what was committed there stands.

A commit that succeeds may lose its markers (`barrier.py`). Then its records are open still, and the
next transaction would decide them, or leave them behind. So before each commit everything of the
one before it is proven: where the new transaction has records, by the offsets at which they stand;
where it has none, by the broker, who has ended what lies before its last stable offset.
"""

from collections.abc import Callable, Mapping
from typing import Final

from confluent_kafka import KafkaException

from drawdown.clock import Clock

LastStable = Callable[[str], int]
"""The last stable offset of this partition of a topic, by its short name. Raises
`KafkaException`."""

WAIT_S: Final = 2.0
"""The next transaction begins only when the one before it is over: the first answer should do."""
_PAUSE_S: Final = 0.05


class OutputEnds:
    """One partition's, from the ends that its barrier proved."""

    def __init__(self, ends: Mapping[str, int], last_stable: LastStable, clock: Clock) -> None:
        """`ends` has an offset for each output, by its short name."""
        self._ends: Final = dict(ends)
        self._last_stable: Final = last_stable
        self._clock: Final = clock
        self._unproven: set[str] = set()

    @property
    def proven(self) -> bool:
        """Whether all that was committed is known to stand."""
        return not self._unproven

    def committed(self, last_offsets: Mapping[str, int]) -> None:
        """A transaction is committed whose last records stand there; the rest is proven."""
        # Behind the records of a partition stands the marker of their transaction.
        self._ends.update((name, offset + 2) for name, offset in last_offsets.items())
        self._unproven = set(last_offsets)

    def hold(self, first_offsets: Mapping[str, int]) -> bool:
        """Whether the transaction before stands, now that the first records of the next one stand
        at these offsets."""
        return all(offset == self._ends[name] for name, offset in first_offsets.items()) and all(
            self._stands(name) for name in sorted(self._unproven - first_offsets.keys())
        )

    def _stands(self, name: str) -> bool:
        deadline = self._clock.monotonic() + WAIT_S
        while True:
            try:
                if self._last_stable(name) >= self._ends[name]:
                    return True
            except KafkaException:
                pass
            if self._clock.monotonic() >= deadline:
                return False
            self._clock.sleep(_PAUSE_S)
