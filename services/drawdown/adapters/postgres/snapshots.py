"""Reads that see one moment: every query of a block the same transactions, and no others."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from psycopg import errors
from psycopg.rows import dict_row

from drawdown.adapters.postgres.connections import Connection, connect, translated
from drawdown.errors import UsageError
from drawdown.settings import Settings


@contextmanager
def snapshot(settings: Settings, projection: str) -> Iterator[Connection]:
    """A connection that reads the tables of a projection as they stand now, and writes nothing.

    Raises `Unavailable`; `UsageError` where the projection has never run.
    """
    schema = settings.database_schema(projection)
    with (
        translated(),
        connect(settings, application="drawdown", schema=schema) as connection,
        missing_tables(settings, projection),
    ):
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield connection


@contextmanager
def missing_tables(settings: Settings, projection: str) -> Iterator[None]:
    """Tell that a table isn't there as `UsageError`: which process creates it."""
    try:
        yield
    except (errors.UndefinedTable, errors.InvalidSchemaName) as error:
        raise UsageError(
            f"namespace {settings.namespace} has no schema of the {projection} projection: no "
            f"{projection}_projector has run for it yet"
        ) from error


def rows(
    connection: Connection, query: str, values: Sequence[object] | Mapping[str, object] = ()
) -> list[dict[str, Any]]:
    """What a query gives, as dictionaries."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query.encode(), values).fetchall()
