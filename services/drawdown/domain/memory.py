"""Memory: what was decided before, so that it is decided once."""

from typing import Final, final

from mypy_extensions import mypyc_attr

from drawdown.domain.entries import InputTopic, LedgerEntry, entry_id_of
from drawdown.domain.numbers import DAY_US

WINDOW_US: Final = 35 * DAY_US
"""Event ids, and refusals, are remembered this long; older usage is refused."""


@mypyc_attr(acyclic=True)
@final
class Remembered:
    """A first decision: the digest of the body it was of, its entry, and its refusal if any.

    It stands for inputs recorded up to `until` (µs). The entry is kept by its place, since most
    ids are never asked for.
    """

    def __init__(
        self,
        digest: bytes,
        *,
        topic: InputTopic,
        partition: int,
        offset: int,
        index: int,
        code: str,
        until: int,
    ) -> None:
        self.digest: Final = digest
        self.topic: Final[InputTopic] = topic
        self.partition: Final = partition
        self.offset: Final = offset
        self.index: Final = index
        self.code: Final = code
        self.until: Final = until

    def kept_until(self, until: int) -> "Remembered":
        """The same decision, remembered until another time (µs)."""
        return Remembered(
            self.digest,
            topic=self.topic,
            partition=self.partition,
            offset=self.offset,
            index=self.index,
            code=self.code,
            until=until,
        )

    @property
    def entry_id(self) -> str:
        """The id of the entry that holds the decision."""
        return entry_id_of(self.topic, self.partition, self.offset, self.index)


def first_decision(entry: LedgerEntry, code: str, until: int, digest: bytes) -> Remembered:
    """What is remembered of an entry: a decision of the body of `digest`, or a refusal of it."""
    return Remembered(
        digest,
        topic=entry.source_topic,
        partition=entry.source_partition,
        offset=entry.source_offset,
        index=entry.index,
        code=code,
        until=until,
    )


@final
class Memory:
    """First decisions by id, each until its window ends.

    Memory is given back a whole day later at the least, so that a broker's clock that is set back
    finds what it needs.
    """

    def __init__(self) -> None:
        self._by_id: Final[dict[str, Remembered]] = {}
        self._days: Final[dict[int, list[str]]] = {}
        self._oldest_day = 0

    def __len__(self) -> int:
        return len(self._by_id)

    def get(self, key: str, recorded_at: int) -> Remembered | None:
        """The first decision under `key` that stands for an input recorded then, or None."""
        first = self._by_id.get(key)
        return None if first is None or recorded_at > first.until else first

    def keep(self, key: str, first: Remembered) -> None:
        """Remember a first decision; it takes the place of one whose window has ended."""
        self._by_id[key] = first
        day = first.until // DAY_US
        keys = self._days.get(day)
        if keys is None:
            self._days[day] = [key]
        else:
            keys.append(key)

    def forget_before(self, recorded_at: int) -> None:
        """Give back the memory of what ended more than a day before `recorded_at` (µs)."""
        oldest_day = recorded_at // DAY_US - 1
        if oldest_day <= self._oldest_day:
            return
        self._oldest_day = oldest_day
        for day in [day for day in self._days if day < oldest_day]:
            for key in self._days.pop(day):
                first = self._by_id.get(key)
                # Kept anew since, it stands under a later day.
                if first is not None and first.until // DAY_US == day:
                    del self._by_id[key]


@final
class RejectedUsage:
    """A usage event that was refused, as it came, so that it can be redriven.

    `recorded_at` is that of its first refusal (µs).
    """

    def __init__(self, raw: bytes, digest: bytes, recorded_at: int) -> None:
        self.raw: Final = raw
        self.digest: Final = digest
        self.recorded_at: Final = recorded_at


def key_of(customer_id: str, item_id: str) -> str:
    """The key of an id, which is unique per customer. Ids hold no NUL, so this is one-to-one."""
    return customer_id + "\0" + item_id
