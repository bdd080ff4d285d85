"""The schema that is built beside the live one, and what a later run must know of it.

That is one row of its table `rebuild`, which goes with the old rows when the two change places.
"""

from dataclasses import dataclass
from typing import Final

from psycopg import sql

from drawdown.adapters.postgres import schemas
from drawdown.adapters.postgres.connections import Connection
from drawdown.adapters.postgres.migrations import migrate
from drawdown.errors import UsageError
from drawdown.projection.projection import Projection
from drawdown.projection.rebuild.beginning import begin_with
from drawdown.projection.rebuild.late_indexes import definition
from drawdown.settings import Settings

NOTE: Final = "rebuild"
"""The table that says what is being done; no part of the projection."""

_CREATE_NOTE: Final = """
CREATE TABLE {} (late_indexes text[] NOT NULL, keep_old boolean NOT NULL DEFAULT false,
    swapped boolean NOT NULL DEFAULT false)
"""


@dataclass(frozen=True, slots=True)
class Names:
    """The schemas of a projection that is rebuilt."""

    live: str

    @property
    def shadow(self) -> str:
        """Where it is built anew."""
        return f"{self.live}_rebuild"

    @property
    def old(self) -> str:
        """What was live before, until it is dropped."""
        return f"{self.live}_replaced"


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What is being done."""

    late_indexes: tuple[str, ...]
    """The statements that make the indexes which are still to be built."""
    keep_old: bool
    swapped: bool


def read_note(connection: Connection, schema: str) -> Note | None:
    """The note in a schema; None where there is none."""
    if NOTE not in schemas.tables(connection, schema):
        return None
    late, keep_old, swapped = schemas.one(
        connection,
        sql.SQL("SELECT late_indexes, keep_old, swapped FROM {}").format(_note_of(schema)),
    )
    return Note(late_indexes=tuple(late), keep_old=keep_old, swapped=swapped)


def prepare(
    settings: Settings,
    connection: Connection,
    names: Names,
    projection: Projection,
    late_indexes: tuple[str, ...],
    begin_with_schema: str = "",
) -> Note:
    """The shadow as its migrations make it, without the late indexes and with the rows of a schema
    if one is given; or as it was left.

    Raises `UsageError` for a table without a primary key, for a schema that can't be begun with,
    and for one where something was left.
    """
    migrate(settings, names.shadow, projection.migrations)
    note = read_note(connection, names.shadow)
    if note is not None:
        if begin_with_schema:
            raise UsageError(
                f"a rebuild of {projection.name} has begun already: go on with it, without --from, "
                "or drop what it built with --abandon"
            )
        return note
    for table in schemas.tables(connection, names.shadow).values():
        if not table.key:
            raise UsageError(
                f"table {table.name} of {projection.name} has no primary key, by which its rows "
                f"could be compared: give it one in {projection.migrations}"
            )
    with connection.transaction():
        # The first statement takes the snapshot of all that is read.
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        made = [definition(connection, names.shadow, name) for name in late_indexes]
        for name in late_indexes:
            drop = sql.SQL("DROP INDEX {}").format(sql.Identifier(names.shadow, name))
            connection.execute(drop)
        # Who makes one while it loads keeps the others waiting who do.
        for name in schemas.tables(connection, names.shadow):
            schemas.make_partitions(connection, names.live, names.shadow, name)
        if begin_with_schema:
            begin_with(connection, begin_with_schema, names.live, names.shadow)
        connection.execute(sql.SQL(_CREATE_NOTE).format(_note_of(names.shadow)))
        insert = sql.SQL("INSERT INTO {} (late_indexes) VALUES (%s)")
        connection.execute(insert.format(_note_of(names.shadow)), [made])
    return Note(late_indexes=tuple(made), keep_old=False, swapped=False)


def build_indexes(connection: Connection, names: Names, note: Note) -> None:
    """Build what was left out, note that, and gather what the planner wants to know."""
    if note.late_indexes:
        with connection.transaction():
            connection.execute("SET LOCAL maintenance_work_mem TO '256MB'")
            for statement in note.late_indexes:
                connection.execute(statement.encode())
            done = sql.SQL("UPDATE {} SET late_indexes = '{{}}'").format(_note_of(names.shadow))
            connection.execute(done)
    # Every partition of a table is sampled by itself, so that a tenth of the usual sample will do.
    connection.execute("SET default_statistics_target TO 10")
    for name in schemas.tables(connection, names.shadow):
        connection.execute(sql.SQL("ANALYZE {}").format(schemas.table(names.shadow, name)))
    connection.execute("RESET default_statistics_target")


def note_swap(connection: Connection, names: Names, *, keep_old: bool) -> None:
    """Note, in the transaction that swaps, that it was done, beside the old rows."""
    swapped = sql.SQL("UPDATE {} SET swapped = true, keep_old = %s").format(_note_of(names.live))
    connection.execute(swapped, [keep_old])
    moved = sql.SQL("ALTER TABLE {} SET SCHEMA {}").format(
        _note_of(names.live), sql.Identifier(names.old)
    )
    connection.execute(moved)


def _note_of(schema: str) -> sql.Identifier:
    return schemas.table(schema, NOTE)
