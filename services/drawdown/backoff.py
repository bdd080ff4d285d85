"""How long to wait before the next try."""

from random import Random
from typing import Final

_FIRST_S: Final = 0.2
_LONGEST_S: Final = 10.0


class Backoff:
    """Doubling delays while something is away.

    With `chance`, a delay is cut by up to a half at random, so that many who failed together don't
    come back together.
    """

    def __init__(
        self,
        *,
        first_s: float = _FIRST_S,
        longest_s: float = _LONGEST_S,
        chance: Random | None = None,
    ) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._chance = chance
        self._tries = 0

    @property
    def just_began(self) -> bool:
        """Whether this is the first failure in a row."""
        return self._tries == 1

    def next_s(self) -> float:
        """Seconds to wait after one more failure."""
        self._tries += 1
        delay_s = min(self._longest_s, self._first_s * float(2 ** min(self._tries - 1, 16)))
        if self._chance is None:
            return delay_s
        return delay_s * self._chance.uniform(0.5, 1.0)

    def over(self) -> bool:
        """Note a success; whether there was a failure before it."""
        failed, self._tries = self._tries > 0, 0
        return failed
