"""The breaker: a flood of records that are none stops the partition, rather than park the world.

A producer that sends another format, or to the wrong partitions, would fill `dead-letters` with
what somebody then has to send again. So the records before the limit are parked one by one, and
then the partition halts and is looked at. The limit counts offsets, not time: whoever reads the
log comes to the same point. The dead letters themselves say what was counted before, so a restart
goes on counting where it stood, and only a higher limit lets the flood pass.
"""

from collections import deque
from collections.abc import Iterable
from typing import Final

from drawdown.errors import PartitionPoisoned


class Breaker:
    """Trips at more than `most` dead letters among the last `window` records of one input.

    Records are counted by their offsets, holes of transactions included. `parked` holds the
    (topic, offset) of what was parked before.
    """

    def __init__(self, *, most: int, window: int, parked: Iterable[tuple[str, int]]) -> None:
        self._most: Final = most
        self._window: Final = window
        self._unfit: Final[dict[str, deque[int]]] = {}
        for topic, offset in sorted(parked):
            self._unfit.setdefault(topic, deque()).append(offset)

    def count(self, topic: str, offset: int) -> None:
        """One more record is about to be parked. Raises `PartitionPoisoned` if it mustn't."""
        unfit = self._unfit.setdefault(topic, deque())
        while unfit and unfit[0] <= offset - self._window:
            unfit.popleft()
        if len(unfit) >= self._most:
            raise PartitionPoisoned(
                f"the breaker tripped: {len(unfit):,} of the last {self._window:,} records of "
                f"{topic} were parked, and the one at offset {offset} is no record either. Find "
                "the producer and stop it; then set DRAWDOWN_POISON_MAX to "
                f"{self._window} and restart to have the rest parked, or park them by hand"
            )
        unfit.append(offset)
