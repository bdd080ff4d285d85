"""Entries written by the expiration projection into a real database, and what its rows show."""

from collections.abc import Sequence

from drawdown.adapters.postgres.connections import connect, translated
from drawdown.adapters.postgres.migrations import migrate
from drawdown.adapters.postgres.store import PostgresProjectionStore
from drawdown.adapters.weeks import Weeks
from drawdown.domain.accounts import Account
from drawdown.domain.entries import LedgerEntry
from drawdown.expiration_projector.projection import ExpirationProjection
from drawdown.settings import Settings
from drawdown.verification.expirations import ToldExpirations, expiration_model
from tests.projection.batches import Given

WITHIN_S = 30.0
# A transaction that needn't reach the disk: tables are emptied for each of many examples.
_EMPTY = """
SET synchronous_commit TO off;
DELETE FROM lots; DELETE FROM expirations; DELETE FROM reminders_told; DELETE FROM position
"""


class Written:
    """The rows of one partition's ledger, in a schema of this test's own."""

    def __init__(self, settings: Settings, *, zone: str = "UTC") -> None:
        self.settings = settings
        self._week_of = Weeks(zone)
        self._projection = ExpirationProjection(week_of=self._week_of, publication=None)
        self._schema = settings.database_schema(self._projection.name)
        migrate(settings, self._schema, self._projection.migrations)

    def write(self, entries: Sequence[LedgerEntry], *, batch: int) -> None:
        """Empty the tables, and write a partition's entries, so many at a time."""
        self.rows(_EMPTY)
        store = PostgresProjectionStore(
            self.settings,
            schema=self._schema,
            application="test",
            writer=self._projection.write,
        )
        position = store.claim(entries[0].source_partition)
        for start in range(0, len(entries), batch):
            position = store.write(position, Given(entries[start : start + batch], start))
        store.close()

    def differences(self, entries: Sequence[LedgerEntry], accounts: list[Account]) -> list[str]:
        """What the rows show otherwise than the ledger's fold."""
        told = ToldExpirations(self._week_of)
        for entry in entries:
            told.look_at(entry)
        found: list[str] = []

        def differ(where: str, why: str, account: str, expected: str, got: str) -> None:
            found.append(f"{where}: {why}")

        seq, partition = entries[-1].partition_seq, entries[0].source_partition
        with expiration_model(self.settings, partition, from_seq=seq, within_s=WITHIN_S) as model:
            assert model.partition_seq() == seq
            lots = model.compare(accounts, differ, everything=True, told=told)
        assert lots == sum(len(each.lots) for each in accounts)
        return found

    def rows(self, statement: str) -> list[tuple[object, ...]]:
        """What a statement in the projection's schema gives; it is committed."""
        with (
            translated(),
            connect(self.settings, application="test", schema=self._schema) as connection,
        ):
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []
