"""How long to wait before the next try."""

from typing import Final

_FIRST_S: Final = 0.2
_LONGEST_S: Final = 10.0


class Backoff:
    """Doubling delays while something is away."""

    def __init__(self) -> None:
        self._tries = 0

    @property
    def just_began(self) -> bool:
        """Whether this is the first failure in a row."""
        return self._tries == 1

    def next_s(self) -> float:
        """Seconds to wait after one more failure."""
        self._tries += 1
        return float(min(_LONGEST_S, _FIRST_S * 2 ** min(self._tries - 1, 16)))

    def over(self) -> bool:
        """Note a success; whether there was a failure before it."""
        failed, self._tries = self._tries > 0, 0
        return failed
