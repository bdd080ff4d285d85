"""Kept values: what decisions look up by key, of which only the newest need be in memory."""

from collections.abc import Callable
from typing import Final, Generic, TypeVar, final

T = TypeVar("T")


@final
class Kept(Generic[T]):
    """Values by key. Where a shelf holds what was saved, it is asked for what isn't here.

    Values are replaced, never changed in place, so that one which was saved can be told from one
    that came since.
    """

    def __init__(self) -> None:
        self._here: Final[dict[str, T]] = {}
        self.fetch: Callable[[str], T | None] | None = None
        """Asks the shelf; None: everything is here."""
        self.absent: Final[set[str]] = set()
        """Keys that the shelf is known not to hold, so that it needn't be asked."""

    def __len__(self) -> int:
        return len(self._here)

    def get(self, key: str) -> T | None:
        """The value of a key, or None."""
        value = self._here.get(key)
        if value is None and self.fetch is not None and key not in self.absent:
            return self.fetch(key)
        return value

    def keep(self, key: str, value: T) -> None:
        """Keep a value, in the place of an earlier one."""
        self._here[key] = value

    def drop(self, key: str, value: T) -> None:
        """Let go of a value that was saved, unless another one took its place since."""
        self.absent.clear()
        if self._here.get(key) is value:
            del self._here[key]

    def items(self) -> list[tuple[str, T]]:
        """What is in memory."""
        return list(self._here.items())
