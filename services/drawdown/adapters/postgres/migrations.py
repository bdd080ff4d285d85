"""Migrations: a projection's SQL files, applied by yoyo into the projection's own schema."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from yoyo import read_migrations  # type: ignore[import-untyped]
from yoyo.backends import PostgresqlPsycopgBackend  # type: ignore[import-untyped]
from yoyo.connections import DatabaseURI  # type: ignore[import-untyped]

from drawdown.adapters.postgres.connections import Connection, connect, translated
from drawdown.settings import Settings

_POSITION: Final = Path(__file__).parent / "migrations"
_APPLICATION: Final = "migrations"


def migrate(settings: Settings, schema: str, folder: Path) -> list[str]:
    """Bring `schema` up to the SQL files of `folder`, whose names say their order.

    Returns the names of those applied now. Processes that start together take turns. Raises
    `Unavailable` or `DatabaseRefused`.
    """
    with translated(), connect(settings, application=_APPLICATION) as connection:
        # Yoyo's own lock is a row that a killed process would leave behind.
        connection.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [schema])
        if not _exists(connection, schema):
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
        connection.commit()
        return _apply(settings.database_url, schema, folder)


def _exists(connection: Connection, schema: str) -> bool:
    found = connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", [schema])
    return found.fetchone() is not None


def _apply(url: str, schema: str, folder: Path) -> list[str]:
    parameters: Mapping[str, object] = conninfo_to_dict(url, application_name=_APPLICATION)
    arguments = {**parameters, "schema": f'"{schema}"'}
    uri = DatabaseURI("postgresql+psycopg", None, None, None, None, None, arguments)
    with PostgresqlPsycopgBackend(uri, "_yoyo_migration") as backend:
        backend.init_database()
        due = backend.to_apply(read_migrations(str(_POSITION), str(folder)))
        backend.apply_migrations(due)
        return [migration.id for migration in due]
