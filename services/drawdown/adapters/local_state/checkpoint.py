"""The checkpoint of a partition's local state: up to where it holds the ledger, and of which."""

from dataclasses import dataclass
from typing import Any, Final

import msgspec

from drawdown.adapters.local_state.rows import FORMAT
from drawdown.adapters.local_state.store import Row, Store
from drawdown.domain.entries import InputTopic
from drawdown.errors import StateUnreadable

_KEY: Final = b"!checkpoint"


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A place in the ledger topic: the entry of `partition_seq` stands at `offset`, or later by
    no more than markers and what was aborted."""

    partition_seq: int
    offset: int


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """Rows hold every entry up to `last`, but those from `fold` on only in part.

    `last_hash` is the hash of the last one. `decided` are the last source offsets in the ledger,
    by input topic.
    """

    topic: str
    partition: int
    last: Mark
    last_hash: bytes
    fold: Mark
    decided: dict[InputTopic, int]
    closed_until: int

    def row(self) -> Row:
        """The checkpoint as it is written, with the rows that it is about."""
        values: dict[str, object] = {
            "format": FORMAT,
            "topic": self.topic,
            "partition": self.partition,
            "last": [self.last.partition_seq, self.last.offset],
            "last_hash": self.last_hash,
            "fold": [self.fold.partition_seq, self.fold.offset],
            "decided": self.decided,
            "closed_until": self.closed_until,
        }
        return _KEY, msgspec.msgpack.encode(values)


def read_checkpoint(store: Store, topic: str, partition: int) -> Checkpoint | None:
    """The checkpoint of a store that holds a partition; None: nothing was ever written to it.

    Raises `StateUnreadable` where it is another partition's or of another format.
    """
    row = store.get(_KEY)
    if row is None:
        if next(store.scan(b""), None) is not None:
            raise StateUnreadable("there are rows without a checkpoint")
        return None
    try:
        values: Any = msgspec.msgpack.decode(row)
        if values["format"] != FORMAT:
            raise StateUnreadable(f"it is of format {values['format']}, not {FORMAT}")
        found = Checkpoint(
            topic=values["topic"],
            partition=values["partition"],
            last=Mark(partition_seq=values["last"][0], offset=values["last"][1]),
            last_hash=values["last_hash"],
            fold=Mark(partition_seq=values["fold"][0], offset=values["fold"][1]),
            decided=values["decided"],
            closed_until=values["closed_until"],
        )
    except (msgspec.DecodeError, KeyError, IndexError, TypeError) as error:
        raise StateUnreadable(f"its checkpoint can't be read: {error}") from error
    if (found.topic, found.partition) != (topic, partition):
        raise StateUnreadable(f"it is of {found.topic} [{found.partition}]")
    return found
