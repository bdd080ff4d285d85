"""The rows of two schemas compared, at one position, in one snapshot of the database.

The two tables are joined by their key, and rows that aren't the same byte by byte are counted; only
where there are any are they read once more, and named. A partitioned table is compared partition by
partition: its rows lie in the order of their key, so that the database walks along both sides at
once, and neither sorts nor hashes them.
"""

import json
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from psycopg import sql

from drawdown.adapters.postgres import schemas
from drawdown.adapters.postgres.connections import Connection
from drawdown.adapters.postgres.schemas import Table
from drawdown.projection.rebuild.positions import POSITION_TABLE
from drawdown.projection.rebuild.shadow import NOTE, Names

_OWNERS: Final = frozenset(("epoch", "published", "replaced"))
"""Columns of a position that say who writes and publishes, not what was projected."""
_JOINED: Final = "FROM {live} AS l FULL JOIN {rebuilt} AS r USING ({key})"
_COUNT: Final = f"SELECT count(r.{{first}}), count(*) FILTER (WHERE {{same}} IS NOT TRUE) {_JOINED}"
_NAME: Final = (
    f"SELECT to_jsonb(l), to_jsonb(r) {_JOINED} WHERE {{same}} IS NOT TRUE "
    "ORDER BY {key} LIMIT {at_most}"
)

Since = Mapping[int, int]
"""By partition, all of them, the entry up to which all was compared before; 0: none was."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A table, or one partition of it, as it stands in both schemas."""

    table: str
    live: sql.Composable
    rebuilt: sql.Composable
    ordered: bool
    """Whether its rows lie in the order of their key."""


class Comparing:
    """The live rows and the rebuilt ones. Several threads may compare, each a piece."""

    def __init__(self, connection: Connection, names: Names, *, at_most: int) -> None:
        """It names `at_most` differences, and counts the others."""
        self._names = names
        self._at_most = at_most
        self._live = _told(schemas.tables(connection, names.live))
        self._shadow = _told(schemas.tables(connection, names.shadow))
        self._noting = threading.Lock()
        self.differing: Final[Counter[str]] = Counter()
        """How many rows differ, and columns of its form, by table."""
        self._named: list[Difference] = []
        self.rows = 0
        """How many rows were compared."""

    @property
    def count(self) -> int:
        """How many rows differ, and columns of a table's form."""
        return self.differing.total()

    @property
    def named(self) -> list[Difference]:
        """Positions first, for they explain the rest."""
        return sorted(self._named, key=lambda each: _rank(each.table))[: self._at_most]

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
        """Those that stand in both, with the columns of the key; positions first."""
        both = self._shadow.keys() & self._live.keys()
        comparable = {
            name for name in both if self._live[name].columns.keys() >= set(self._shadow[name].key)
        }
        return sorted(comparable, key=_rank)

    def has_versions(self, name: str) -> bool:
        """Whether the rows of a table say which entry changed them last."""
        return _has_versions(self._shadow[name])

    def pieces(self, connection: Connection, name: str) -> list[Piece]:
        """A table in the parts in which all of it is compared."""
        sides, whole = (self._names.live, self._names.shadow), self._whole(name)
        parts = [schemas.partitions(connection, schema, name) for schema in sides]
        found = sorted(set().union(*parts))
        if not found:
            return [whole]
        empty = sql.SQL("(SELECT * FROM {} LIMIT 0)")
        nothing = empty.format(whole.live), empty.format(whole.rebuilt)
        pieces = []
        for part in found:
            live, rebuilt = (
                schemas.table(schema, part) if part in parts[side] else nothing[side]
                for side, schema in enumerate(sides)
            )
            pieces.append(Piece(table=name, live=live, rebuilt=rebuilt, ordered=True))
        return pieces

    def table(self, connection: Connection, name: str, since: Since) -> None:
        """Compare the rows of a table that were changed since, or all where rows don't say."""
        self.piece(connection, self._whole(name), since)

    def piece(self, connection: Connection, piece: Piece, since: Since | None = None) -> None:
        """Compare a part of a table in the snapshot of `connection`'s transaction."""
        both = self._both(piece.table)
        where = _changed(both, since)
        # A row of a subquery would be put together anew from its columns.
        whole = where is None and self._of_one_form(piece.table)
        parts = {
            "live": _side(piece.live, where),
            "rebuilt": _side(piece.rebuilt, where),
            "key": sql.SQL(", ").join(map(sql.Identifier, both.key)),
            "first": sql.Identifier(both.key[0]),
            "same": _same(None if whole else both.columns),
        }
        connection.execute(
            "SELECT set_config('enable_hashjoin', %(allowed)s, true), "
            "set_config('enable_sort', %(allowed)s, true)",
            {"allowed": "off" if piece.ordered else "on"},
        )
        rows, differing = schemas.one(connection, sql.SQL(_COUNT).format(**parts))
        with self._noting:
            self.rows += rows
            self.differing[piece.table] += differing
            at_most = self._at_most - self._named_already(piece.table)
        if differing and at_most > 0:
            query = sql.SQL(_NAME).format(**parts, at_most=at_most)
            for is_live, is_rebuilt in connection.execute(query).fetchall():
                self._note(_difference(both, is_live, is_rebuilt))

    def _of_one_form(self, name: str) -> bool:
        """Whether both have the same columns, in the same order."""
        return [*self._live[name].columns.items()] == [*self._shadow[name].columns.items()]

    def _both(self, name: str) -> Table:
        """What is compared of a table."""
        shadow, live = self._shadow[name], self._live[name]
        columns = {
            column: type_
            for column, type_ in shadow.columns.items()
            if column in live.columns and not (name == POSITION_TABLE and column in _OWNERS)
        }
        return Table(name=name, columns=columns, key=shadow.key)

    def _whole(self, name: str) -> Piece:
        live, rebuilt = (
            schemas.table(schema, name) for schema in (self._names.live, self._names.shadow)
        )
        return Piece(table=name, live=live, rebuilt=rebuilt, ordered=False)

    def _form(self, table: str, column: str, live: str | None, rebuilt: str | None) -> None:
        self.differing[table] += 1
        difference = Difference(
            table=table,
            key={"column": column},
            live=None if live is None else {"type": live},
            rebuilt=None if rebuilt is None else {"type": rebuilt},
        )
        self._note(difference)

    def _note(self, difference: Difference) -> None:
        with self._noting:
            if self._named_already(difference.table) < self._at_most:
                self._named.append(difference)

    def _named_already(self, table: str) -> int:
        """How many differences take the place of one of a table: of positions none but their own,
        for whoever compares them may come last."""
        if table != POSITION_TABLE:
            return len(self._named)
        return sum(each.table == table for each in self._named)


def _rank(table: str) -> tuple[bool, str]:
    return (table != POSITION_TABLE, table)


def _has_versions(table: Table) -> bool:
    return {"partition", "partition_seq"} <= table.columns.keys()


def _told(tables: dict[str, Table]) -> dict[str, Table]:
    return {name: each for name, each in tables.items() if name != NOTE}


def _changed(table: Table, since: Since | None) -> sql.Composable | None:
    """Which rows were changed since; None: all of them are compared."""
    if table.name == POSITION_TABLE:
        # One that was claimed and hasn't begun is none.
        return sql.SQL("t.partition_seq > 0")
    if since is None or not _has_versions(table):
        return None
    # Each of them is a range of the key of a table that has every entry.
    later = [
        sql.SQL("(t.partition = {} AND t.partition_seq > {})").format(partition, seq)
        for partition, seq in sorted(since.items())
    ]
    return sql.SQL("({})").format(sql.SQL(" OR ").join(later))


def _side(relation: sql.Composable, where: sql.Composable | None) -> sql.Composable:
    if where is None:
        return relation
    return sql.SQL("(SELECT * FROM {} AS t WHERE {})").format(relation, where)


def _same(columns: Mapping[str, str] | None) -> sql.Composable:
    """Whether the columns of two rows, None: all of them, are the same, byte by byte."""
    rows = (
        sql.Identifier(alias) if columns is None else _row(alias, columns) for alias in ("l", "r")
    )
    return sql.SQL("record_image_eq({}, {})").format(*rows)


def _row(alias: str, columns: Mapping[str, str]) -> sql.Composable:
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
