"""What the bare side sends is what the projection sends: it leaves the same rows."""

import pytest

from drawdown.adapters.postgres.connections import connect
from drawdown.adapters.postgres.migrations import migrate
from drawdown.adapters.postgres.store import PostgresProjectionStore
from drawdown.settings import Settings
from tests.benchmarks.projections import BALANCE, Recorder, played
from tests.plugins.sealed_ledger import SealedLedger
from tests.projection.batches import Given

pytestmark = pytest.mark.integration

TABLES = ("accounts", "lots", "holds", "entries", "usage_daily")


def test_played_statements_leave_the_recorded_rows(settings: Settings) -> None:
    ledger = SealedLedger(settings)
    ledger.live(["acme", 'quo"te\\d'], 40)
    recorder = Recorder(BALANCE.build(settings))
    schemas = [settings.database_schema(name) for name in ("recorded", "played")]
    for schema in schemas:
        migrate(settings, schema, recorder.migrations)
    store = PostgresProjectionStore(
        settings, schema=schemas[0], application="test", writer=recorder.write
    )
    position = store.claim(0)
    for start in range(0, len(ledger.entries), 30):
        part = ledger.entries[start : start + 30]
        position = store.write(position, Given(part, start + len(part)))
    store.close()
    assert len(recorder.batches) > 2
    assert played(settings, schemas[1], recorder.batches) > 0
    first, second = (tables(settings, schema) for schema in schemas)
    assert first == second
    assert len(first["entries"]) == len(ledger.entries) == recorder.entries


def tables(settings: Settings, schema: str) -> dict[str, list[tuple[object, ...]]]:
    """Every row of the tables."""
    with connect(settings, application="test", schema=schema) as connection:
        found = {
            name: connection.execute(f"SELECT * FROM {name}".encode()).fetchall() for name in TABLES
        }
    # In whatever order the database has them.
    return {name: sorted(rows, key=str) for name, rows in found.items()}
