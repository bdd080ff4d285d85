"""Indexes that a rebuild builds when the rows are there."""

from concurrent.futures import ThreadPoolExecutor
from typing import Final

import pytest
from tests.integration.projecting import WITHIN_S, await_true, rows
from tests.integration.rebuilding import change, projected, rebuilt
from tests.plugins.sealed_ledger import SealedLedger

from drawdown.adapters.postgres import schemas
from drawdown.adapters.postgres.connections import Connection, connect
from drawdown.adapters.postgres.migrations import migrate
from drawdown.cli.projections import known
from drawdown.errors import Unavailable
from drawdown.projection.rebuild.late_indexes import LateIndexes, definition
from drawdown.settings import Settings

pytestmark = pytest.mark.integration

INDEX: Final = "entries_by_account"
OF_PARTS: Final = """
SELECT tablename FROM pg_indexes
WHERE schemaname = '{}' AND indexdef LIKE '%(customer_id, unit, account_seq, partition)'
ORDER BY 1
"""


@pytest.fixture
def schema(settings: Settings) -> str:
    """The balance projection's tables without rows and without that index, for three partitions."""
    name = settings.database_schema("balance")
    migrate(settings, name, known("balance").build(settings).migrations)
    change(settings, f"DROP INDEX {INDEX}")
    for partition in range(3):
        part = f"entries_{partition}"
        change(settings, f"CREATE TABLE {part} (LIKE entries INCLUDING ALL)")
        change(settings, f"ALTER TABLE entries ATTACH PARTITION {part} FOR VALUES IN ({partition})")
    return name


def indexed(settings: Settings, schema: str) -> list[object]:
    return [row[0] for row in rows(settings, OF_PARTS.format(schema))]


def statement(schema: str) -> str:
    return (
        f"CREATE UNIQUE INDEX {INDEX} ON {schema}.entries "
        "USING btree (customer_id, unit, account_seq, partition)"
    )


def test_the_index_of_the_whole_finds_those_of_its_parts(settings: Settings, schema: str) -> None:
    late = LateIndexes(settings, [statement(schema)])
    late.build(1)
    assert indexed(settings, schema) == ["entries_1"]
    # A run that was killed then is gone on with.
    late.build(1)
    late.build(0)
    assert indexed(settings, schema) == ["entries_0", "entries_1"]
    change(settings, statement(schema))
    whole = ["entries", "entries_0", "entries_1", "entries_2"]
    assert indexed(settings, schema) == whole
    with connect(settings, application="test") as connection:
        assert definition(connection, schema, INDEX) == statement(schema)


def test_a_partition_without_a_table_of_its_own_is_left_to_the_whole(
    settings: Settings, schema: str
) -> None:
    of_accounts = f"CREATE INDEX by_balance ON {schema}.accounts USING btree (balance)"
    LateIndexes(settings, [statement(schema), of_accounts]).build(8)
    assert indexed(settings, schema) == []


def test_after_a_stop_nothing_is_built(settings: Settings, schema: str) -> None:
    late = LateIndexes(settings, [statement(schema)])
    late.stop()
    late.build(0)
    assert indexed(settings, schema) == []


def test_a_stop_ends_what_is_being_built(settings: Settings, schema: str) -> None:
    late = LateIndexes(settings, [statement(schema)])
    waiting = (
        "SELECT count(*) FROM pg_locks AS l JOIN pg_class AS c ON c.oid = l.relation "
        f"WHERE NOT l.granted AND c.relnamespace = '{schema}'::regnamespace"
    )
    with (
        connect(settings, application="test", schema=schema) as writing,
        ThreadPoolExecutor(1) as thread,
    ):
        writing.execute("LOCK TABLE entries_0 IN ROW EXCLUSIVE MODE")
        building = thread.submit(late.build, 0)
        await_true(lambda: rows(settings, waiting) == [(1,)], "it waits for who writes")
        late.stop()
        with pytest.raises(Unavailable):
            building.result(WITHIN_S)
        writing.rollback()
    assert indexed(settings, schema) == []


def test_a_rebuild_has_indexed_what_it_has_loaded(
    settings: Settings, ledgers: tuple[SealedLedger, SealedLedger]
) -> None:
    projected(settings, *ledgers)
    shadow = f"{settings.database_schema('balance')}_rebuild"
    found: list[list[object]] = []

    def tell(doing: str, done: int, total: int) -> None:
        if doing == "building indexes":
            found.append(indexed(settings, shadow))

    assert rebuilt(settings, tell=tell).swapped
    assert found == [["entries_0", "entries_1"]]


@pytest.mark.parametrize("how", ["", "PARTITION BY LIST (other)", "PARTITION BY RANGE (number)"])
def test_a_table_that_is_partitioned_otherwise_now_gets_no_parts(
    settings: Settings, how: str
) -> None:
    def made(connection: Connection, schema: str, how: str) -> None:
        connection.execute(f"CREATE SCHEMA {schema}".encode())
        connection.execute(f"CREATE TABLE {schema}.t (number int, other int) {how}".encode())

    source, target = (settings.database_schema(name) for name in ("before", "after"))
    with connect(settings, application="test") as connection:
        made(connection, source, "PARTITION BY LIST (number)")
        part = f"CREATE TABLE {source}.t_1 PARTITION OF {source}.t FOR VALUES IN (1)"
        connection.execute(part.encode())
        made(connection, target, how)
        schemas.make_partitions(connection, source, target, "t")
        assert schemas.partitions(connection, target, "t") == set()
        alike = f"{target}_alike"
        made(connection, alike, "PARTITION BY LIST (number)")
        for _ in range(2):
            schemas.make_partitions(connection, source, alike, "t")
            assert schemas.partitions(connection, alike, "t") == {"t_1"}
        connection.rollback()
