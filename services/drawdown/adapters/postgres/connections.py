"""Connections to Postgres, and its errors told in this project's own."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from drawdown.errors import DatabaseRefused, Unavailable
from drawdown.settings import Settings

Connection = psycopg.Connection[TupleRow]
Cursor = psycopg.Cursor[TupleRow]

_CONNECT_S: Final = 10
_ANSWER_MS: Final = 30_000
"""A server that has gone without closing the connection is noticed within this."""

_READ_ONLY: Final = "25006"
"""What a primary says that has just become a standby: another one will answer soon."""


def connect(settings: Settings, *, application: str, schema: str = "") -> Connection:
    """A connection without autocommit, whose names are looked up in `schema`.

    Raises `Unavailable` if the database doesn't answer.
    """
    if not settings.database_url:
        raise Unavailable("no database: run `drawdown up`, or set DATABASE_URL")
    with translated():
        connection = psycopg.connect(
            settings.database_url,
            application_name=application,
            connect_timeout=_CONNECT_S,
            tcp_user_timeout=_ANSWER_MS,
        )
        if schema:
            path = sql.SQL("SET search_path TO {}").format(sql.Identifier(schema))
            connection.execute(path)
            connection.commit()
        return connection


@contextmanager
def translated() -> Iterator[None]:
    """Raise psycopg's errors as `Unavailable` (may pass) or `DatabaseRefused` (won't)."""
    try:
        yield
    except psycopg.Error as error:
        said = " ".join(str(error).split())
        if _may_pass(error):
            raise Unavailable(f"the database doesn't answer: {said}") from error
        raise DatabaseRefused(f"the database refuses ({error.sqlstate}): {said}") from error


def _may_pass(error: psycopg.Error) -> bool:
    transient = isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    return transient or error.sqlstate == _READ_ONLY
