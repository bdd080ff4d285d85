"""Ledgers in the revenue projection's tables, without a broker, and what reports say of them."""

from collections import Counter
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from drawdown.adapters.postgres.connections import connect
from drawdown.adapters.postgres.migrations import migrate
from drawdown.adapters.postgres.store import PostgresProjectionStore
from drawdown.domain.entries import LedgerEntry
from drawdown.revenue_projector.projection import RevenueProjection
from drawdown.settings import Settings
from drawdown.verification.revenue_days import RevenueDays
from drawdown.verification.revenue_model import RevenueModel
from tests.projection.batches import Given

FIGURES = (
    *("billed", "recognized", "breakage", "refunded", "chargeback", "adjusted", "transferred"),
    *("receivable", "returned", "contra", "disputed"),
)


class Books:
    """The revenue tables of a schema of their own."""

    def __init__(self, settings: Settings, name: str = "revenue", zone: str = "UTC") -> None:
        self._settings = settings
        self._schema = settings.database_schema(name)
        projection = RevenueProjection(zone=ZoneInfo(zone))
        migrate(settings, self._schema, projection.migrations)
        self.zone = ZoneInfo(zone)
        self._store = PostgresProjectionStore(
            settings, schema=self._schema, application="test", writer=projection.write
        )

    def project(self, entries: Sequence[LedgerEntry], batch: int = 5_000) -> None:
        """Write the entries that follow what is there, so many in one transaction."""
        position = self._store.claim(entries[0].source_partition)
        new = entries[position.partition_seq :]
        for start in range(0, len(new), batch):
            portion = new[start : start + batch]
            position = self._store.write(position, Given(portion, portion[-1].partition_seq))

    def rows(self, statement: str) -> list[tuple[object, ...]]:
        """What a query gives."""
        with connect(self._settings, application="test", schema=self._schema) as connection:
            return connection.execute(statement.encode()).fetchall()

    def close(self) -> None:
        """Leave the database."""
        self._store.close()

    def empty(self) -> None:
        """Begin anew."""
        tables = "days, lots, adjustments, overage, closes, breakage_policies, position"
        with connect(self._settings, application="test", schema=self._schema) as connection:
            connection.execute(f"TRUNCATE {tables}".encode())
            connection.commit()

    def differences(self, entries: Sequence[LedgerEntry]) -> list[str]:
        """What the rows show otherwise than the entries, told one by one."""
        told = RevenueDays(self.zone)
        for entry in entries:
            told.add(entry)
        found: list[str] = []

        def differ(where: str, why: str, account: str, expected: str, shown: str) -> None:
            found.append(f"{where}: {why}")

        with connect(self._settings, application="test", schema=self._schema) as connection:
            RevenueModel(connection, entries[0].source_partition).compare(told, differ)
        return found

    def total(self, lot_id: str = "", until: str = "9999-01-01") -> Counter[str]:
        """The figures of a lot, or of all, on days before `until`; and what is deferred then."""
        sums = ", ".join(f"coalesce(sum({each}_minor), 0)::bigint" for each in FIGURES)
        [row] = self.rows(
            f"SELECT {sums} FROM days WHERE day < '{until}' AND lot_id LIKE '{lot_id or '%'}'"
        )
        found = Counter(dict(zip(FIGURES, map(int, map(str, row)), strict=True)))
        found["deferred"] = found["billed"] + found["transferred"]
        for each in ("recognized", "breakage", "refunded", "chargeback", "adjusted"):
            found["deferred"] -= found[each]
        return found
