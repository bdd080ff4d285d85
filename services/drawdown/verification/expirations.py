"""The fold of the ledger against the expiration read model, row by row."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from drawdown.adapters.postgres.connections import Connection
from drawdown.domain.accounts import Account
from drawdown.domain.entries import PARTITION_CUSTOMER, LedgerEntry
from drawdown.domain.lots import Lot
from drawdown.domain.numbers import NEVER
from drawdown.domain.reminders import Agenda, WeekOf
from drawdown.settings import Settings
from drawdown.verification.read_model import Differ
from drawdown.verification.snapshots import position, rows, snapshot

PROJECTION: Final = "expiration"

_LOT_KEY: Final = ("customer_id", "unit", "lot_id")
_LOT: Final = (
    *("lot_seq", "kind", "reason", "campaign", "granted", "remaining", "reserved", "expired"),
    *("price_minor", "currency", "released_minor", "effective_at", "expires_at", "freezes"),
    "frozen_since",
)
_EXPIRED: Final = ("expired_at", "breakage_minor")
_EXPIRATION: Final = (*_LOT_KEY, "partition_seq")
_EXPIRATION_SAYS: Final = ("amount", "breakage_minor", "currency", "expired_at", "recorded_at")
_REMINDER: Final = (*_LOT_KEY, "expires_at", "days")
_REMINDER_SAYS: Final = ("due_at", "amount")

_Rows = dict[tuple[object, ...], tuple[object, ...]]
"""What rows say, by their keys."""


class ToldExpirations:
    """What one partition's entries, all from its start, tell beyond the state of accounts."""

    def __init__(self, week_of: WeekOf) -> None:
        """`week_of` gives the weeks of the reporting zone."""
        self._week_of = week_of
        self._agendas: dict[tuple[str, str], Agenda] = {}
        self.expirations: Final[_Rows] = {}
        self.expired: Final[dict[tuple[str, str, str], tuple[int | None, int]]] = {}
        """When something of a lot expired last, and the breakage of it."""

    def look_at(self, entry: LedgerEntry) -> None:
        """Take the partition's next entry."""
        facts = entry.facts
        if facts.customer_id == PARTITION_CUSTOMER:
            return
        account = (facts.customer_id, facts.unit)
        agenda = self._agendas.get(account)
        if agenda is None:
            agenda = self._agendas[account] = Agenda(self._week_of)
        agenda.look_at(facts)
        if facts.type != "expiration":
            return
        for part in facts.allocations:
            lot = (*account, part.lot_id)
            said = (part.amount, part.released_minor, part.currency)
            at = (facts.effective_at, facts.recorded_at)
            self.expirations[(*lot, entry.partition_seq)] = (*said, *at)
            breakage_minor = self.expired.get(lot, (None, 0))[1] + part.released_minor
            self.expired[lot] = (facts.effective_at, breakage_minor)

    def reminders(self) -> _Rows:
        """Every reminder, due or to come, by what is known; no more entries may follow."""
        rows: _Rows = {}
        for agenda in self._agendas.values():
            agenda.finish()
            for each in agenda.told:
                lot = (each.customer_id, each.unit, each.lot_id)
                rows[(*lot, each.expires_at, each.days)] = (each.due_at, each.amount)
        return rows


class ExpirationModel:
    """What the expiration projection shows of one partition, in one snapshot."""

    def __init__(self, connection: Connection, partition: int) -> None:
        self._connection = connection
        self._partition = partition

    def partition_seq(self) -> int:
        """The last entry that it shows."""
        return position(self._connection, self._partition)

    def compare(
        self,
        accounts: Sequence[Account],
        differ: Differ,
        *,
        everything: bool,
        told: ToldExpirations | None = None,
    ) -> int:
        """Hold it against the folded accounts; how many lots were compared.

        The fold must stand at the read model's `partition_seq`. `everything`: these are all the
        accounts that there are. What expired when, breakage and reminders no account remembers:
        they are compared where `told` has taken all entries up to there.
        """
        lots = {
            (account.customer_id, account.unit, lot.lot_id): lot
            for account in accounts
            for lot in account.lots.values()
        }
        columns = _LOT if told is None else (*_LOT, *_EXPIRED)
        expected: _Rows = {key: _says(key, lot, told) for key, lot in lots.items()}
        of = None if everything else accounts
        self._compare("lots", _LOT_KEY, columns, expected, differ, of)
        if told is not None:
            assert everything, "what is told is told of all accounts"
            said = told.expirations
            self._compare("expirations", _EXPIRATION, _EXPIRATION_SAYS, said, differ)
            self._compare("reminders", _REMINDER, _REMINDER_SAYS, told.reminders(), differ)
        return len(lots)

    def _compare(
        self,
        table: str,
        key: tuple[str, ...],
        columns: tuple[str, ...],
        expected: _Rows,
        differ: Differ,
        of: Sequence[Account] | None = None,
    ) -> None:
        unseen = set(expected)
        among = None if of is None else [(each.customer_id, each.unit) for each in of]
        for row in rows(self._connection, table, (*key, *columns), self._partition, of=among):
            name, shown = row[: len(key)], row[len(key) :]
            account = f"{name[0]} ({name[1]})"
            says = expected.get(name)
            if says is None or name not in unseen:
                why = f"{name} is shown, but the ledger has none"
                if says is not None:
                    why = f"{name} is shown twice"
                differ(table, why, account, "no row", "a row")
                continue
            unseen.discard(name)
            for column, is_shown, is_told in zip(columns, shown, says, strict=True):
                if is_shown != is_told:
                    why = f"{name}: {column} is {is_shown!r}, the ledger says {is_told!r}"
                    differ(table, why, account, f"{column} {is_told!r}", f"{column} {is_shown!r}")
        for name in sorted(unseen, key=repr):
            differ(table, f"{name} is missing", f"{name[0]} ({name[1]})", "a row", "no row")


@contextmanager
def expiration_model(
    settings: Settings, partition: int, *, from_seq: int, within_s: float
) -> Iterator[ExpirationModel]:
    """The read model once it shows entry `from_seq`, or as it is after `within_s`.

    Raises `Unavailable`, or `DatabaseRefused` where no projector has made its tables yet.
    """
    with snapshot(
        settings, PROJECTION, partition, from_seq=from_seq, within_s=within_s
    ) as connection:
        yield ExpirationModel(connection, partition)


def _says(key: tuple[str, str, str], lot: Lot, told: ToldExpirations | None) -> tuple[object, ...]:
    says = [getattr(lot, name) for name in _LOT]
    says[_LOT.index("expires_at")] = None if lot.expires_at == NEVER else lot.expires_at
    return tuple(says) if told is None else (*says, *told.expired.get(key, (None, 0)))
