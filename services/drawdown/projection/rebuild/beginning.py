"""Rows to begin with: those of another schema, such as a restored backup, as of an earlier entry.

What is loaded on top of them is compared with the live rows like everything else. Where both have
the same mistake, as rows that were live once may, only a rebuild from the first entry finds it.
"""

from drawdown.adapters.postgres import schemas
from drawdown.adapters.postgres.connections import Connection
from drawdown.errors import UsageError
from drawdown.projection.rebuild.positions import positions


def begin_with(connection: Connection, source: str, live: str, shadow: str) -> None:
    """Copy the rows of a schema, position and all, into the empty shadow, in the transaction that
    is open, of one snapshot.

    Raises `UsageError` for a schema that hasn't the shadow's tables, or stands past the live rows.
    """
    _refuse(connection, source, live, shadow)
    for table in schemas.tables(connection, shadow).values():
        schemas.copy_rows(connection, source, shadow, table)


def _refuse(connection: Connection, source: str, live: str, shadow: str) -> None:
    if not schemas.exists(connection, source):
        raise UsageError(f"there is no schema {source} in this database to begin with")
    if source == live:
        raise UsageError(f"{source} holds the live rows: nothing would be built anew")
    there = schemas.tables(connection, source)
    for table in schemas.tables(connection, shadow).values():
        found = there.get(table.name)
        if found is None or set(found.columns.items()) != set(table.columns.items()):
            raise UsageError(
                f"{source} can't be begun with: its table {table.name} isn't as the migrations of "
                "this version make it. Rebuild from the first entry, without --from"
            )
    live_rows = positions(connection, live)
    for partition, seq in positions(connection, source).items():
        if seq > live_rows.get(partition, 0):
            raise UsageError(
                f"{source} can't be begun with: of partition {partition} it stands at entry "
                f"{seq:,}, and the live rows at {live_rows.get(partition, 0):,}"
            )
