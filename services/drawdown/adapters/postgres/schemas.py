"""What stands in a database schema: its tables with their columns, who may read, who looks in."""

from dataclasses import dataclass
from typing import Any, Final

from psycopg import sql

from drawdown.adapters.postgres.connections import Connection

_TABLES: Final = """
SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
       coalesce(a.attnum = ANY (i.indkey::int2[]), false)
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
WHERE c.relnamespace = to_regnamespace(%s) AND c.relkind IN ('r', 'p') AND NOT c.relispartition
ORDER BY c.relname, a.attnum
"""
_PARTITIONS: Final = """
SELECT p.relname, pg_get_expr(p.relpartbound, p.oid) FROM pg_class c
JOIN pg_inherits i ON i.inhparent = c.oid
JOIN pg_class p ON p.oid = i.inhrelid
WHERE c.relnamespace = to_regnamespace(%s) AND c.relname = %s AND c.relkind = 'p'
"""
_PARTITION_KEY: Final = "SELECT pg_get_partkeydef(to_regclass(%s))"
_READ_ELSEWHERE: Final = """
SELECT DISTINCT v.oid::regclass::text
FROM pg_class t
JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = t.oid
    AND d.classid = 'pg_rewrite'::regclass
JOIN pg_rewrite r ON r.oid = d.objid
JOIN pg_class v ON v.oid = r.ev_class AND v.relnamespace <> t.relnamespace
WHERE t.relnamespace = to_regnamespace(%s)
ORDER BY 1
"""
_GRANTS: Final = """
SELECT NULL, CASE grantee WHEN 0 THEN NULL ELSE pg_get_userbyid(grantee) END, privilege_type
FROM pg_namespace, aclexplode(nspacl)
WHERE oid = to_regnamespace(%(schema)s) AND grantee <> nspowner
UNION ALL
SELECT relname, CASE grantee WHEN 0 THEN NULL ELSE pg_get_userbyid(grantee) END, privilege_type
FROM pg_class, aclexplode(relacl)
WHERE relnamespace = to_regnamespace(%(schema)s) AND grantee <> relowner
    AND relkind IN ('r', 'p', 'v')
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table; a partitioned one stands for its partitions."""

    name: str
    columns: dict[str, str]
    """Types by name, in order."""
    key: tuple[str, ...]
    """The columns of its primary key, in the order of the table."""


def exists(connection: Connection, schema: str) -> bool:
    """Whether there is such a schema."""
    row = connection.execute("SELECT to_regnamespace(%s) IS NOT NULL", [schema]).fetchone()
    return row is not None and bool(row[0])


def tables(connection: Connection, schema: str) -> dict[str, Table]:
    """The tables of a schema by name, without those in which migrations are noted."""
    columns: dict[str, dict[str, str]] = {}
    keys: dict[str, list[str]] = {}
    for name, column, type_, in_key in connection.execute(_TABLES, [schema]):
        if name.startswith(("_yoyo_", "yoyo_")):
            continue
        columns.setdefault(name, {})[column] = type_
        if in_key:
            keys.setdefault(name, []).append(column)
    return {
        name: Table(name=name, columns=each, key=tuple(keys.get(name, ())))
        for name, each in columns.items()
    }


def partitions(connection: Connection, schema: str, name: str) -> set[str]:
    """The tables that a partitioned table consists of; none where it isn't partitioned."""
    return set(_bounds(connection, schema, name))


def _bounds(connection: Connection, schema: str, name: str) -> dict[str, str]:
    """What each table holds that a partitioned table consists of, as SQL."""
    found = connection.execute(_PARTITIONS, [schema, name])
    return {str(row[0]): str(row[1]) for row in found}


def _partition_key(connection: Connection, schema: str, name: str) -> str | None:
    row = connection.execute(_PARTITION_KEY, [table(schema, name).as_string()]).fetchone()
    return None if row is None else row[0]


def copy_rows(connection: Connection, source: str, target: str, copied: Table) -> None:
    """Copy the rows of a table into the empty one of the same form in another schema, with the
    tables that it consists of."""
    make_partitions(connection, source, target, copied.name)
    columns = sql.SQL(", ").join(sql.Identifier(name) for name in copied.columns)
    statement = sql.SQL("INSERT INTO {into} ({columns}) SELECT {columns} FROM {source}")
    connection.execute(
        statement.format(
            into=table(target, copied.name), columns=columns, source=table(source, copied.name)
        )
    )


def make_partitions(connection: Connection, source: str, target: str, name: str) -> None:
    """Have a partitioned table consist of the same tables as the one of its name in another schema,
    so far as they aren't there; nothing where the two aren't partitioned alike."""
    if _partition_key(connection, source, name) != _partition_key(connection, target, name):
        return
    there = partitions(connection, target, name)
    for part_name, bound in sorted(_bounds(connection, source, name).items()):
        if part_name in there:
            continue
        part, whole = table(target, part_name), table(target, name)
        # Made apart, with the indexes of the whole that are there.
        connection.execute(sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING ALL)").format(part, whole))
        attach = sql.SQL("ALTER TABLE {} ATTACH PARTITION {} ").format(whole, part)
        connection.execute(attach + sql.SQL(bound))


def table(schema: str, name: str) -> sql.Identifier:
    """A table by its full name."""
    return sql.Identifier(schema, name)


def views_elsewhere(connection: Connection, schema: str) -> list[str]:
    """Views of other schemas that read its tables; they follow the tables, not the name."""
    return [str(row[0]) for row in connection.execute(_READ_ELSEWHERE, [schema])]


def lockable(connection: Connection, schema: str) -> list[str]:
    """What a query can begin to read there: tables and views."""
    query = """
        SELECT relname FROM pg_class
        WHERE relnamespace = to_regnamespace(%s) AND relkind IN ('r', 'p', 'v')
            AND NOT relispartition
        ORDER BY relname
    """
    return [str(row[0]) for row in connection.execute(query, [schema])]


def stored(connection: Connection, schema: str) -> list[str]:
    """What rows lie in there: tables, and the parts of those that are partitioned."""
    query = """
        SELECT relname FROM pg_class
        WHERE relnamespace = to_regnamespace(%s) AND relkind = 'r' ORDER BY relname
    """
    return [str(row[0]) for row in connection.execute(query, [schema])]


def copy_grants(connection: Connection, source: str, target: str) -> None:
    """Let those who may use a schema, its tables and views use another one's of the same names."""
    there = set(lockable(connection, target))
    for name, grantee, privilege in connection.execute(_GRANTS, {"schema": source}).fetchall():
        if name is not None and name not in there:
            continue
        of = sql.SQL("SCHEMA ") + sql.Identifier(target)
        if name is not None:
            of = sql.SQL("TABLE ") + table(target, name)
        who: sql.Composable = sql.SQL("PUBLIC") if grantee is None else sql.Identifier(grantee)
        connection.execute(sql.SQL("GRANT {} ON {} TO {}").format(sql.SQL(privilege), of, who))


def drop(connection: Connection, schema: str) -> None:
    """Drop a schema with everything in it; nothing where there is none."""
    connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(schema)))


def rename(connection: Connection, schema: str, name: str) -> None:
    """Give a schema another name. What has resolved the old one goes on with its tables."""
    connection.execute(
        sql.SQL("ALTER SCHEMA {} RENAME TO {}").format(sql.Identifier(schema), sql.Identifier(name))
    )


def one(connection: Connection, query: sql.Composable, values: Any = None) -> tuple[Any, ...]:
    """The one row of a query."""
    row = connection.execute(query.as_bytes(connection), values).fetchone()
    assert row is not None
    return row
