"""Indexes that no write needs, built when the rows are there.

Of a table that consists of one table for each partition of the ledger, each gets its index as soon
as its partition is loaded: several side by side, while others are still loaded, and soon after its
rows were written. That matters: who reads a row first notes on its page that it is committed, and
where the database has made a checkpoint since, it logs all of the page again.
"""

import re
import threading
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

import psycopg
from psycopg import sql

from drawdown.adapters.postgres.connections import Connection, connect, translated
from drawdown.settings import Settings

_DEFINITION: Final = """
SELECT pg_get_indexdef(i.indexrelid) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE c.relnamespace = to_regnamespace(%s) AND c.relname = %s
"""
_PARTS: Final = re.compile(r"(CREATE (?:UNIQUE )?INDEX) .+? ON (.+?) (USING .+)", re.DOTALL)
"""A statement of Postgres's own making, without the name of the index."""
_PART: Final = """
SELECT n.nspname, p.relname FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhrelid
    JOIN pg_namespace n ON n.oid = p.relnamespace
WHERE i.inhparent = to_regclass(%(table)s)
    AND pg_get_expr(p.relpartbound, p.oid) = 'FOR VALUES IN (' || %(partition)s || ')'
    AND NOT EXISTS (
        SELECT FROM pg_index x WHERE x.indrelid = p.oid
            AND right(pg_get_indexdef(x.indexrelid), length(%(how)s)) = %(how)s
    )
"""
_SESSION: Final = """
SET LOCAL maintenance_work_mem TO '64MB';
SET LOCAL max_parallel_maintenance_workers TO 0
"""
"""Those beside it are at work, too."""


def definition(connection: Connection, schema: str, index: str) -> str:
    """The statement that makes an index, of a partitioned table one that makes it on every part."""
    row = connection.execute(_DEFINITION, [schema, index]).fetchone()
    assert row is not None, f"{index} is no index of {schema}"
    return str(row[0]).replace(" ON ONLY ", " ON ", 1)


class LateIndexes:
    """Those of one rebuild. Several threads may build, each a partition's."""

    def __init__(self, settings: Settings, statements: Iterable[str]) -> None:
        """The statements are those of `definition`."""
        self._settings: Final = settings
        self._statements: Final = tuple(statements)
        self._noting: Final = threading.Lock()
        self._building: Final[set[Connection]] = set()
        self._stopped: Final = threading.Event()

    def build(self, partition: int) -> None:
        """Index the tables that hold one partition of the ledger and nothing else.

        The statements of all tables find them there. Raises `Unavailable`, also where it is
        stopped, or `DatabaseRefused`.
        """
        if not self._statements:
            return
        with translated(), connect(self._settings, application="rebuild") as connection:
            with self._noting:
                if self._stopped.is_set():
                    return
                self._building.add(connection)
            try:
                connection.execute(_SESSION)
                for statement in self._statements:
                    if self._stopped.is_set():
                        return
                    if (own := _own(connection, statement, partition)) is not None:
                        connection.execute(own)
            finally:
                with self._noting:
                    self._building.remove(connection)

    def stop(self) -> None:
        """Leave off; what isn't built is left to be built later."""
        with self._noting:
            self._stopped.set()
            for each in self._building:
                with suppress(psycopg.Error):
                    each.cancel_safe()


def _own(connection: Connection, statement: str, partition: int) -> sql.Composed | None:
    """The statement for the table of one partition; None: there is no such table, or it has the
    index. Postgres names it as if it had made it for the whole table."""
    parts = _PARTS.fullmatch(statement)
    assert parts is not None, f"no index is made by {statement}"
    create, table, how = parts.groups()
    values = {"table": table, "partition": str(partition), "how": how}
    found = connection.execute(_PART, values).fetchone()
    if found is None:
        return None
    of = sql.Identifier(*found)
    return sql.SQL("{} ON {} {}").format(sql.SQL(create), of, sql.SQL(how))
