"""What a projector has written of a partition, as it stands at one moment."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from drawdown.adapters.postgres.connections import Connection, connect, translated
from drawdown.settings import Settings

ROWS_AT_ONCE: Final = 5_000
_EVERY_S: Final = 0.1

AccountKey = tuple[str, ...]
"""Customer and unit."""


@contextmanager
def snapshot(
    settings: Settings, projection: str, partition: int, *, from_seq: int, within_s: float
) -> Iterator[Connection]:
    """One snapshot of a projection's schema once it shows a partition's entry `from_seq`, or as it
    is after `within_s`.

    Raises `Unavailable`, or `DatabaseRefused` where no projector has made its tables yet.
    """
    schema = settings.database_schema(projection)
    with (
        translated(),
        connect(settings, application="verify", schema=schema) as connection,
    ):
        deadline = time.monotonic() + within_s
        while position(connection, partition) < from_seq and time.monotonic() < deadline:
            connection.rollback()
            time.sleep(_EVERY_S)
        connection.rollback()
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield connection
        connection.rollback()


def position(connection: Connection, partition: int) -> int:
    """The last entry of a partition that the read model shows."""
    row = connection.execute(
        "SELECT partition_seq FROM position WHERE partition = %s", [partition]
    ).fetchone()
    return 0 if row is None else int(row[0])


def rows(
    connection: Connection,
    table: str,
    columns: Sequence[str],
    partition: int,
    *,
    of: Sequence[AccountKey] | None = None,
    named_by: str = "",
) -> Iterator[tuple[Any, ...]]:
    """The rows of a partition, or of some accounts in it, so many at a time that memory is bounded.

    `named_by` is a table of accounts that says the partition, where the rows don't.
    """
    source, among = table, ""
    if named_by:
        source = f"{table} JOIN {named_by} AS a USING (customer_id, unit)"
    parameters: list[object] = [partition]
    if of is not None:
        among = " AND (customer_id, unit) IN (SELECT * FROM unnest(%s::text[], %s::text[]))"
        parameters += [[key[0] for key in of], [key[1] for key in of]]
    at = "a.partition" if named_by else "partition"
    statement = f"SELECT {', '.join(columns)} FROM {source} WHERE {at} = %s{among}"
    with connection.cursor(name=f"audit_{table}") as cursor:
        cursor.itersize = ROWS_AT_ONCE
        yield from cursor.execute(statement.encode(), parameters)
