"""Memory: what was decided before, so that it is decided once."""

from typing import Final, final

from mypy_extensions import mypyc_attr

from drawdown.domain.entries import InputTopic, LedgerEntry, entry_id_of
from drawdown.domain.kept import Kept
from drawdown.domain.numbers import DAY_US

WINDOW_US: Final = 35 * DAY_US
"""Event ids, and refusals, are remembered this long; older usage is refused."""


@mypyc_attr(acyclic=True)
@final
class Remembered:
    """A first decision: the digest of the body it was of, its entry, and its refusal if any.

    It stands for inputs recorded up to `until` (µs); `holds` counts the open holds that it named,
    and while there are any it stands. The entry is kept by its place, since most ids are never
    asked for.
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
        holds: int = 0,
    ) -> None:
        self.digest: Final = digest
        self.topic: Final[InputTopic] = topic
        self.partition: Final = partition
        self.offset: Final = offset
        self.index: Final = index
        self.code: Final = code
        self.until: Final = until
        self.holds: Final = holds

    def kept(self, *, until: int, holds: int) -> "Remembered":
        """The same decision, remembered until another time (µs), with so many open holds."""
        return Remembered(
            self.digest,
            topic=self.topic,
            partition=self.partition,
            offset=self.offset,
            index=self.index,
            code=self.code,
            until=until,
            holds=holds,
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


def standing(memory: Kept[Remembered], key: str, recorded_at: int) -> Remembered | None:
    """The first decision under a key that stands for an input recorded then (µs), or None."""
    first = memory.get(key)
    return None if first is None or recorded_at > first.until else first


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
