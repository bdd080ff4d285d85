"""The store of a projection: its rows and its position, moved in one transaction.

A position is how far one partition of the ledger is projected. Who `claim`s a partition fences
every earlier owner: their `write` raises `Fenced` and changes nothing, and so do `unpublished` and
`move_published`. `MemoryProjectionStore` is the same without a database.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final, Protocol

from drawdown.adapters.postgres.connections import Connection, Cursor, connect, translated
from drawdown.domain.entries import LedgerEntry
from drawdown.errors import Fenced, RowsReplaced
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
RETURNING partition_seq, next_offset, recorded_at, epoch, replaced
"""
_LOCK: Final = """
SELECT epoch, partition_seq, replaced, published FROM position WHERE partition = %s FOR UPDATE
"""
_ADVANCE: Final = """
UPDATE position SET partition_seq = %s, next_offset = %s, recorded_at = %s WHERE partition = %s
"""
_MOVE_PUBLISHED: Final = "UPDATE position SET published = %s WHERE partition = %s"


class Batch(Protocol):
    """One partition's next entries, handed out once, in order, slice by slice."""

    def __iter__(self) -> Iterator[Sequence[LedgerEntry]]: ...
    @property
    def next_offset(self) -> int:
        """Behind the last entry that was handed out."""


Slices = Iterable[Sequence[LedgerEntry]]
"""A batch's entries as its rows are made of them: they can be gone through once."""

RowWriter = Callable[[Cursor, Slices], None]
"""Writes the rows of one partition's entries, each handed over exactly once, in order."""

Record = tuple[bytes, bytes | None]
"""Key and value of a record that is published; None deletes the key."""


class RecordReader(Protocol):
    """Makes records of the rows that the entries `after_seq + 1` to `up_to_seq` changed."""

    def __call__(
        self, cursor: Cursor, *, partition: int, after_seq: int, up_to_seq: int
    ) -> Iterable[Record]: ...


def publish_nothing(
    cursor: Cursor, *, partition: int, after_seq: int, up_to_seq: int
) -> Iterable[Record]:
    """What a projection publishes that publishes nothing."""
    return ()


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
    replaced: int = 0
    """How often a rebuild has put other rows in the place of those that stood there."""


class Following:
    """Hands out a batch that follows a position, and notes how far it was taken."""

    def __init__(self, position: Position, batch: Batch) -> None:
        self._position = position
        self._batch = batch
        self._slices = iter(batch)
        self._last: LedgerEntry | None = None

    def __iter__(self) -> Iterator[Sequence[LedgerEntry]]:
        """What wasn't taken yet."""
        for entries in self._slices:
            last = self._last
            before = self._position.partition_seq if last is None else last.partition_seq
            assert entries[0].partition_seq == before + 1, "entries don't follow the position"
            assert entries[-1].partition_seq == before + len(entries), "entries have a gap"
            self._last = entries[-1]
            yield entries

    def after(self) -> Position:
        """The position once all of the batch is written; a writer may have left out the rest."""
        for _ in self:
            pass
        last = self._last
        assert last is not None, "a batch has entries"
        return replace(
            self._position,
            partition_seq=last.partition_seq,
            next_offset=self._batch.next_offset,
            recorded_at=last.facts.recorded_at,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpublished:
    """What the entries after `after_seq`, up to `up_to_seq`, changed; no entries: nothing is."""

    after_seq: int
    up_to_seq: int
    records: Sequence[Record]


def fenced(position: Position) -> Fenced:
    """What the owner of a position is told that somebody else has moved on."""
    return Fenced(f"another projector has taken partition {position.partition} over")


class PostgresProjectionStore:
    """Rows and positions in the tables of one schema. One connection, opened when needed."""

    def __init__(
        self,
        settings: Settings,
        *,
        schema: str,
        application: str,
        writer: RowWriter,
        reader: RecordReader = publish_nothing,
    ) -> None:
        self._settings = settings
        self._schema = schema
        self._application = application
        self._writer = writer
        self._reader = reader
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
            replaced=row[4],
        )

    def write(self, position: Position, batch: Batch) -> Position:
        """Write the entries that follow `position`, at least one; the position after them.

        All or nothing. Raises what iterating over the batch raises; `Fenced` if somebody claimed
        the partition since; `Unavailable` if the database doesn't answer, and then only `claim`
        tells whether it was written; whatever the writer raises.
        """
        with self._transaction() as cursor:
            self._locked(cursor, position)
            following = Following(position, batch)
            self._writer(cursor, following)
            after = following.after()
            moved = (after.partition_seq, after.next_offset, after.recorded_at, after.partition)
            cursor.execute(_ADVANCE, moved)
        return after

    def unpublished(self, position: Position, entries_max: int) -> Unpublished:
        """Records of what at most `entries_max` of the entries not yet published changed.

        Raises as `write` does, and whatever the reader raises.
        """
        with self._transaction() as cursor:
            after_seq = self._locked(cursor, position)
            up_to_seq = min(after_seq + entries_max, position.partition_seq)
            records: list[Record] = []
            if up_to_seq > after_seq:
                records += self._reader(
                    cursor,
                    partition=position.partition,
                    after_seq=after_seq,
                    up_to_seq=up_to_seq,
                )
        return Unpublished(after_seq=after_seq, up_to_seq=up_to_seq, records=records)

    def move_published(self, position: Position, up_to_seq: int) -> None:
        """Note that what entries up to `up_to_seq` changed is published. Raises as `write` does."""
        assert up_to_seq <= position.partition_seq, "published before it was projected"
        with self._transaction() as cursor:
            published = self._locked(cursor, position)
            assert published <= up_to_seq, "what is published doesn't go back"
            cursor.execute(_MOVE_PUBLISHED, (up_to_seq, position.partition))

    def _locked(self, cursor: Cursor, position: Position) -> int:
        """The last entry that is published, its partition locked."""
        found = cursor.execute(_LOCK, [position.partition]).fetchone()
        if found is not None and found[2] > position.replaced:
            raise RowsReplaced(f"a rebuild has replaced the rows of partition {position.partition}")
        if found is None or found[:2] != (position.epoch, position.partition_seq):
            raise fenced(position)
        return int(found[3])

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
