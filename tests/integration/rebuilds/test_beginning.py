"""Rebuilds that begin with rows of an earlier day."""

from dataclasses import replace

import pytest
from confluent_kafka import Producer
from tests.integration.projecting import balance_projector, rows, running
from tests.integration.rebuilding import (
    OPTIONS,
    change,
    killed_at,
    projected,
    rebuilt,
    schemas_like,
    silent,
    told_and_projected,
)
from tests.integration.test_balance_projector import differences
from tests.plugins.sealed_ledger import SealedLedger, publish
from typer.testing import CliRunner

from drawdown.cli import app
from drawdown.cli.projections import PROJECTIONS
from drawdown.errors import UsageError
from drawdown.projection.rebuild import Options, Outcome, rebuild
from drawdown.settings import Settings, current

pytestmark = pytest.mark.integration

INDEXES = """
SELECT tablename, indexname FROM pg_indexes WHERE schemaname = current_schema() ORDER BY 1, 2
"""


def backed_up(settings: Settings) -> str:
    """A schema with the rows that are live now, as a backup of today has them."""
    outcome = rebuilt(settings, replace(OPTIONS, keep_old=True))
    backup = f"{settings.database_schema('balance')}_backup"
    change(settings, f"ALTER SCHEMA {outcome.old_schema} RENAME TO {backup}", schema="")
    return backup


def gone_on(
    settings: Settings, producer: Producer, ledgers: tuple[SealedLedger, SealedLedger]
) -> int:
    """A day goes by, and is projected; how many entries came."""
    one, _ = ledgers
    written = len(one.entries)
    one.live(["acme", "later"], 12)
    publish(settings, producer, one, written)
    for each in ledgers:
        assert differences(settings, each) == []
    return len(one.entries) - written


def begun_with(settings: Settings, schema: str) -> Outcome:
    return rebuilt(settings, replace(OPTIONS, begin_with=schema))


def test_only_what_came_since_a_backup_is_loaded(
    settings: Settings, producer: Producer, ledgers: tuple[SealedLedger, SealedLedger]
) -> None:
    projected(settings, *ledgers)
    indexes = rows(settings, INDEXES)
    backup = backed_up(settings)
    with running(balance_projector(settings)):
        came = gone_on(settings, producer, ledgers)
    outcome = begun_with(settings, backup)
    assert (outcome.swapped, outcome.difference_count, outcome.resumed) == (True, 0, False)
    assert outcome.loaded == came
    assert outcome.entries == sum(len(each.entries) for each in ledgers)
    assert rows(settings, INDEXES) == indexes
    assert schemas_like(settings) == [settings.database_schema("balance"), backup]
    with running(balance_projector(settings)):
        gone_on(settings, producer, ledgers)


def test_what_a_backup_has_wrong_differs(
    settings: Settings, producer: Producer, ledgers: tuple[SealedLedger, SealedLedger]
) -> None:
    projected(settings, *ledgers)
    backup = backed_up(settings)
    change(settings, f"UPDATE {backup}.accounts SET debt = 5 WHERE customer_id = 'c'", schema="")
    with running(balance_projector(settings)):
        gone_on(settings, producer, ledgers)
    outcome = begun_with(settings, backup)
    assert not outcome.swapped
    assert [str(each) for each in outcome.differences] == [
        "accounts: customer_id c, unit credit: debt is 0 live, 5 rebuilt"
    ]


def test_a_killed_rebuild_goes_on_with_what_was_copied(
    settings: Settings, producer: Producer, ledgers: tuple[SealedLedger, SealedLedger]
) -> None:
    projected(settings, *ledgers)
    backup = backed_up(settings)
    with running(balance_projector(settings)):
        came = gone_on(settings, producer, ledgers)
    killed_at(settings, "building indexes", begin_with=backup)
    with pytest.raises(UsageError, match="has begun already"):
        begun_with(settings, backup)
    outcome = rebuilt(settings)
    assert (outcome.swapped, outcome.difference_count, outcome.resumed) == (True, 0, True)
    assert outcome.loaded < came


def test_what_can_not_be_begun_with_is_refused_and_leaves_nothing(
    settings: Settings, producer: Producer, ledgers: tuple[SealedLedger, SealedLedger]
) -> None:
    projected(settings, *ledgers)
    live = settings.database_schema("balance")
    backup = backed_up(settings)
    with pytest.raises(UsageError, match="there is no schema nowhere"):
        begun_with(settings, "nowhere")
    with pytest.raises(UsageError, match="holds the live rows"):
        begun_with(settings, live)
    change(settings, f"UPDATE {backup}.position SET partition_seq = 9999", schema="")
    with pytest.raises(UsageError, match="it stands at entry 9,999, and the live rows at"):
        begun_with(settings, backup)
    change(settings, f"ALTER TABLE {backup}.lots ADD COLUMN further integer", schema="")
    with pytest.raises(UsageError, match="its table lots isn't as the migrations"):
        begun_with(settings, backup)
    outcome = rebuilt(settings)
    assert (outcome.swapped, outcome.difference_count) == (True, 0)
    assert outcome.loaded == outcome.entries, "nothing of the backup was copied"


@pytest.mark.parametrize("name", PROJECTIONS)
def test_every_projection_can_begin_with_rows_that_were_kept(
    settings: Settings, producer: Producer, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with told_and_projected(settings, producer, name) as told:
        options = Options(workers=2, late_indexes=told.known.late_indexes, keep_old=True)
        kept = rebuild(settings, told.known.build, options, silent).old_schema
        monkeypatch.setenv("DRAWDOWN_NAMESPACE", settings.namespace)
        monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", settings.kafka_bootstrap_servers)
        monkeypatch.setenv("DATABASE_URL", settings.database_url)
        current.cache_clear()
        done = CliRunner().invoke(app, ["rebuild", name, "--from", kept])
        current.cache_clear()
    assert done.exit_code == 0, done.output
    assert done.stderr.startswith("copying rows")
    assert rows(settings, told.stands) == [(told.entries,)]


def test_a_projector_goes_on_in_rows_that_began_with_others(
    settings: Settings, producer: Producer, ledgers: tuple[SealedLedger, SealedLedger]
) -> None:
    projected(settings, *ledgers)
    backup = backed_up(settings)
    projector = balance_projector(settings)
    with running(projector):
        outcome = begun_with(settings, backup)
        assert (outcome.swapped, outcome.loaded) == (True, 0)
        gone_on(settings, producer, ledgers)
        assert projector.halted == {}
