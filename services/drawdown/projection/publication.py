"""What a projection publishes, for those who follow it without the ledger."""

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from drawdown.adapters.postgres.connections import Cursor


class Published(NamedTuple):
    """A record of a projected topic: `value` in the Confluent framing; None is a tombstone."""

    key: bytes
    value: bytes | None


class Publication(Protocol):
    """The rows of a projection as records of a topic, at least once, each with its version.

    Records are made from rows, never from entries: what was published when the process ended is
    known by the position, what came later is published again, and rows that changed many times
    within a second make one record.
    """

    @property
    def topic(self) -> str:
        """The topic as `schemas/topics` names it; records go to the ledger's partition."""

    def records(
        self, cursor: Cursor, *, partition: int, after_seq: int, up_to_seq: int
    ) -> Iterable[Published]:
        """A record for each key whose rows the partition's entries `after_seq + 1` to `up_to_seq`
        changed, as the rows stand.

        `up_to_seq` is the position of the same transaction, or less where more is due than is read
        at once: a key that later entries changed too may be left to them.
        """
