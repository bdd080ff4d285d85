"""The fold of the ledger against the balance read model, row by row."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from drawdown.adapters.postgres.connections import Connection
from drawdown.domain.accounts import Account
from drawdown.domain.holds import Hold
from drawdown.domain.lots import Lot
from drawdown.domain.numbers import NEVER
from drawdown.settings import Settings
from drawdown.verification.checkpoint import Period
from drawdown.verification.snapshots import position, rows, snapshot
from drawdown.verification.usage_days import SUMS, is_day

PROJECTION: Final = "balance"

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

_KEYS: Final = {
    "accounts": ("customer_id", "unit"),
    "lots": ("customer_id", "unit", "lot_id"),
    "holds": ("customer_id", "unit", "hold_id"),
}

Differ = Callable[[str, str, str, str, str], None]
"""Notes a difference: table, explanation, account, what was expected, what was found."""
_Key = tuple[str, ...]


class ReadModel:
    """What the balance projection shows of one partition, in one snapshot."""

    def __init__(self, connection: Connection, partition: int) -> None:
        self._connection = connection
        self._partition = partition

    def partition_seq(self) -> int:
        """The last entry that it shows."""
        return position(self._connection, self._partition)

    def compare(
        self, accounts: list[Account], differ: Differ, *, everything: bool
    ) -> tuple[int, int, int]:
        """Hold it against the folded accounts; how many accounts, lots and holds were compared.

        The fold must stand at the read model's `partition_seq`. `everything`: these are all the
        accounts that there are, so that the partition's every row is looked at.
        """
        folded: dict[_Key, Account] = {(each.customer_id, each.unit): each for each in accounts}
        lots: dict[_Key, Lot] = {
            (*key, lot.lot_id): lot for key, each in folded.items() for lot in each.lots.values()
        }
        holds: dict[_Key, Hold] = {
            (*key, hold.hold_id): hold
            for key, each in folded.items()
            for hold in each.holds.values()
        }
        of = None if everything else list(folded)
        self._compare("accounts", _ACCOUNT, folded, differ, of)
        self._compare("lots", _LOT, lots, differ, of)
        self._compare("holds", _HOLD, holds, differ, of)
        self._count_holds(folded, differ, of)
        return len(folded), len(lots), len(holds)

    def check_usage(
        self, sums: dict[Period, list[int]], differ: Differ, *, everything: bool
    ) -> tuple[int, int]:
        """Hold the sums by meter, day and hour against it; how many days and hours there are."""
        days = {period: told for period, told in sums.items() if is_day(period)}
        hours = {period: told for period, told in sums.items() if not is_day(period)}
        self._check_usage("usage_daily", "day", days, differ, everything=everything)
        self._check_usage("usage_hourly", "hour", hours, differ, everything=everything)
        return len(days), len(hours)

    def _check_usage(
        self,
        table: str,
        column: str,
        sums: dict[Period, list[int]],
        differ: Differ,
        *,
        everything: bool,
    ) -> None:
        unseen = dict(sums)
        columns = ("customer_id", "unit", "meter", f"{column}::text", *SUMS)
        of: list[_Key] | None = None if everything else list(dict.fromkeys(key[:2] for key in sums))
        for row in rows(
            self._connection, table, columns, self._partition, of=of, named_by="accounts"
        ):
            period = (row[0], row[1], row[2], row[3])
            told = unseen.pop(period, None)
            account = f"{period[0]} ({period[1]})"
            if told is None:
                if not everything and period not in sums:
                    # It wasn't touched since the checkpoint, which vouches for it.
                    continue
                why = f"{period} is shown, but the ledger has none"
                differ(table, why, account, "no row", str(row[4:]))
            elif list(row[4:]) != told:
                why = f"{period} is {row[4:]}, the ledger says {tuple(told)}"
                named = ", ".join(SUMS)
                differ(table, why, account, f"{named}: {told}", f"{named}: {row[4:]}")
        for period in sorted(unseen):
            account = f"{period[0]} ({period[1]})"
            differ(table, f"{period} is missing", account, str(unseen[period]), "no row")

    def count_entries(self, after_seq: int, to_seq: int, differ: Differ) -> None:
        """As many rows as entries after `after_seq`: keys are unique, so none is missing."""
        row = self._connection.execute(
            "SELECT count(*) FROM entries WHERE partition = %s AND partition_seq > %s",
            [self._partition, after_seq],
        ).fetchone()
        found, expected = 0 if row is None else row[0], to_seq - after_seq
        if found != expected:
            why = f"{found} rows show {expected} entries"
            differ("entries", why, "", f"{expected} rows", f"{found} rows")

    def _compare(
        self,
        table: str,
        columns: tuple[str, ...],
        folded: Mapping[_Key, Account | Lot | Hold],
        differ: Differ,
        of: list[_Key] | None,
    ) -> None:
        key = _KEYS[table]
        unseen = set(folded)
        for row in rows(self._connection, table, (*key, *columns), self._partition, of=of):
            name, shown = row[: len(key)], row[len(key) :]
            account = f"{name[0]} ({name[1]})"
            value = folded.get(name)
            unseen.discard(name)
            if value is None:
                if table == "holds" and of is not None and shown[0] != "open":
                    continue  # It ended before the checkpoint, and changes no more.
                why = f"{name} is shown, but the ledger has none"
                differ(table, why, account, "no row", "a row")
                continue
            for column, is_shown in zip(columns, shown, strict=True):
                told = _told(value, column)
                if is_shown != told:
                    why = f"{name}: {column} is {is_shown!r}, the ledger says {told!r}"
                    differ(table, why, account, f"{column} {told!r}", f"{column} {is_shown!r}")
        for name in sorted(unseen):
            differ(table, f"{name} is missing", f"{name[0]} ({name[1]})", "a row", "no row")

    def _count_holds(
        self, folded: dict[_Key, Account], differ: Differ, of: list[_Key] | None
    ) -> None:
        """Holds that ended before the checkpoint are counted only."""
        if of is None:
            return
        counts: Counter[_Key] = Counter()
        for row in rows(self._connection, "holds", ("customer_id", "unit"), self._partition, of=of):
            counts[row[0], row[1]] += 1
        for key, account in folded.items():
            if counts[key] != account.holds_placed:
                why = f"{key} has {counts[key]} holds, the ledger says {account.holds_placed}"
                expected, found = f"{account.holds_placed} holds", f"{counts[key]} holds"
                differ("holds", why, f"{key[0]} ({key[1]})", expected, found)


@contextmanager
def read_model(
    settings: Settings, partition: int, *, from_seq: int, within_s: float
) -> Iterator[ReadModel]:
    """The read model once it shows entry `from_seq`, or as it is after `within_s`.

    Raises `Unavailable`, or `DatabaseRefused` where no projector has made its tables yet.
    """
    with snapshot(
        settings, PROJECTION, partition, from_seq=from_seq, within_s=within_s
    ) as connection:
        yield ReadModel(connection, partition)


def _told(value: Account | Lot | Hold, column: str) -> object:
    told = getattr(value, column)
    return None if column == "expires_at" and told == NEVER else told
