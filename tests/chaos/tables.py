"""The read models in Postgres, compared with what the entries add up to.

Only what changed since the last comparison is read, but for the accounts, which are few. All of
it is read in one snapshot.
"""

import time
from collections.abc import Iterator, Sequence
from typing import Any, Final

import psycopg

from tests.chaos.folding import Fold

_WITHIN_S: Final = 180.0
_EVERY_S: Final = 0.3
_PROJECTIONS: Final = ("balance", "expiration", "revenue")

Cursor = psycopg.Cursor[tuple[Any, ...]]


class Tables:
    """The tables of one namespace's projections."""

    def __init__(self, url: str, namespace: str) -> None:
        self._url = url
        self._prefix = namespace.replace("-", "_")
        self._compared: dict[int, int] = {}
        """The last entry of each partition that was compared."""

    def behind(
        self, folds: Sequence[Fold], *, within_s: float = _WITHIN_S
    ) -> dict[int, tuple[int, int]]:
        """Partitions whose position isn't the end of the fold: both. Waits for them in vain for
        so long."""
        deadline = time.monotonic() + within_s
        while True:
            found: dict[int, int] = {}
            try:
                with self._connected() as cursor:
                    found = self._reached(cursor)
            except psycopg.OperationalError:
                pass
            behind = {
                number: (found.get(number, 0), fold.seq)
                for number, fold in enumerate(folds)
                if found.get(number, 0) < fold.seq
            }
            if not behind or time.monotonic() > deadline:
                return behind
            time.sleep(_EVERY_S)

    def compare(self, folds: Sequence[Fold]) -> list[str] | None:
        """Differences; None where some tables are ahead of the fold already."""
        with self._connected() as cursor:
            if any(
                positions.get(number, 0) != fold.seq
                for positions in self._positions(cursor)
                for number, fold in enumerate(folds)
            ):
                return None
            differences: list[str] = []
            for number, fold in enumerate(folds):
                differences += self._entries(cursor, number, fold)
                differences += self._lots(cursor, number, fold)
                differences += self._holds(cursor, number, fold)
                differences += self._expiring_lots(cursor, number, fold)
                differences += self._revenue_of_lots(cursor, fold)
                self._compared[number] = fold.seq
            differences += _accounts(cursor, folds)
            differences += _usage(cursor, folds)
        for fold in folds:
            fold.hashes, fold.touched_lots, fold.touched_holds = [], set(), {}
        return differences

    def _connected(self) -> "_Snapshot":
        return _Snapshot(self._url, f"{self._prefix}_balance")

    def _positions(self, cursor: Cursor) -> list[dict[int, int]]:
        """Of each projection, the last entry of each partition that it has."""
        return [
            dict(
                _all(cursor, f"SELECT partition, partition_seq FROM {self._prefix}_{name}.position")
            )
            for name in _PROJECTIONS
        ]

    def _reached(self, cursor: Cursor) -> dict[int, int]:
        """The last entry of each partition that all projections have."""
        of_all = self._positions(cursor)
        return {
            number: min(positions.get(number, 0) for positions in of_all) for number in of_all[0]
        }

    def _entries(self, cursor: Cursor, number: int, fold: Fold) -> Iterator[str]:
        after = self._compared.get(number, 0)
        rows = _all(
            cursor,
            "SELECT partition_seq, hash FROM entries WHERE partition = %s AND partition_seq > %s"
            " ORDER BY partition_seq",
            number,
            after,
        )
        expected = [(after + 1 + place, each) for place, each in enumerate(fold.hashes)]
        found = [(seq, bytes(each)) for seq, each in rows]
        if found != expected:
            yield f"partition {number}: {len(found)} entry rows differ from {len(expected)} entries"

    def _lots(self, cursor: Cursor, number: int, fold: Fold) -> Iterator[str]:
        rows = _all(
            cursor,
            "SELECT customer_id, unit, lot_id, granted, remaining, reserved, spent, expired,"
            " voided, clawed_back, released_minor, expires_at, partition_seq"
            " FROM lots WHERE partition = %s AND partition_seq > %s",
            number,
            self._compared.get(number, 0),
        )
        found = {row[:3]: row[3:] for row in rows}
        expected = {}
        for key in fold.touched_lots:
            lot = fold.accounts[key[:2]].lots[key[2]]
            expected[key] = (
                *(lot.granted, lot.remaining, lot.reserved, lot.spent, lot.expired, lot.voided),
                *(lot.clawed_back, lot.released_minor, lot.expires_at, lot.partition_seq),
            )
        yield from _differences("lot", found, expected)

    def _holds(self, cursor: Cursor, number: int, fold: Fold) -> Iterator[str]:
        rows = _all(
            cursor,
            "SELECT customer_id, unit, hold_id, state, reserved, partition_seq FROM holds"
            " WHERE partition = %s AND partition_seq > %s",
            number,
            self._compared.get(number, 0),
        )
        found = {row[:3]: row[3:] for row in rows}
        expected: dict[Any, Any] = {
            key: (hold.state, hold.reserved, hold.partition_seq)
            for key, hold in fold.touched_holds.items()
        }
        yield from _differences("hold", found, expected)

    def _expiring_lots(self, cursor: Cursor, number: int, fold: Fold) -> Iterator[str]:
        rows = _all(
            cursor,
            "SELECT customer_id, unit, lot_id, granted, remaining, reserved, expired,"
            f" released_minor, expires_at, partition_seq FROM {self._prefix}_expiration.lots"
            " WHERE partition = %s AND partition_seq > %s",
            number,
            self._compared.get(number, 0),
        )
        found = {row[:3]: row[3:] for row in rows}
        expected: dict[Any, Any] = {}
        for key in fold.touched_lots:
            lot = fold.accounts[key[:2]].lots[key[2]]
            expected[key] = (
                *(lot.granted, lot.remaining, lot.reserved, lot.expired),
                *(lot.released_minor, lot.expires_at, lot.partition_seq),
            )
        yield from _differences("expiring lot", found, expected)

    def _revenue_of_lots(self, cursor: Cursor, fold: Fold) -> Iterator[str]:
        """What is deferred is the price less what was released, on whatever days that was."""
        touched = sorted(fold.touched_lots)
        rows = _all(
            cursor,
            "SELECT customer_id, unit, lot_id, sum(granted)::bigint, sum(spent)::bigint,"
            " sum(expired)::bigint, sum(voided)::bigint, sum(clawed_back)::bigint,"
            " sum(billed_minor + transferred_minor - recognized_minor - breakage_minor"
            " - refunded_minor - chargeback_minor - adjusted_minor)::bigint"
            f" FROM {self._prefix}_revenue.days"
            " JOIN unnest(%s::text[], %s::text[], %s::text[])"
            " AS touched (customer_id, unit, lot_id) USING (customer_id, unit, lot_id)"
            " GROUP BY customer_id, unit, lot_id",
            *([key[place] for key in touched] for place in range(3)),
        )
        found = {row[:3]: row[3:] for row in rows}
        expected: dict[Any, Any] = {}
        for key in touched:
            lot = fold.accounts[key[:2]].lots[key[2]]
            expected[key] = (
                *(lot.granted, lot.spent, lot.expired, lot.voided, lot.clawed_back),
                lot.price_minor - lot.released_minor,
            )
        yield from _differences("revenue of lot", found, expected)


class _Snapshot:
    """A read-only transaction that sees one moment."""

    def __init__(self, url: str, schema: str) -> None:
        self._url, self._schema = url, schema

    def __enter__(self) -> Cursor:
        self._connection = psycopg.connect(self._url, connect_timeout=5)
        self._connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        cursor = self._connection.cursor()
        cursor.execute(f"SET LOCAL search_path TO {self._schema}".encode())
        return cursor

    def __exit__(self, *_: object) -> None:
        self._connection.close()


def _all(cursor: Cursor, statement: str, *values: object) -> list[tuple[Any, ...]]:
    return cursor.execute(statement.encode(), values).fetchall()


def _accounts(cursor: Cursor, folds: Sequence[Fold]) -> Iterator[str]:
    rows = _all(
        cursor,
        "SELECT customer_id, unit, balance, held, available, overdraft, debt, overage_total,"
        " residue, account_seq, partition_seq, head FROM accounts",
    )
    found = {row[:2]: (*row[2:-1], bytes(row[-1])) for row in rows}
    expected: dict[Any, Any] = {
        key: (
            *(each.balance, each.held, each.available, each.overdraft, each.debt),
            *(each.overage_total, each.residue, each.seq, each.partition_seq, each.head),
        )
        for fold in folds
        for key, each in fold.accounts.items()
        if key[0] != "$partition"
    }
    yield from _differences("account", found, expected)


def _usage(cursor: Cursor, folds: Sequence[Fold]) -> Iterator[str]:
    rows = _all(
        cursor,
        "SELECT customer_id, unit, sum(events)::bigint, sum(rated)::bigint,"
        " sum(uncovered)::bigint FROM usage_daily GROUP BY customer_id, unit",
    )
    found = {row[:2]: row[2:] for row in rows}
    expected: dict[Any, Any] = {
        key: (each.deductions, each.rated, each.uncovered)
        for fold in folds
        for key, each in fold.accounts.items()
        if each.deductions or each.rated
    }
    yield from _differences("usage", found, expected)


def _differences(what: str, found: dict[Any, Any], expected: dict[Any, Any]) -> Iterator[str]:
    for key in sorted(found.keys() | expected.keys()):
        if found.get(key) != expected.get(key):
            yield f"{what} {key}: {found.get(key)} in Postgres, {expected.get(key)} by the entries"
