"""The fold of the ledger against the balance read model, row by row."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from drawdown.adapters.postgres.connections import Connection, connect, translated
from drawdown.domain.accounts import Account
from drawdown.domain.holds import Hold
from drawdown.domain.lots import Lot
from drawdown.domain.numbers import NEVER
from drawdown.settings import Settings

PROJECTION: Final = "balance"
_EVERY_S: Final = 0.1
_ROWS: Final = 5_000

_ACCOUNT: Final = (
    "balance",
    "held",
    "available",
    "overdraft",
    "debt",
    "overage_total",
    "residue",
    "reserved_room",
    "frozen",
    "account_seq",
    "head",
)
_LOT: Final = (
    "lot_seq",
    "kind",
    "reason",
    "campaign",
    "granted",
    "remaining",
    "reserved",
    "spent",
    "expired",
    "voided",
    "clawed_back",
    "price_minor",
    "currency",
    "list_price_minor",
    "released_minor",
    "priority",
    "meters",
    "properties",
    "effective_at",
    "expires_at",
    "payment_id",
    "opens_at",
    "voids_at",
    "period_at",
    "accepted_at",
    "freezes",
    "frozen_since",
    "closed",
    "clawed",
    "debt",
)
_HOLD: Final = (
    "state",
    "meter",
    "properties",
    "reserved",
    "reserved_room",
    "placed_at",
    "expires_at",
)

Differ = Callable[[str, str], None]
"""Notes a difference: where, and what."""


class ReadModel:
    """What the balance projection shows of one partition, in one snapshot."""

    def __init__(self, connection: Connection, partition: int) -> None:
        self._connection = connection
        self._partition = partition

    def partition_seq(self) -> int:
        """The last entry that it shows."""
        return _position(self._connection, self._partition)

    def compare(self, accounts: list[Account], differ: Differ) -> tuple[int, int, int]:
        """Hold it against the folded accounts; how many accounts, lots and holds were compared.

        The fold must stand at the read model's `partition_seq`.
        """
        folded: dict[tuple[str, ...], Account] = {
            (each.customer_id, each.unit): each for each in accounts
        }
        lots: dict[tuple[str, ...], Lot] = {
            (each.customer_id, each.unit, lot.lot_id): lot
            for each in accounts
            for lot in each.lots.values()
        }
        holds: dict[tuple[str, ...], Hold] = {
            (each.customer_id, each.unit, hold.hold_id): hold
            for each in accounts
            for hold in each.holds.values()
        }
        self._compare("accounts", ("customer_id", "unit"), _ACCOUNT, folded, differ)
        self._compare("lots", ("customer_id", "unit", "lot_id"), _LOT, lots, differ)
        self._compare("holds", ("customer_id", "unit", "hold_id"), _HOLD, holds, differ)
        return len(folded), len(lots), len(holds)

    def check_entries(self, expected: int, differ: Differ) -> None:
        """As many rows as entries: their keys are unique, so none is missing and none is more."""
        found = self._connection.execute(
            "SELECT count(*) FROM entries WHERE partition = %s", [self._partition]
        ).fetchone()
        if found != (expected,):
            count = found[0] if found else 0
            differ("entries", f"{count} rows show {expected} entries")

    def _compare(
        self,
        table: str,
        key: tuple[str, ...],
        columns: tuple[str, ...],
        folded: dict[tuple[str, ...], Any],
        differ: Differ,
    ) -> None:
        unseen = set(folded)
        for row in self._rows(table, (*key, *columns)):
            name, shown = row[: len(key)], row[len(key) :]
            value = folded.get(name)
            unseen.discard(name)
            if value is None:
                differ(table, f"{name} is shown, but the ledger has none")
                continue
            for column, is_shown in zip(columns, shown, strict=True):
                told = _told(value, column)
                if is_shown != told:
                    differ(table, f"{name}: {column} is {is_shown!r}, the ledger says {told!r}")
        for name in sorted(unseen):
            differ(table, f"{name} is missing")

    def _rows(self, table: str, columns: tuple[str, ...]) -> Iterator[tuple[Any, ...]]:
        statement = f"SELECT {', '.join(columns)} FROM {table} WHERE partition = %s"
        with self._connection.cursor(name=f"audit_{table}") as cursor:
            cursor.itersize = _ROWS
            yield from cursor.execute(statement, [self._partition])


@contextmanager
def read_model(
    settings: Settings, partition: int, *, from_seq: int, within_s: float
) -> Iterator[ReadModel]:
    """The read model once it shows entry `from_seq`, or as it is after `within_s`.

    Raises `Unavailable`, or `DatabaseRefused` where no projector has made its tables yet.
    """
    schema = settings.database_schema(PROJECTION)
    with (
        translated(),
        connect(settings, application="verify", schema=schema) as connection,
    ):
        deadline = time.monotonic() + within_s
        while _position(connection, partition) < from_seq and time.monotonic() < deadline:
            connection.rollback()
            time.sleep(_EVERY_S)
        connection.rollback()
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield ReadModel(connection, partition)
        connection.rollback()


def _position(connection: Connection, partition: int) -> int:
    row = connection.execute(
        "SELECT partition_seq FROM position WHERE partition = %s", [partition]
    ).fetchone()
    return 0 if row is None else int(row[0])


def _told(value: Account | Lot | Hold, column: str) -> object:
    told = getattr(value, column)
    return None if column == "expires_at" and told == NEVER else told
