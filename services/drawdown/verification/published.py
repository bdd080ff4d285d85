"""Published topics against the rows that they are made of.

The newest record of each key must say what its row says, at the row's version. A row that isn't
published yet is no difference, as long as the projector doesn't claim that it is: `published`
beside the position says up to which entry it is. Three things are read, in this order: `published`,
the topic to its end, the rows. So what was acknowledged by then has been read, and no record is
newer than its row.
"""

from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from psycopg import sql
from psycopg.rows import dict_row

from drawdown.adapters.avro import generic
from drawdown.adapters.avro.wire import HEADER_BYTES, Wire
from drawdown.adapters.kafka.partition_log import PartitionLog
from drawdown.adapters.kafka.records import key_of, value_of
from drawdown.adapters.postgres.connections import Connection
from drawdown.verification.read_model import Differ
from drawdown.verification.snapshots import ROWS_AT_ONCE

_VERSION: Final = "partition_seq"

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedTopic:
    """A topic of `schemas/topics`, and what its records must say."""

    projection: str
    topic: str
    schema: str
    key: Key
    """The fields that name a row; bytes of the record's key aren't looked at."""
    rows: str
    """The rows of a partition, by the names of the fields, `partition_seq` among them."""


_KINDS: Final = ", ".join(
    f"coalesce(sum(l.remaining) FILTER (WHERE l.kind = '{kind}'), 0)::bigint AS {kind}"
    for kind in ("purchased", "promotional", "included", "adjustment")
)
_DAY: Final = (
    *("billed", "recognized", "breakage", "refunded", "chargeback", "adjusted", "transferred"),
    *("advance", "receivable", "returned", "contra", "disputed"),
)
TOPICS: Final = (
    PublishedTopic(
        projection="balance",
        topic="balances",
        schema="balance",
        key=("customer_id", "unit"),
        rows=f"""
            SELECT a.customer_id, a.unit, a.balance, a.held, a.available, a.overdraft, a.debt,
                a.overage_total, a.account_seq, a.updated_at AS as_of, a.partition_seq, {_KINDS}
            FROM accounts a LEFT JOIN lots l USING (customer_id, unit)
            WHERE a.partition = %s GROUP BY a.customer_id, a.unit
        """,
    ),
    PublishedTopic(
        projection="expiration",
        topic="expirations",
        schema="expiration",
        key=("customer_id", "unit", "lot_id"),
        rows="""
            SELECT customer_id, unit, lot_id, lot_seq, kind, reason, campaign, granted, remaining,
                reserved, expires_at, freezes, expired, expired_at, price_minor, currency,
                breakage_minor, updated_at AS as_of, partition_seq
            FROM lots WHERE partition = %s
        """,
    ),
    PublishedTopic(
        projection="revenue",
        topic="revenue",
        schema="revenue",
        key=("customer_id", "unit", "lot_id", "day"),
        rows=f"""
            SELECT customer_id, unit, lot_id, day::text AS day, kind, currency,
                {", ".join(f"{name}_minor" for name in _DAY)},
                (sum(billed_minor + transferred_minor - recognized_minor - breakage_minor
                    - refunded_minor - chargeback_minor - adjusted_minor) OVER so_far)::bigint
                    AS deferred_minor,
                max(partition_seq) OVER so_far AS partition_seq
            FROM days WHERE partition = %s
            WINDOW so_far AS (PARTITION BY customer_id, unit, lot_id ORDER BY day)
        """,
    ),
)
"""A further topic is one more of these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """How far a topic's partition was compared: what a later audit goes on from."""

    next_offset: int = 0
    published: int = 0
    newer: Sequence[tuple[str, str]] = ()
    """Keys and values, in base64, of records of later entries: their rows are held against them
    when these are published too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a comparison came to."""

    followed: Followed
    compared: int
    unpublished: int
    """Rows that no record shows yet, or an older one."""


class TopicAudit:
    """One partition of a topic against the rows that `connection` finds in its search path."""

    def __init__(
        self, topic: PublishedTopic, wire: Wire, connection: Connection, partition: int
    ) -> None:
        self._topic = topic
        self._wire = wire
        self._connection = connection
        self._partition = partition
        self._values: dict[Key, bytes] = {}
        """The newest record of each key."""

    def run(
        self, open_log: Callable[[int], PartitionLog], told: Followed, differ: Differ
    ) -> Outcome:
        """Compare what is new since `told`; all of it, where published went back since.

        `open_log` opens the topic's partition from an offset on.
        """
        published = self._published()
        since = told if told.published <= published else Followed()
        newest = {b64decode(key): b64decode(value) for key, value in since.newer}
        with open_log(since.next_offset) as log:
            for record in log.records():
                key = key_of(record) or b""
                if record.value() is None:
                    newest.pop(key, None)
                else:
                    newest[key] = value_of(record)
            next_offset = log.position
        newer = []
        for key, value in newest.items():
            fields = self._record(value)
            self._values[self._key(fields)] = value
            if fields[_VERSION] > published:
                newer.append((b64encode(key).decode(), b64encode(value).decode()))
        compared, unpublished = self._compare(since.published, published, differ)
        followed = Followed(next_offset=next_offset, published=published, newer=newer)
        return Outcome(followed=followed, compared=compared, unpublished=unpublished)

    def _published(self) -> int:
        row = self._connection.execute(
            "SELECT published FROM position WHERE partition = %s", [self._partition]
        ).fetchone()
        self._connection.rollback()
        return 0 if row is None else int(row[0])

    def _record(self, value: bytes) -> dict[str, Any]:
        schema = self._topic.schema
        return generic.decode(self._wire.newest(schema, value), schema, HEADER_BYTES)

    def _key(self, fields: Mapping[str, Any]) -> Key:
        return tuple(fields[name] for name in self._topic.key)

    def _compare(self, since: int, published: int, differ: Differ) -> tuple[int, int]:
        """Rows changed after entry `since`, and those that records name; of both how many agree and
        how many aren't published."""
        compared = unpublished = 0
        for row in self._rows(since):
            key, version = self._key(row), row[_VERSION]
            value = self._values.pop(key, None)
            record = None if value is None else self._record(value)
            says = 0 if record is None else record[_VERSION]
            if record is not None and says == version:
                self._hold(key, row, record, differ)
                compared += 1
            elif says < version and version > published:
                unpublished += 1
            else:
                what = (
                    f"the newest record of {key} is of entry {says}"
                    if says
                    else (f"{key} has no record")
                )
                why = (
                    f"{what}; its row was changed by entry {version}, and {published} are published"
                )
                self._differ(differ, key, why, f"entry {version}", f"entry {says or 'none'}")
        for key in sorted(self._values):
            self._differ(
                differ, key, f"{key} is published, but there is no such row", "none", "one"
            )
        return compared, unpublished

    def _rows(self, since: int) -> Iterator[dict[str, Any]]:
        """The rows, without those that were published before and that no record names."""
        names = sql.SQL(", ").join(map(sql.Identifier, self._topic.key))
        arrays = sql.SQL(", ").join([sql.SQL("%s::text[]")] * len(self._topic.key))
        query = sql.SQL(
            "SELECT * FROM ({rows}) AS r WHERE partition_seq > %s "
            "OR ({names}) IN (SELECT * FROM unnest({arrays}))"
        ).format(rows=sql.SQL(self._topic.rows), names=names, arrays=arrays)
        keys = list(zip(*self._values, strict=True)) or [()] * len(self._topic.key)
        with self._connection.cursor(name="published", row_factory=dict_row) as cursor:
            cursor.itersize = ROWS_AT_ONCE
            yield from cursor.execute(query, [self._partition, since, *map(list, keys)])

    def _hold(
        self, key: Key, row: Mapping[str, Any], record: Mapping[str, Any], differ: Differ
    ) -> None:
        for name, shown in row.items():
            if record[name] != shown:
                why = f"{key}: {name} is published as {record[name]!r}, its row says {shown!r}"
                self._differ(differ, key, why, f"{name} {shown!r}", f"{name} {record[name]!r}")

    def _differ(self, differ: Differ, key: Key, why: str, expected: str, found: str) -> None:
        differ(self._topic.topic, why, f"{key[0]} ({key[1]})", expected, found)
