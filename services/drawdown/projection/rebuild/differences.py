"""The rows of two schemas compared, at one position, in one snapshot of the database.

Each table is read once in each schema: rows fall into buckets by the hash of their key, and the
buckets of the two must have as many rows and the same hash. Only where they don't are rows
compared with one another. Nothing is sorted, and memory holds the buckets.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from psycopg import sql

from drawdown.adapters.postgres import schemas
from drawdown.adapters.postgres.connections import Connection
from drawdown.adapters.postgres.schemas import Table
from drawdown.projection.rebuild.shadow import NOTE, POSITION_TABLE, Names

_OWNERS: Final = frozenset(("epoch", "published", "replaced"))
"""Columns of a position that say who writes and publishes, not what was projected."""
_BUCKETS: Final = 1_024
_UNHASHABLE: Final = frozenset(("json", "xml"))

Since = Mapping[int, int]
"""By partition the entry up to which all was compared before."""
Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A row that isn't the same in both, or a table whose form isn't."""

    table: str
    key: Row
    live: Row | None
    """The columns that differ, as the live row has them; None: it has no such row."""
    rebuilt: Row | None

    def __str__(self) -> str:
        named = ", ".join(f"{name} {value}" for name, value in self.key.items())
        if self.live is None or self.rebuilt is None:
            where = "rebuilt rows" if self.live is None else "live rows"
            return f"{self.table}: {named} stands in the {where} only"
        columns = "; ".join(
            f"{name} is {value!r} live, {self.rebuilt[name]!r} rebuilt"
            for name, value in self.live.items()
        )
        return f"{self.table}: {named}: {columns}"

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "table": self.table,
            "key": self.key,
            "live": self.live,
            "rebuilt": self.rebuilt,
            "explanation": str(self),
        }


class Comparing:
    """The live rows and the rebuilt ones, in the snapshot of `connection`'s transaction."""

    def __init__(self, connection: Connection, names: Names, *, at_most: int) -> None:
        """It names `at_most` differences, and counts the others."""
        self._connection = connection
        self._names = names
        self._at_most = at_most
        self._live = _told(schemas.tables(connection, names.live))
        self._shadow = _told(schemas.tables(connection, names.shadow))
        self.count = 0
        """How many rows differ, and forms of tables."""
        self.named: list[Difference] = []
        self.rows = 0
        """How many rows were compared."""

    def forms(self) -> None:
        """Compare which tables and columns there are."""
        for name in sorted(self._live.keys() | self._shadow.keys()):
            live, shadow = self._live.get(name), self._shadow.get(name)
            is_live = {} if live is None else live.columns
            is_rebuilt = {} if shadow is None else shadow.columns
            for column in sorted(is_live.keys() | is_rebuilt.keys()):
                types = is_live.get(column), is_rebuilt.get(column)
                if types[0] != types[1]:
                    self._form(name, column, *types)

    def tables(self) -> list[str]:
        """Those that stand in both; positions first, for they explain the rest."""
        both = self._shadow.keys() & self._live.keys()
        return sorted(both, key=lambda name: (name != POSITION_TABLE, name))

    def has_versions(self, name: str) -> bool:
        """Whether the rows of a table say which entry changed them last."""
        return _has_versions(self._shadow[name])

    def table(self, name: str, since: Since | None = None) -> None:
        """Compare a table; with `since`, the rows changed later, where rows say when they were."""
        shadow, live = self._shadow[name], self._live[name]
        columns = {
            column: type_
            for column, type_ in shadow.columns.items()
            if column in live.columns and not (name == POSITION_TABLE and column in _OWNERS)
        }
        both = Table(name=name, columns=columns, key=shadow.key or tuple(columns))
        where = _changed(both, since)
        is_live = self._buckets(self._names.live, both, where)
        is_rebuilt = self._buckets(self._names.shadow, both, where)
        self.rows += sum(count for count, _ in is_rebuilt.values())
        differing = [
            bucket
            for bucket in sorted(is_live.keys() | is_rebuilt.keys())
            if is_live.get(bucket) != is_rebuilt.get(bucket)
        ]
        if differing:
            self._name(both, where, differing)

    def _buckets(
        self, schema: str, table: Table, where: sql.Composable
    ) -> dict[int, tuple[int, int]]:
        """Rows and their hash, by bucket."""
        query = sql.SQL(
            "SELECT {bucket}, count(*), bit_xor(hash_record_extended({row}, 0)) "
            "FROM {table} AS t WHERE {where} GROUP BY 1"
        ).format(
            bucket=_bucket(table),
            row=_row(table.columns),
            table=schemas.table(schema, table.name),
            where=where,
        )
        found = self._connection.execute(query).fetchall()
        return {row[0]: (row[1], row[2]) for row in found}

    def _name(self, table: Table, where: sql.Composable, buckets: list[int]) -> None:
        one_side = sql.SQL("SELECT * FROM {} AS t WHERE {} AND {} = ANY (%(buckets)s)")
        live, rebuilt = (
            one_side.format(schemas.table(schema, table.name), where, _bucket(table))
            for schema in (self._names.live, self._names.shadow)
        )
        query = sql.SQL(
            "SELECT count(*) OVER (), to_jsonb(l), to_jsonb(r) "
            "FROM ({live}) AS l FULL JOIN ({rebuilt}) AS r USING ({key}) "
            "WHERE record_image_eq({live_row}, {rebuilt_row}) IS NOT TRUE "
            "ORDER BY {key} LIMIT %(at_most)s"
        ).format(
            live=live,
            rebuilt=rebuilt,
            key=sql.SQL(", ").join(map(sql.Identifier, table.key)),
            live_row=_row_of("l", table.columns),
            rebuilt_row=_row_of("r", table.columns),
        )
        at_most = max(1, self._at_most - len(self.named))
        found = self._connection.execute(query, {"buckets": buckets, "at_most": at_most}).fetchall()
        assert found, f"hashes of {table.name} differ, but no row does"
        self.count += found[0][0]
        for _, is_live, is_rebuilt in found:
            self._note(_difference(table, is_live, is_rebuilt))

    def _form(self, table: str, column: str, live: str | None, rebuilt: str | None) -> None:
        self.count += 1
        difference = Difference(
            table=table,
            key={"column": column},
            live=None if live is None else {"type": live},
            rebuilt=None if rebuilt is None else {"type": rebuilt},
        )
        self._note(difference)

    def _note(self, difference: Difference) -> None:
        if len(self.named) < self._at_most:
            self.named.append(difference)


def _has_versions(table: Table) -> bool:
    return {"partition", "partition_seq"} <= table.columns.keys()


def _told(tables: dict[str, Table]) -> dict[str, Table]:
    return {name: each for name, each in tables.items() if name != NOTE}


def _changed(table: Table, since: Since | None) -> sql.Composable:
    """Which rows were changed since."""
    if table.name == POSITION_TABLE:
        # One that was claimed and hasn't begun is none.
        return sql.SQL("t.partition_seq > 0")
    if since is None or not _has_versions(table):
        return sql.SQL("true")
    later = [
        sql.SQL("(t.partition = {} AND t.partition_seq > {})").format(partition, seq)
        for partition, seq in sorted(since.items())
    ]
    new = sql.SQL("t.partition <> ALL ({})").format(sorted(since))
    return sql.SQL("({})").format(sql.SQL(" OR ").join([*later, new]))


def _bucket(table: Table) -> sql.Composable:
    key = {name: table.columns[name] for name in table.key}
    return sql.SQL("(hash_record_extended({}, 0) & {})").format(_row(key), _BUCKETS - 1)


def _row(columns: Mapping[str, str]) -> sql.Composable:
    """A row as it is hashed; what can't be is hashed as text."""
    return sql.SQL("ROW({})").format(sql.SQL(", ").join(_hashable(columns)))


def _hashable(columns: Mapping[str, str]) -> Iterator[sql.Composable]:
    for name, type_ in columns.items():
        column = sql.Identifier("t", name)
        yield sql.SQL("{}::text").format(column) if type_ in _UNHASHABLE else column


def _row_of(alias: str, columns: Sequence[str] | Mapping[str, str]) -> sql.Composable:
    """A row as its image is compared, byte by byte."""
    return sql.SQL("ROW({})").format(
        sql.SQL(", ").join(sql.Identifier(alias, name) for name in columns)
    )


def _difference(table: Table, live: Row | None, rebuilt: Row | None) -> Difference:
    there = live or rebuilt
    assert there is not None
    key = {name: there[name] for name in table.key}
    if live is None or rebuilt is None:
        return Difference(table=table.name, key=key, live=live, rebuilt=rebuilt)
    apart = [name for name in table.columns if _text(live[name]) != _text(rebuilt[name])]
    return Difference(
        table=table.name,
        key=key,
        live={name: live[name] for name in apart},
        rebuilt={name: rebuilt[name] for name in apart},
    )


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
