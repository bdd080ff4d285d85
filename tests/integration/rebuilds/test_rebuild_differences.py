"""Rebuilds whose rows differ from the live ones: named, refused, accepted, and repaired."""

from dataclasses import replace
from pathlib import Path

import pytest
from confluent_kafka import Producer
from tests.integration.projecting import await_true, balance_projector, rows, running
from tests.integration.rebuilding import (
    OPTIONS,
    change,
    projected,
    rebuilt,
    schemas_like,
    silent,
)
from tests.integration.test_balance_projector import differences
from tests.plugins.sealed_ledger import SealedLedger, publish

from drawdown.adapters.kafka.topics import create_topics
from drawdown.adapters.postgres.connections import Cursor
from drawdown.adapters.postgres.migrations import migrate
from drawdown.adapters.postgres.store import PostgresProjectionStore, Slices
from drawdown.errors import RowsReplaced, UsageError
from drawdown.projection.rebuild import abandon, rebuild
from drawdown.settings import Settings

pytestmark = pytest.mark.integration


TAMPERINGS = {
    "UPDATE accounts SET balance = balance + 7 WHERE customer_id = 'acme'": "balance is ",
    "DELETE FROM lots WHERE customer_id = 'zenith'": "stands in the rebuilt rows only",
    "INSERT INTO usage_daily VALUES ('nobody', 'credit', 'm', '2026-01-01', 1, 0, 0, 0, 0, 0)": (
        "customer_id nobody, unit credit, meter m, day 2026-01-01 stands in the live rows only"
    ),
    "UPDATE entries SET details = '{}' WHERE partition = 0 AND partition_seq = 3": "details is {}",
    "UPDATE position SET next_offset = next_offset + 1 WHERE partition = 1": "position: partition",
    "ALTER TABLE holds ADD COLUMN whim text": "holds: column whim stands in the live rows only",
    "ALTER TABLE usage_hourly RENAME COLUMN hour TO clock": "column clock stands in the live rows",
}


def test_rows_that_differ_are_named_and_stay_unless_told(
    settings: Settings, ledgers: tuple[SealedLedger, SealedLedger]
) -> None:
    projected(settings, *ledgers)
    for statement in TAMPERINGS:
        change(settings, statement)
    refused = rebuilt(settings)
    said = "\n".join(map(str, refused.differences))
    assert not refused.swapped
    assert [part for part in TAMPERINGS.values() if part not in said] == [], said
    # Of the customer's two lots, both; of the renamed column, both names; of all else one.
    assert refused.difference_count == len(TAMPERINGS) + 2, said
    few = rebuilt(settings, replace(OPTIONS, differences_named=2))
    assert (few.difference_count, len(few.differences)) == (refused.difference_count, 2)
    assert few.resumed
    assert few.loaded == 0
    accepted = rebuilt(settings, replace(OPTIONS, accept_differences=True, keep_old=True))
    assert accepted.swapped
    assert accepted.old_schema == settings.database_schema("balance") + "_replaced"
    projected(settings, *ledgers)
    assert schemas_like(settings)[-1] == accepted.old_schema
    assert rebuilt(settings).swapped, "what was kept is dropped by the next swap"
    assert schemas_like(settings) == [settings.database_schema("balance")]


def test_a_partition_of_a_table_that_is_gone_differs_row_by_row(
    settings: Settings, ledgers: tuple[SealedLedger, SealedLedger]
) -> None:
    projected(settings, *ledgers)
    change(settings, "DROP TABLE entries_1")
    refused = rebuilt(settings, replace(OPTIONS, differences_named=3))
    _, other = ledgers
    assert refused.difference_count == len(other.entries)
    assert [str(each) for each in refused.differences] == [
        f"entries: partition 1, partition_seq {seq} stands in the rebuilt rows only"
        for seq in (1, 2, 3)
    ]


class Bare:
    """A projection whose table has no key."""

    name = "bare"
    publication = None

    def __init__(self, migrations: Path) -> None:
        self.migrations = migrations

    def write(self, cursor: Cursor, slices: Slices) -> None:
        raise AssertionError("nothing is to be loaded")


def test_a_table_without_a_primary_key_is_refused_before_anything_is_loaded(
    settings: Settings, ledgers: tuple[SealedLedger, SealedLedger], tmp_path: Path
) -> None:
    (tmp_path / "bare-0001.sql").write_text("CREATE TABLE bare (number bigint)")
    migrate(settings, settings.database_schema("bare"), tmp_path)
    with pytest.raises(UsageError, match="table bare of bare has no primary key"):
        rebuild(settings, lambda _: Bare(tmp_path), OPTIONS, silent)
    assert abandon(settings, "bare") == [settings.database_schema("bare") + "_rebuild"]


def test_what_differed_is_published_again_and_writers_claim_at_once(
    settings: Settings, ledgers: tuple[SealedLedger, SealedLedger]
) -> None:
    projected(settings, *ledgers)
    change(settings, "UPDATE position SET published = partition_seq - 1")
    published = "SELECT partition_seq - published, replaced FROM position ORDER BY partition"
    assert rebuilt(settings).swapped
    assert rows(settings, published) == [(1, 0), (1, 0)]
    schema = settings.database_schema("balance")
    store = PostgresProjectionStore(
        settings, schema=schema, application="test", writer=lambda cursor, entries: None
    )
    position = store.claim(0)
    change(settings, "UPDATE lots SET spent = spent + 1 WHERE customer_id = 'zenith'")
    assert rebuilt(settings, replace(OPTIONS, accept_differences=True)).swapped
    assert rows(settings, published) == [(len(each.entries), 1) for each in ledgers]
    with pytest.raises(RowsReplaced):
        store.unpublished(position, 1)
    assert store.unpublished(store.claim(0), 5).up_to_seq == 5
    store.close()


def test_what_changed_since_the_comparison_is_compared_too(
    settings: Settings, producer: Producer, ledgers: tuple[SealedLedger, SealedLedger]
) -> None:
    one, _ = ledgers
    projected(settings, *ledgers)
    written = len(one.entries)
    one.live(["acme", "late"], 3)
    publish(settings, producer, one, written)
    spoiled: list[bool] = []

    def meanwhile(doing: str, done: int, total: int) -> None:
        if doing == "swapping" and not spoiled:
            projected(settings, *ledgers)
            change(settings, "UPDATE lots SET spent = spent + 1 WHERE customer_id = 'late'")
            spoiled.append(True)

    refused = rebuilt(settings, tell=meanwhile)
    assert not refused.swapped
    assert {each.table for each in refused.differences} == {"lots"}
    assert "spent is" in str(refused.differences[0])


def test_a_partition_that_halted_on_wrong_rows_is_repaired(
    settings: Settings, producer: Producer, ledgers: tuple[SealedLedger, SealedLedger]
) -> None:
    one, other = ledgers
    projected(settings, one, other)
    # A lot that no grant opened stands where the next one's row must go.
    named = '{"customer_id": "later", "lot_id": "grant-later-0"}'
    stray = f"SELECT (jsonb_populate_record(l, '{named}')).* FROM lots AS l LIMIT 1"
    change(settings, f"INSERT INTO lots {stray}")
    written = len(one.entries)
    one.live(["later"], 5)
    publish(settings, producer, one, written)
    projector = balance_projector(settings)
    with running(projector):
        await_true(lambda: 0 in projector.halted, "partition 0 halts")
        assert not rebuilt(settings).swapped
        assert rebuilt(settings, replace(OPTIONS, accept_differences=True)).swapped
    projected(settings, one, other)


def test_rows_of_another_topic_are_replaced(settings: Settings, producer: Producer) -> None:
    longer = SealedLedger(settings, 0)
    longer.live(["acme", "zenith"], 40)
    elsewhere = settings.model_copy(update={"namespace": settings.namespace + "-x"})
    create_topics(elsewhere)
    publish(elsewhere, producer, longer)
    with running(balance_projector(elsewhere)):
        assert differences(elsewhere, longer) == []
    old, live = (each.database_schema("balance") for each in (elsewhere, settings))
    change(settings, f"ALTER SCHEMA {old} RENAME TO {live}", schema="")
    shorter = SealedLedger(settings, 0)
    shorter.live(["acme"], 20)
    publish(settings, producer, shorter)
    # By one worker, who comes to the position last.
    refused = rebuilt(settings, replace(OPTIONS, workers=1, differences_named=3))
    assert not refused.swapped
    assert refused.differences[0].table == "position"
    assert len(refused.differences) == 3
    assert rebuilt(settings, replace(OPTIONS, accept_differences=True)).swapped
    projected(settings, shorter)
