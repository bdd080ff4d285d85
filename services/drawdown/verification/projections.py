"""The projections beside the balance: each holds its rows against the fold by a few lines here.

What a projection says that no account remembers (what expired when, revenue by day) is told by the
entries from the first on. So all of it is compared where everything is audited; else the lots of
the accounts that were touched, and some others.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final, Protocol

from drawdown.adapters.postgres.connections import Connection
from drawdown.adapters.weeks import Weeks
from drawdown.adapters.zones import zone_named
from drawdown.domain.accounts import Account
from drawdown.domain.entries import LedgerEntry
from drawdown.settings import Settings
from drawdown.verification import expirations, revenue_model
from drawdown.verification.expirations import ExpirationModel, ToldExpirations
from drawdown.verification.read_model import Differ
from drawdown.verification.revenue_days import RevenueDays
from drawdown.verification.revenue_model import RevenueModel

Compared = Counter[str]
"""How many rows were compared, by what they are."""


class Comparison(Protocol):
    """One projection against the fold of one partition."""

    @property
    def projection(self) -> str:
        """Its short name."""

    def look_at(self, entry: LedgerEntry) -> None:
        """Take the partition's next entry."""

    def compare(
        self, connection: Connection, partition: int, accounts: Sequence[Account], differ: Differ
    ) -> Compared:
        """Hold the rows against the folded accounts, both at the same entry."""


def comparisons(settings: Settings, *, everything: bool) -> list[Comparison]:
    """Those of the projections beside the balance.

    `everything`: they will be shown each entry from the first, and all accounts.
    """
    return [_Expirations(settings, everything), _Revenue(settings, everything)]


class _Expirations:
    projection: Final = expirations.PROJECTION

    def __init__(self, settings: Settings, everything: bool) -> None:
        weeks = Weeks(settings.reporting_zone)
        self._told = ToldExpirations(weeks) if everything else None

    def look_at(self, entry: LedgerEntry) -> None:
        if self._told is not None:
            self._told.look_at(entry)

    def compare(
        self, connection: Connection, partition: int, accounts: Sequence[Account], differ: Differ
    ) -> Compared:
        told = self._told
        model = ExpirationModel(connection, partition)
        lots = model.compare(accounts, differ, everything=told is not None, told=told)
        return Counter({"lots of expiration": lots})


class _Revenue:
    projection: Final = revenue_model.PROJECTION

    def __init__(self, settings: Settings, everything: bool) -> None:
        zone = zone_named(settings.reporting_zone)
        self._told = RevenueDays(zone) if everything else None

    def look_at(self, entry: LedgerEntry) -> None:
        if self._told is not None:
            self._told.add(entry)

    def compare(
        self, connection: Connection, partition: int, accounts: Sequence[Account], differ: Differ
    ) -> Compared:
        if self._told is not None:
            days = RevenueModel(connection, partition).compare(self._told, differ)
            return Counter({"days of revenue": days})
        return Counter({"lots of revenue": _deferred(connection, accounts, differ)})


_DEFERRED: Final = """
SELECT customer_id, unit, lot_id, sum(
    billed_minor + transferred_minor - recognized_minor - breakage_minor - refunded_minor
    - chargeback_minor - adjusted_minor + advance_minor
)::bigint
FROM days WHERE (customer_id, unit) IN (SELECT * FROM unnest(%s::text[], %s::text[]))
GROUP BY customer_id, unit, lot_id
"""


def _deferred(connection: Connection, accounts: Sequence[Account], differ: Differ) -> int:
    """What of each lot's price isn't released must be deferred, but for breakage that was taken in
    advance; how many lots there are."""
    of = [[each.customer_id for each in accounts], [each.unit for each in accounts]]
    shown = {row[:3]: row[3] for row in connection.execute(_DEFERRED, of)}
    lots = {
        (account.customer_id, account.unit, lot.lot_id): lot.price_minor - lot.released_minor
        for account in accounts
        for lot in account.lots.values()
    }
    for name in sorted(lots.keys() | shown.keys()):
        if lots.get(name) != shown.get(name):
            told, found = (str(each.get(name, "no row")) for each in (lots, shown))
            why = f"{name}: {found} is deferred, the ledger says {told}"
            account = f"{name[0]} ({name[1]})"
            differ("days", why, account, f"deferred {told}", f"deferred {found}")
    return len(lots)
