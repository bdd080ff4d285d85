"""Kept values: what decisions look up by key, of which only the newest need be in memory."""

from collections.abc import Callable
from typing import Final, Generic, TypeVar, final

T = TypeVar("T")


@final
class Kept(Generic[T]):
    """Values by key. Where a shelf holds what was saved, it is asked for what isn't here.

    Values are replaced, never changed in place, so that one which was saved can be told from one
    that came since. New ones are saved, and let go of, together.
    """

    def __init__(self) -> None:
        self._here: Final[dict[str, T]] = {}
        self.fetch: Callable[[str], T | None] | None = None
        """Asks the shelf; None: everything is here."""
        self.absent: Final[set[str]] = set()
        """Keys that the shelf is known not to hold, so that it needn't be asked."""
        self._new: dict[str, T] = {}
        self._being_saved: list[dict[str, T]] = []

    def __len__(self) -> int:
        return len(self._here) + len(self._new) + sum(map(len, self._being_saved))

    def get(self, key: str) -> T | None:
        """The value of a key, or None."""
        value = self._here.get(key)
        if value is None and self.fetch is not None:
            new = self._of_new(key)
            if new is not None:
                return new
            if key not in self.absent:
                return self.fetch(key)
        return value

    def _of_new(self, key: str) -> T | None:
        value = self._new.get(key)
        if value is None:
            for each in reversed(self._being_saved):
                value = each.get(key)
                if value is not None:
                    return value
        return value

    def keep(self, key: str, value: T) -> None:
        """Keep a value, in the place of an earlier one."""
        self._here[key] = value

    def keep_new(self, key: str, value: T) -> None:
        """Keep the first value of a key, which can be saved whatever else is."""
        if self.fetch is None:
            self._here[key] = value
        else:
            self._new[key] = value

    def take_new(self) -> dict[str, T]:
        """The first values that came since the last call, to be saved."""
        taken, self._new = self._new, {}
        if taken:
            self._being_saved.append(taken)
        return taken

    def saved_new(self, taken: dict[str, T]) -> None:
        """Let go of new values: they are saved."""
        self.absent.clear()
        self._being_saved = [each for each in self._being_saved if each is not taken]

    def drop(self, key: str, value: T) -> None:
        """Let go of a value that was saved, unless another one took its place since."""
        self.absent.clear()
        if self._here.get(key) is value:
            del self._here[key]

    def drop_all(self) -> None:
        """Let go of everything: it is saved."""
        self.absent.clear()
        self._here.clear()
        self._new, self._being_saved = {}, []

    def items(self) -> list[tuple[str, T]]:
        """What is in memory."""
        found: dict[str, T] = {}
        for each in (*self._being_saved, self._new):
            found.update(each)
        found.update(self._here)
        return list(found.items())
