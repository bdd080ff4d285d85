"""The store of a projection: its rows and its position, moved in one transaction.

A position is how far one partition of the ledger is projected. Who `claim`s a partition fences
every earlier owner: their `write` raises `Fenced` and changes nothing. `MemoryProjectionStore`
is the same without a database.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from drawdown.adapters.postgres.connections import Connection, Cursor, connect, translated
from drawdown.domain.entries import LedgerEntry
from drawdown.errors import Fenced
from drawdown.settings import Settings

_SESSION: Final = """
SET synchronous_commit TO off;
SET lock_timeout TO '20s';
SET statement_timeout TO '120s';
SET idle_in_transaction_session_timeout TO '120s';
SET plan_cache_mode TO force_custom_plan
"""
"""A commit needn't reach the disk before it is answered: the position is lost with the rows.
Generic plans would guess the length of the arrays."""

_CLAIM: Final = """
INSERT INTO position (partition, partition_seq, next_offset, recorded_at, epoch)
VALUES (%s, 0, 0, 0, 1)
ON CONFLICT (partition) DO UPDATE SET epoch = position.epoch + 1
RETURNING partition_seq, next_offset, recorded_at, epoch
"""
_LOCK: Final = "SELECT epoch, partition_seq FROM position WHERE partition = %s FOR UPDATE"
_ADVANCE: Final = """
UPDATE position SET partition_seq = %s, next_offset = %s, recorded_at = %s WHERE partition = %s
"""

RowWriter = Callable[[Cursor, Sequence[LedgerEntry]], None]
"""Writes the rows of one partition's entries, each handed over exactly once, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """How far a partition is projected: its last entry, and the offset to read on from."""

    partition: int
    partition_seq: int
    next_offset: int
    recorded_at: int
    """Of the last entry, in µs; 0 before the first."""
    epoch: int
    """How often the partition was claimed."""

    def after(self, entries: Sequence[LedgerEntry], next_offset: int) -> "Position":
        """The position once the entries that follow it are written."""
        first, last = entries[0], entries[-1]
        assert first.partition_seq == self.partition_seq + 1, "entries don't follow the position"
        assert last.partition_seq == self.partition_seq + len(entries), "entries have a gap"
        return Position(
            partition=self.partition,
            partition_seq=last.partition_seq,
            next_offset=next_offset,
            recorded_at=last.facts.recorded_at,
            epoch=self.epoch,
        )


class PostgresProjectionStore:
    """Rows and positions in the tables of one schema. One connection, opened when needed."""

    def __init__(
        self, settings: Settings, *, schema: str, application: str, writer: RowWriter
    ) -> None:
        self._settings = settings
        self._schema = schema
        self._application = application
        self._writer = writer
        self._connection: Connection | None = None

    def claim(self, partition: int) -> Position:
        """Take the partition over. Raises `Unavailable` or `DatabaseRefused`."""
        with self._transaction() as cursor:
            row = cursor.execute(_CLAIM, [partition]).fetchone()
        assert row is not None
        return Position(
            partition=partition,
            partition_seq=row[0],
            next_offset=row[1],
            recorded_at=row[2],
            epoch=row[3],
        )

    def write(
        self, position: Position, entries: Sequence[LedgerEntry], next_offset: int
    ) -> Position:
        """Write the entries that follow `position`, at least one; the position after them.

        All or nothing. Raises `Fenced` if somebody claimed the partition since; `Unavailable` if
        the database doesn't answer, and then only `claim` tells whether it was written; whatever
        the writer raises.
        """
        after = position.after(entries, next_offset)
        with self._transaction() as cursor:
            found = cursor.execute(_LOCK, [position.partition]).fetchone()
            if found != (position.epoch, position.partition_seq):
                raise Fenced(f"another projector has taken partition {position.partition} over")
            self._writer(cursor, entries)
            moved = (after.partition_seq, after.next_offset, after.recorded_at, after.partition)
            cursor.execute(_ADVANCE, moved)
        return after

    def close(self) -> None:
        """Leave the database. The store may be used again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[Cursor]:
        """A transaction on the one connection, which is thrown away after any failure."""
        try:
            with translated():
                connection = self._connected()
                with connection.transaction(), connection.cursor() as cursor:
                    yield cursor
        except BaseException:
            self.close()
            raise

    def _connected(self) -> Connection:
        if self._connection is None:
            connection = connect(self._settings, application=self._application, schema=self._schema)
            self._connection = connection
            connection.execute(_SESSION)
            connection.commit()
        return self._connection
