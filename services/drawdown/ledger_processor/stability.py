"""Waiting until the broker has decided what stands in a partition's outputs."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from confluent_kafka import KafkaException

from drawdown.adapters.kafka.stable_offsets import Offsets
from drawdown.clock import Clock
from drawdown.settings import Settings

LastStable = Callable[[Sequence[str]], list[int]]
"""The last stable offset of this partition of each of these topics, by their short names. Raises
`KafkaException`."""

ASK_S: Final = 2.0
"""How long an answer about an output's end is waited for, before it is asked again."""
PATIENCE_S: Final = 2.0
"""Markers follow a commit by milliseconds; what a broker that answers hasn't decided in so long
has lost them."""
_FIRST_PAUSE_S: Final = 0.0005
_PAUSE_MAX_S: Final = 0.05


def asking(settings: Settings, offsets: Offsets, partition: int) -> LastStable:
    """Asks the broker about the outputs of one partition."""

    def last_stable(names: Sequence[str]) -> list[int]:
        return offsets.last_stable([settings.topic(name) for name in names], partition, ASK_S)

    return last_stable


class Stable(NamedTuple):
    """Whether all ends were reached, and the last stable offsets that were told; none: there was no
    answer."""

    reached: bool
    told: dict[str, int]


class Stability:
    """One partition's. For use by several threads."""

    def __init__(self, last_stable: LastStable, clock: Clock) -> None:
        self._last_stable: Final = last_stable
        self._clock: Final = clock

    def wait(self, ends: Mapping[str, int], *, within_s: float) -> Stable:
        """Wait until everything before these ends is decided, by output: as long as the broker
        doesn't answer, but no longer than `within_s`; once it does, `PATIENCE_S` from then on."""
        names = sorted(ends)
        deadline = self._clock.monotonic() + within_s
        told: dict[str, int] = {}
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                answer = dict(zip(names, self._last_stable(names), strict=True))
            except KafkaException:
                pass
            else:
                if all(answer[name] >= ends[name] for name in names):
                    return Stable(reached=True, told=answer)
                if not told:
                    deadline = min(deadline, self._clock.monotonic() + PATIENCE_S)
                told = answer
            if self._clock.monotonic() >= deadline:
                return Stable(reached=False, told=told)
            self._clock.sleep(pause_s)
            pause_s = min(2 * pause_s, _PAUSE_MAX_S)
