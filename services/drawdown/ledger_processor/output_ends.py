"""Where a partition's outputs end, and whether what was committed there stands.

A commit that succeeds may lose its markers (`barrier.py`), in all of its partitions or in some.
Then its records are open still, and the next transaction would decide them, or leave them behind.
So before each commit everything of the one before it is proven: where the new transaction has
records, by the offsets at which they stand; where it has none, by the broker, who has ended what
lies before its last stable offset. Where nothing but a marker is missing before new records, to
commit these commits the others, as they were meant to be; to leave them would abort both.
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
        self._unproven: dict[str, int] = {}
        """Where the records begin that were committed and aren't known to stand, by output."""
        self._began: dict[str, int] = {}
        """The same of the transaction under way, if it is committed."""

    @property
    def proven(self) -> bool:
        """Whether all that was committed is known to stand."""
        return not self._unproven

    def committed(self, last_offsets: Mapping[str, int]) -> None:
        """A transaction is committed whose last records stand there; the rest is proven."""
        # Behind the records of a partition stands the marker of their transaction.
        self._ends.update((name, offset + 2) for name, offset in last_offsets.items())
        # Of what was delivered only after `hold` nobody knows where it begins.
        self._unproven = {name: self._began.get(name, -1) for name in last_offsets}

    def hold(self, first_offsets: Mapping[str, int]) -> bool:
        """Whether the transaction before stands, or will with the commit of the next one, now that
        the first records of that stand at these offsets."""
        self._began = dict(first_offsets)
        return all(self._follows(name, offset) for name, offset in first_offsets.items()) and all(
            self._stands(name) for name in sorted(self._unproven - first_offsets.keys())
        )

    def _follows(self, name: str, offset: int) -> bool:
        """Whether records follow those before them, be it without the marker of those.

        Then one marker decides both, and is to commit what was committed before. That nothing but
        the marker is missing, the broker says: the earlier records are the first ones open; or the
        marker has come since, and decided these records, too.
        """
        if offset == self._ends[name]:
            return True
        begins = self._unproven.get(name)
        if begins is None or offset != self._ends[name] - 1:
            return False
        if not self._stable_at(name, lambda at: at == begins or at > offset):
            return False
        self._began[name] = begins
        return True

    def _stands(self, name: str) -> bool:
        return self._stable_at(name, lambda at: at >= self._ends[name])

    def _stable_at(self, name: str, where: Callable[[int], bool]) -> bool:
        """Whether the broker says, before long, that the last stable offset is where it should."""
        deadline = self._clock.monotonic() + WAIT_S
        while True:
            try:
                if where(self._last_stable(name)):
                    return True
            except KafkaException:
                pass
            if self._clock.monotonic() >= deadline:
                return False
            self._clock.sleep(_PAUSE_S)
