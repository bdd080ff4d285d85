"""The contract of a projection's store, on the real database and in memory."""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Protocol

import pytest
from tests.plugins.sealed_ledger import SealedLedger
from tests.projection.batches import Given

from drawdown.adapters.postgres.connections import Cursor, connect
from drawdown.adapters.postgres.memory import MemoryProjectionStore
from drawdown.adapters.postgres.migrations import migrate
from drawdown.adapters.postgres.store import (
    Batch,
    Following,
    Position,
    PostgresProjectionStore,
    Record,
    Slices,
    Unpublished,
)
from drawdown.domain.entries import LedgerEntry
from drawdown.errors import DatabaseRefused, Fenced, LedgerCorrupt, Unavailable
from drawdown.settings import Settings, load

SCHEMA = "contract"


class Store(Protocol):
    """What the contract is about."""

    def claim(self, partition: int) -> Position: ...
    def write(self, position: Position, batch: Batch) -> Position: ...
    def unpublished(self, position: Position, entries_max: int) -> Unpublished: ...
    def move_published(self, position: Position, up_to_seq: int) -> None: ...
    def close(self) -> None: ...


class Rig:
    """A kind of store: `open` gives another owner of the same rows, `seen` shows them."""

    def __init__(self, open_: Callable[[], Store], seen: Callable[[], list[int]]) -> None:
        self.open = open_
        self.seen = seen


def _refuse_last(entries: Sequence[LedgerEntry]) -> None:
    if entries[-1].partition_seq == 13:
        raise LedgerCorrupt("this writer refuses entry 13")


def _record(seq: int) -> Record:
    """Every third entry deletes its key."""
    return str(seq).encode(), None if seq % 3 == 0 else b"changed"


def _memory() -> Rig:
    def read(entries: Sequence[LedgerEntry]) -> list[Record]:
        return [_record(each.partition_seq) for each in entries]

    store = MemoryProjectionStore(_refuse_last, read)
    return Rig(lambda: store, lambda: [each.partition_seq for each in store.rows])


def _postgres(settings: Settings, folder: Path) -> Rig:
    folder.mkdir()
    (folder / "seen-0001.sql").write_text("CREATE TABLE seen (place serial, seq bigint)")
    schema = settings.database_schema(SCHEMA)
    migrate(settings, schema, folder)

    def write(cursor: Cursor, slices: Slices) -> None:
        entries = list(chain.from_iterable(slices))
        for entry in entries:
            cursor.execute("INSERT INTO seen (seq) VALUES (%s)", [entry.partition_seq])
        _refuse_last(entries)

    def read(cursor: Cursor, *, partition: int, after_seq: int, up_to_seq: int) -> Iterator[Record]:
        assert partition == 0
        found = cursor.execute(
            "SELECT seq FROM seen WHERE seq > %s AND seq <= %s ORDER BY seq", [after_seq, up_to_seq]
        )
        for row in found:
            yield _record(row[0])

    def seen() -> list[int]:
        with connect(settings, application="test", schema=schema) as connection:
            rows = connection.execute("SELECT seq FROM seen ORDER BY place").fetchall()
        return [row[0] for row in rows]

    def open_() -> Store:
        return PostgresProjectionStore(
            settings, schema=schema, application="test", writer=write, reader=read
        )

    return Rig(open_, seen)


@pytest.fixture(params=["memory", "postgres"])
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Rig:
    if request.param == "memory":
        return _memory()
    return _postgres(request.getfixturevalue("settings"), tmp_path / "migrations")


@pytest.fixture
def entries() -> list[LedgerEntry]:
    ledger = SealedLedger(load(namespace="contract"))
    ledger.live(["acme"], 20)
    return ledger.entries


def test_a_new_partition_begins_at_its_start(rig: Rig) -> None:
    store = rig.open()
    position = store.claim(3)
    store.close()
    assert (position.partition, position.partition_seq, position.next_offset) == (3, 0, 0)


def test_rows_and_position_move_together(rig: Rig, entries: list[LedgerEntry]) -> None:
    store = rig.open()
    position = store.write(store.claim(0), Given(entries[:5], 7))
    position = store.write(position, Given(entries[5:7], 9))
    again = store.claim(0)
    store.close()
    assert rig.seen() == [1, 2, 3, 4, 5, 6, 7]
    assert (again.partition_seq, again.next_offset) == (7, 9)
    assert again.recorded_at == position.recorded_at == entries[6].facts.recorded_at


def test_a_writer_that_fails_leaves_nothing(rig: Rig, entries: list[LedgerEntry]) -> None:
    store = rig.open()
    position = store.write(store.claim(0), Given(entries[:10], 10))
    with pytest.raises(LedgerCorrupt):
        store.write(position, Given(entries[10:13], 13))
    assert store.claim(0).partition_seq == 10
    store.close()
    assert rig.seen() == list(range(1, 11))


def test_who_claims_a_partition_fences_its_owner(rig: Rig, entries: list[LedgerEntry]) -> None:
    first, second = rig.open(), rig.open()
    lost = first.write(first.claim(0), Given(entries[:2], 2))
    owned = second.claim(0)
    with pytest.raises(Fenced):
        first.write(lost, Given(entries[2:4], 4))
    assert second.write(owned, Given(entries[2:5], 5)).partition_seq == 5
    first.close()
    second.close()
    assert rig.seen() == [1, 2, 3, 4, 5]


def test_a_position_is_written_from_once(rig: Rig, entries: list[LedgerEntry]) -> None:
    store = rig.open()
    position = store.claim(0)
    store.write(position, Given(entries[:2], 2))
    with pytest.raises(Fenced):
        store.write(position, Given(entries[:2], 2))
    store.close()
    assert rig.seen() == [1, 2]


def test_partitions_don_t_touch_each_other(rig: Rig, entries: list[LedgerEntry]) -> None:
    store = rig.open()
    one, other = store.claim(0), store.claim(1)
    store.write(one, Given(entries[:3], 3))
    assert store.write(other, Given(entries[:1], 1)).partition_seq == 1
    assert store.claim(0).partition_seq == 3
    store.close()


def test_entries_must_follow_the_position(rig: Rig, entries: list[LedgerEntry]) -> None:
    store = rig.open()
    position = store.claim(0)
    with pytest.raises(AssertionError, match="don't follow"):
        store.write(position, Given(entries[1:2], 2))
    with pytest.raises(AssertionError, match="gap"):
        store.write(position, Given([entries[0], entries[2]], 3))
    store.close()


def test_a_writer_may_leave_out_the_rest_of_a_batch(entries: list[LedgerEntry]) -> None:
    position = Position(partition=0, partition_seq=0, next_offset=0, recorded_at=0, epoch=1)
    following = Following(position, Given(entries[:7], 9))
    assert len(next(iter(following))) < 7
    after = following.after()
    assert (after.partition_seq, after.next_offset, after.epoch) == (7, 9, 1)
    assert after.recorded_at == entries[6].facts.recorded_at


def test_what_isn_t_published_is_read_until_it_is(rig: Rig, entries: list[LedgerEntry]) -> None:
    store = rig.open()
    position = store.claim(0)
    assert store.unpublished(position, 10) == Unpublished(after_seq=0, up_to_seq=0, records=[])
    position = store.write(position, Given(entries[:4], 4))
    whole = Unpublished(after_seq=0, up_to_seq=4, records=[_record(seq) for seq in (1, 2, 3, 4)])
    assert store.unpublished(position, 10) == whole
    part = Unpublished(after_seq=0, up_to_seq=3, records=whole.records[:3])
    assert store.unpublished(position, 3) == part
    store.move_published(position, 3)
    position = store.write(position, Given(entries[4:6], 6))
    rest = Unpublished(after_seq=3, up_to_seq=6, records=[_record(seq) for seq in (4, 5, 6)])
    assert store.unpublished(position, 10) == rest
    store.move_published(position, 6)
    nothing = Unpublished(after_seq=6, up_to_seq=6, records=[])
    assert store.unpublished(position, 10) == nothing
    assert store.unpublished(store.claim(0), 10) == nothing
    store.close()


def test_who_was_fenced_publishes_nothing(rig: Rig, entries: list[LedgerEntry]) -> None:
    first, second = rig.open(), rig.open()
    lost = first.write(first.claim(0), Given(entries[:3], 3))
    assert len(first.unpublished(lost, 10).records) == 3
    owned = second.claim(0)
    with pytest.raises(Fenced):
        first.unpublished(lost, 10)
    with pytest.raises(Fenced):
        first.move_published(lost, 3)
    assert len(second.unpublished(owned, 10).records) == 3
    second.move_published(owned, 3)
    first.close()
    second.close()


def test_what_is_published_was_projected_and_never_goes_back(
    rig: Rig, entries: list[LedgerEntry]
) -> None:
    store = rig.open()
    position = store.write(store.claim(0), Given(entries[:3], 3))
    with pytest.raises(AssertionError, match="before it was projected"):
        store.move_published(position, 4)
    store.move_published(position, 2)
    with pytest.raises(AssertionError, match="doesn't go back"):
        store.move_published(position, 1)
    assert store.unpublished(position, 10).after_seq == 2
    store.close()


def test_a_database_that_is_away_is_unavailable() -> None:
    settings = load(database_url="postgresql://nobody@127.0.0.1:1/none")
    store = PostgresProjectionStore(
        settings, schema="none", application="test", writer=lambda cursor, entries: None
    )
    with pytest.raises(Unavailable, match="doesn't answer"):
        store.claim(0)


def test_a_missing_table_is_refused(settings: Settings) -> None:
    store = PostgresProjectionStore(
        settings, schema="none", application="test", writer=lambda cursor, entries: None
    )
    with pytest.raises(DatabaseRefused, match="position"):
        store.claim(0)


def test_migrations_are_applied_once(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "a-0001.sql").write_text("CREATE TABLE a (n int)")
    schema = settings.database_schema("migrated")
    assert set(migrate(settings, schema, tmp_path)) == {"a-0001", "position-0001"}
    (tmp_path / "a-0002.sql").write_text("ALTER TABLE a ADD m int")
    assert migrate(settings, schema, tmp_path) == ["a-0002"]
    assert migrate(settings, schema, tmp_path) == []


def test_a_broken_migration_is_refused(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "a-0001.sql").write_text("CREATE TABEL a (n int)")
    with pytest.raises(DatabaseRefused, match="TABEL"):
        migrate(settings, settings.database_schema("broken"), tmp_path)
