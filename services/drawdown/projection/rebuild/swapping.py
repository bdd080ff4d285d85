"""The swap: two renames in one transaction, while nobody is between two tables.

Writers are held first, by a lock on the table `position` that lets readers read: they have finished
their transaction, and wait at the first statement of the next one. That statement finds `position`
by name once the swap is done, and so the new rows, at the very place where the old ones stood: a
projector goes on without noticing.

Readers would find one table of a query in the old schema and the next in the new one, or see in
one snapshot the new rows as they were half built. So all tables are locked for the moment of the
renames, and where a reader has one, the lock is given up after a fraction of a second, before
others wait behind it for long, and asked for again.

An autovacuum would be in the way, too. The database ends one for whoever has waited for its table
for a second, so the tables are first locked against vacuums alone: nobody else waits meanwhile.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from psycopg import errors, sql

from drawdown.adapters.postgres import schemas
from drawdown.adapters.postgres.connections import Connection
from drawdown.errors import Unavailable
from drawdown.projection.rebuild.positions import POSITION_TABLE
from drawdown.projection.rebuild.shadow import Names, note_swap

_HELD_WITHIN_S: Final = 60
"""A projector's transaction may take a while."""
_PATIENCE_MS: Final = (50, 100, 200, 400)
"""How long readers may be made to wait behind the lock, try by try."""
_VACUUM_S: Final = 5
"""How long the end of vacuums is waited for, table by table: a few of those that begin by
themselves, and none that somebody has asked for."""
_BETWEEN_S: Final = 0.2


_LONG: Final = """
SELECT count(*) FROM pg_locks AS l JOIN pg_class AS c ON c.oid = l.relation
    JOIN pg_stat_activity AS a ON a.pid = l.pid
WHERE c.relnamespace = to_regnamespace(%s) AND l.granted AND l.pid <> pg_backend_pid()
    AND a.backend_type <> 'autovacuum worker'
    AND a.xact_start < clock_timestamp() - interval '1 second'
"""


class Readers(Exception):
    """Somebody reads a table, or vacuums it, all the time that the swap was tried."""


@contextmanager
def unvacuumed(connection: Connection, schema: str) -> Iterator[None]:
    """A transaction in which no table of a schema is vacuumed; others read and write.

    Raises `Readers` where a vacuum goes on.
    """
    tables = sql.SQL(", ").join(
        # Not those that only stand for others: to attach a table to one takes the same lock.
        schemas.table(schema, name)
        for name in schemas.stored(connection, schema)
    )
    with connection.transaction():
        connection.execute(f"SET LOCAL lock_timeout TO '{_VACUUM_S}s'")
        try:
            _keep_from_migrating(connection, schema)
            connection.execute(
                sql.SQL("LOCK TABLE {} IN SHARE UPDATE EXCLUSIVE MODE").format(tables)
            )
        except errors.LockNotAvailable as error:
            raise Readers from error
        yield


@contextmanager
def held(connection: Connection, schema: str) -> Iterator[None]:
    """A transaction in which nobody projects into a schema; readers read.

    Raises `Unavailable` where a projector's transaction doesn't end.
    """
    with connection.transaction():
        connection.execute(f"SET LOCAL lock_timeout TO '{_HELD_WITHIN_S}s'")
        position = schemas.table(schema, POSITION_TABLE)
        try:
            _keep_from_migrating(connection, schema)
            connection.execute(sql.SQL("LOCK TABLE {} IN EXCLUSIVE MODE").format(position))
        except errors.LockNotAvailable as error:
            raise Unavailable(
                f"somebody has written to {schema} for {_HELD_WITHIN_S} s without an end; run it "
                "again, it goes on where it stands"
            ) from error
        yield


def _keep_from_migrating(connection: Connection, schema: str) -> None:
    """A projector that starts meanwhile migrates before or after, not in between. Before any table
    is locked, for who migrates locks them behind it."""
    connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [schema])


def read_for_long(connection: Connection, schema: str) -> bool:
    """Whether somebody has had a table of a schema for more than a second: it would be in vain to
    hold the projectors now."""
    row = connection.execute(_LONG, [schema]).fetchone()
    return row is not None and row[0] > 0


def swap(connection: Connection, names: Names, *, keep_old: bool, anew: bool) -> None:
    """Put the rebuilt schema in the place of the live one, inside of `held`.

    `anew`: the rows aren't those that were there, so that whoever writes must claim its partitions
    again. Raises `Readers` where a table is being read all the time.
    """
    _lock(connection, names)
    _take_over(connection, names, anew=anew)
    schemas.rename(connection, names.live, names.old)
    schemas.rename(connection, names.shadow, names.live)
    note_swap(connection, names, keep_old=keep_old)


def _lock(connection: Connection, names: Names) -> None:
    locked = sql.SQL(", ").join(
        schemas.table(names.live, name) for name in schemas.lockable(connection, names.live)
    )
    statement = sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(locked)
    for patience_ms in _PATIENCE_MS:
        try:
            with connection.transaction():
                connection.execute(f"SET LOCAL lock_timeout TO {patience_ms}")
                connection.execute(statement)
            return
        except errors.LockNotAvailable:
            time.sleep(_BETWEEN_S)
    raise Readers


def _take_over(connection: Connection, names: Names, *, anew: bool) -> None:
    """Give each position its owner, and what is published. Rows that aren't those that were there
    are all published again. Who finds the old rows after all can't write to them."""
    live, shadow = (schemas.table(schema, POSITION_TABLE) for schema in (names.live, names.shadow))
    begun = sql.SQL(
        "INSERT INTO {} SELECT * FROM {} AS l WHERE partition_seq = 0 ON CONFLICT DO NOTHING"
    )
    connection.execute(begun.format(shadow, live))
    own = sql.SQL(
        "UPDATE {shadow} AS s SET epoch = l.epoch + anew, replaced = l.replaced + anew, "
        "published = CASE anew WHEN 0 THEN l.published ELSE 0 END "
        "FROM {live} AS l, (SELECT %s::int AS anew) AS a WHERE l.partition = s.partition"
    )
    connection.execute(own.format(shadow=shadow, live=live), [int(anew)])
    connection.execute(sql.SQL("UPDATE {} SET epoch = epoch + 1").format(live))
