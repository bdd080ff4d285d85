"""What is left of rebuilds, and who is at work: one at a time for each projection.

The lock is one of the database's, held by the session that will swap: it ends with the process,
whatever ends that.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Final

from psycopg import sql

from drawdown.adapters.postgres import schemas
from drawdown.adapters.postgres.connections import Connection, connect, translated
from drawdown.errors import Unavailable, UsageError
from drawdown.projection.rebuild import shadow
from drawdown.projection.rebuild.positions import POSITION_TABLE, positions
from drawdown.projection.rebuild.shadow import Names
from drawdown.settings import Settings

_APPLICATION: Final = "rebuild"
_ENDS_WITHIN_S: Final = 2.0
"""The database takes a moment to end the session of a process that was killed."""
_EVERY_S: Final = 0.1
_TRY: Final = sql.SQL("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))")


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How far a rebuild is."""

    projection: str
    running: bool
    state: str
    """`none`, `loading`, `comparing` (all is loaded), `replaced` (swapped; the old rows stay)."""
    entries: int
    """Entries in the rebuilt rows."""
    live_entries: int
    old_schema: str
    """Where the rows are that a swap replaced; empty: nowhere."""

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


def names_of(settings: Settings, projection: str) -> Names:
    """The schemas of a projection."""
    return Names(settings.database_schema(projection))


@contextmanager
def alone(settings: Settings, projection: str) -> Iterator[Connection]:
    """A session, without transactions, of the only rebuild of a projection.

    Raises `Unavailable` where there is another one.
    """
    names = names_of(settings, projection)
    with translated(), connect(settings, application=_APPLICATION) as connection:
        connection.autocommit = True
        deadline = time.monotonic() + _ENDS_WITHIN_S
        while not _taken(connection, names):
            if time.monotonic() < deadline:
                time.sleep(_EVERY_S)
                continue
            raise Unavailable(
                f"another rebuild of {projection} is at work in namespace {settings.namespace}: "
                f"`drawdown rebuild {projection} --status` says how far it is"
            )
        yield connection
        connection.execute("SELECT pg_advisory_unlock_all()")


def standing(settings: Settings, projection: str) -> Standing:
    """How far a rebuild is, at work or not. Raises `Unavailable`."""
    names = names_of(settings, projection)
    with translated(), connect(settings, application=_APPLICATION) as connection:
        connection.autocommit = True
        running = not _taken(connection, names)
        note = shadow.read_note(connection, names.shadow)
        old = schemas.exists(connection, names.old)
        if note is not None:
            state = "loading" if note.late_indexes else "comparing"
        else:
            state = "replaced" if old else "none"
        return Standing(
            projection=projection,
            running=running,
            state=state,
            entries=_entries(connection, names.shadow),
            live_entries=_entries(connection, names.live),
            old_schema=names.old if old else "",
        )


def abandon(settings: Settings, projection: str) -> list[str]:
    """Drop what a rebuild has built, and rows that a swap replaced; the schemas dropped.

    Raises `Unavailable` where a rebuild is at work.
    """
    names = names_of(settings, projection)
    with alone(settings, projection) as connection:
        found = [each for each in (names.shadow, names.old) if schemas.exists(connection, each)]
        for each in found:
            drop_old(connection, each)
    return found


def drop_old(connection: Connection, schema: str) -> None:
    """Drop a schema that nothing but views of other schemas could need.

    Raises `UsageError` where such views read it.
    """
    views = schemas.views_elsewhere(connection, schema)
    if views:
        raise UsageError(
            f"{schema} can't be dropped: views read it: {', '.join(views)}. Make them anew, so "
            "that they read the live rows, or drop them; then run the same again"
        )
    schemas.drop(connection, schema)


def _taken(connection: Connection, names: Names) -> bool:
    # Not under the schema's own name, by which migrations take turns.
    return bool(schemas.one(connection, _TRY, [f"rebuild of {names.live}"])[0])


def _entries(connection: Connection, schema: str) -> int:
    if POSITION_TABLE not in schemas.tables(connection, schema):
        return 0
    return sum(positions(connection, schema).values())
