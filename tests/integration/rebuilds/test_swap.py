"""The swap of a rebuild: what readers see of it, and who depends on what is replaced."""

import threading
from dataclasses import replace

import pytest
from confluent_kafka import Producer
from psycopg import errors
from tests.integration.projecting import (
    WITHIN_S,
    balance_projector,
    rows,
    running,
)
from tests.integration.rebuilding import (
    OPTIONS,
    change,
    load,
    projected,
    rebuilt,
    schemas_like,
)
from tests.integration.test_balance_projector import differences
from tests.plugins.sealed_ledger import SealedLedger

from drawdown.adapters.postgres.connections import connect
from drawdown.errors import UsageError
from drawdown.projection.rebuild import abandon, swapping
from drawdown.settings import Settings

pytestmark = pytest.mark.integration


CONSISTENT = """
SELECT a.customer_id, a.balance - sum(l.remaining) + a.overdraft + a.debt, max(p.partition_seq)
FROM {0}accounts a JOIN {0}lots l USING (customer_id, unit)
    JOIN {0}position p ON p.partition = a.partition
GROUP BY a.customer_id, a.balance, a.overdraft, a.debt
ORDER BY a.customer_id
"""


class Reader(threading.Thread):
    """Asks again and again; balances and lots must agree, be there, and never go back."""

    def __init__(self, settings: Settings, *, schema: str, query: str, repeatable: bool) -> None:
        super().__init__(name="reader")
        self._settings, self._schema, self._query = settings, schema, query
        self._repeatable = repeatable
        self._stopping = threading.Event()
        self.wrong: list[str] = []
        self.answers = 0

    def run(self) -> None:
        try:
            with connect(self._settings, application="test", schema=self._schema) as connection:
                newest = 0
                while not self._stopping.wait(0.002):
                    if self._repeatable:
                        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                    found = connection.execute(self._query.encode()).fetchall()
                    again = connection.execute(self._query.encode()).fetchall()
                    connection.rollback()
                    self._look(found, newest)
                    if self._repeatable and again != found:
                        self.wrong.append(f"one snapshot told two stories: {found}, then {again}")
                    newest = max((row[2] for row in found), default=0)
                    self.answers += 1
        except Exception as error:
            self.wrong.append(repr(error))

    def stop(self) -> None:
        self._stopping.set()
        self.join(WITHIN_S)

    def _look(self, found: list[tuple[object, ...]], newest: int) -> None:
        if not found:
            self.wrong.append("an empty answer")
        self.wrong += [f"{row[0]}: balance and lots differ" for row in found if row[1] != 0]
        if max((int(str(row[2])) for row in found), default=0) < newest:
            self.wrong.append("an older answer than before")


def test_readers_notice_nothing_of_a_swap(
    settings: Settings, producer: Producer, ledgers: tuple[SealedLedger, SealedLedger]
) -> None:
    one, _ = ledgers
    live = settings.database_schema("balance")
    by_path = {"schema": live, "query": CONSISTENT.format("")}
    by_name = {"schema": "", "query": CONSISTENT.format(f"{live}.")}
    with running(balance_projector(settings)):
        for each in ledgers:
            assert differences(settings, each) == []
        readers = [
            Reader(settings, repeatable=repeatable, **how)
            for how in (by_path, by_name)
            for repeatable in (False, True)
        ]
        for reader in readers:
            reader.start()
        try:
            with load(settings, producer, one):
                for _ in range(3):
                    assert rebuilt(settings).swapped
        finally:
            for reader in readers:
                reader.stop()
        assert [wrong for reader in readers for wrong in reader.wrong] == []
        assert min(reader.answers for reader in readers) > 10
        for each in ledgers:
            assert differences(settings, each) == []


def test_a_swap_waits_for_a_gap_between_readers(
    settings: Settings, ledgers: tuple[SealedLedger, SealedLedger]
) -> None:
    projected(settings, *ledgers)
    live = settings.database_schema("balance")
    swapping = threading.Event()

    def tell(doing: str, done: int, total: int) -> None:
        if doing == "swapping":
            swapping.set()

    with connect(settings, application="test", schema=live) as connection:
        connection.execute("SELECT count(*) FROM lots").fetchall()
        thread = threading.Thread(target=lambda: rebuilt(settings, tell=tell), name="rebuild")
        thread.start()
        assert swapping.wait(WITHIN_S)
        # Others read on, behind the one that reads for long.
        for _ in range(5):
            assert rows(settings, "SELECT count(*) FROM accounts") == [(4,)]
        assert thread.is_alive()
        connection.rollback()
        thread.join(WITHIN_S)
    assert schemas_like(settings) == [live]
    assert rows(settings, "SELECT count(*) FROM accounts") == [(4,)]


def test_while_no_table_is_vacuumed_others_read_write_and_add_tables(
    settings: Settings, ledgers: tuple[SealedLedger, SealedLedger]
) -> None:
    projected(settings, *ledgers)
    live = settings.database_schema("balance")
    with (
        connect(settings, application="test") as connection,
        connect(settings, application="test", schema=live) as other,
        swapping.unvacuumed(connection, live),
    ):
        other.execute("SET lock_timeout TO '1s'")
        assert other.execute("SELECT count(*) FROM entries").fetchone() == (170,)
        other.execute("UPDATE accounts SET held = held")
        other.execute("CREATE TABLE entries_7 (LIKE entries INCLUDING ALL)")
        other.execute("ALTER TABLE entries ATTACH PARTITION entries_7 FOR VALUES IN (7)")
        other.rollback()
        # As a vacuum does.
        with pytest.raises(errors.LockNotAvailable):
            other.execute("LOCK TABLE entries_0 IN SHARE UPDATE EXCLUSIVE MODE NOWAIT")
        other.rollback()


def test_a_vacuum_that_goes_on_is_a_reader_that_leaves_no_gap(
    settings: Settings,
    ledgers: tuple[SealedLedger, SealedLedger],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    projected(settings, *ledgers)
    live = settings.database_schema("balance")
    monkeypatch.setattr(swapping, "_VACUUM_S", 0.1)
    with (
        connect(settings, application="test") as connection,
        connect(settings, application="test", schema=live) as vacuuming,
    ):
        vacuuming.execute("LOCK TABLE lots IN SHARE UPDATE EXCLUSIVE MODE")
        with pytest.raises(swapping.Readers), swapping.unvacuumed(connection, live):
            pytest.fail("the table is being vacuumed")
        vacuuming.rollback()
        with swapping.unvacuumed(connection, live):
            pass


def test_who_could_read_the_old_rows_can_read_the_new_ones(
    settings: Settings, ledgers: tuple[SealedLedger, SealedLedger]
) -> None:
    projected(settings, *ledgers)
    live, role = settings.database_schema("balance"), f"analyst_{settings.database_schema('r')}"
    for statement in (
        f"CREATE ROLE {role}",
        f"GRANT USAGE ON SCHEMA {live} TO {role}",
        f"GRANT SELECT ON {live}.accounts TO {role}",
        f"GRANT SELECT ON {live}.lots TO PUBLIC",
    ):
        change(settings, statement, schema="")
    assert rebuilt(settings).swapped
    with connect(settings, application="test") as connection:
        connection.execute(f"SET ROLE {role}".encode())
        found = connection.execute(f"SELECT count(*) FROM {live}.accounts".encode()).fetchall()
        assert found == [(4,)]
        found = connection.execute(f"SELECT count(*) FROM {live}.lots".encode()).fetchall()
        assert found == [(8,)]


def test_views_of_other_schemas_are_never_dropped(
    settings: Settings, ledgers: tuple[SealedLedger, SealedLedger]
) -> None:
    projected(settings, *ledgers)
    live, ours = settings.database_schema("balance"), settings.database_schema("reports")
    view = f"CREATE VIEW {ours}.owed AS SELECT customer_id, debt FROM {live}.accounts"
    change(settings, f"CREATE SCHEMA {ours}; {view}", schema="")
    with pytest.raises(UsageError, match="owed"):
        rebuilt(settings)
    assert rebuilt(settings, replace(OPTIONS, keep_old=True)).swapped
    with pytest.raises(UsageError, match="owed"):
        abandon(settings, "balance")
    change(settings, f"DROP VIEW {ours}.owed; {view}", schema="")
    assert abandon(settings, "balance") == [live + "_replaced"]
    assert rows(settings, f"SELECT count(*) FROM {ours}.owed") == [(4,)]
