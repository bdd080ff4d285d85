"""Rebuilds on the real broker and the real database: while load runs, and killed half way."""

import json
from dataclasses import replace
from multiprocessing import active_children

import pytest
from confluent_kafka import Producer
from tests.integration.projecting import (
    await_true,
    balance_projector,
    positions,
    rows,
    running,
)
from tests.integration.rebuilding import (
    OPTIONS,
    change,
    killed_at,
    load,
    projected,
    published,
    rebuilt,
    schemas_like,
    silent,
    small,
)
from tests.integration.test_balance_projector import differences
from tests.integration.told import ToldLedger, publish_told
from tests.plugins.sealed_ledger import SealedLedger, publish
from typer.testing import CliRunner

from drawdown.adapters.kafka.topics import create_topics
from drawdown.adapters.postgres.store import PostgresProjectionStore
from drawdown.cli import app
from drawdown.cli.projections import PROJECTIONS
from drawdown.errors import DecodeFailed, RowsReplaced, Unavailable
from drawdown.projection.rebuild import Options, abandon, rebuild, standing
from drawdown.projection.service import assemble
from drawdown.settings import Settings, current

pytestmark = pytest.mark.integration

EPOCHS = "SELECT partition, epoch FROM position ORDER BY 1"
INDEXES = """
SELECT tablename, indexname FROM pg_indexes WHERE schemaname = current_schema() ORDER BY 1, 2
"""


LOADERS = """
SELECT count(*)::int FROM pg_stat_activity
WHERE application_name LIKE '%rebuild%' AND datname = current_database()
"""
BY_PROCESSES = replace(OPTIONS, processes_from=0)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return small(settings)


@pytest.fixture
def ledgers(settings: Settings, producer: Producer) -> tuple[SealedLedger, SealedLedger]:
    """Two partitions' ledgers, in the topic."""
    return published(settings, producer)


def test_a_rebuild_under_load_swaps_unnoticed_by_the_projector(
    settings: Settings, producer: Producer, ledgers: tuple[SealedLedger, SealedLedger]
) -> None:
    one, other = ledgers
    projector = balance_projector(settings)
    with running(projector):
        assert differences(settings, one) == differences(settings, other) == []
        epochs, indexes = rows(settings, EPOCHS), rows(settings, INDEXES)
        with load(settings, producer, one):
            before = positions(settings)
            outcome = rebuilt(settings)
            at_swap = positions(settings)
        assert outcome.swapped
        assert (outcome.difference_count, outcome.resumed) == (0, False)
        assert outcome.loaded == outcome.entries
        assert int(str(at_swap[0])) > int(str(before[0])), "load ran meanwhile"
        written = len(one.entries)
        one.live(["after"], 12)
        publish(settings, producer, one, written)
        assert differences(settings, one) == differences(settings, other) == []
        # Nobody had to claim anything again.
        assert rows(settings, EPOCHS) == epochs
        assert projector.halted == {}
    assert rows(settings, INDEXES) == indexes
    assert schemas_like(settings) == [settings.database_schema("balance")]


@pytest.mark.parametrize(
    "doing",
    [
        "loading",
        "building indexes",
        "waiting for the projectors",
        "comparing lots",
        "swapping",
        "dropping the old rows",
    ],
)
def test_a_rebuild_that_was_killed_is_gone_on_with(
    settings: Settings, ledgers: tuple[SealedLedger, SealedLedger], doing: str
) -> None:
    with running(balance_projector(settings)):
        for each in ledgers:
            assert differences(settings, each) == []
        killed_at(settings, doing)
        assert len(schemas_like(settings)) == 2
        outcome = rebuilt(settings)
        for each in ledgers:
            assert differences(settings, each) == []
    assert outcome.swapped
    assert (outcome.difference_count, outcome.resumed) == (0, True)
    total = sum(len(each.entries) for each in ledgers)
    assert outcome.entries == total
    assert outcome.loaded < total, "what was built is built again"
    assert schemas_like(settings) == [settings.database_schema("balance")]


def test_processes_load_what_threads_do(
    settings: Settings, producer: Producer, ledgers: tuple[SealedLedger, SealedLedger]
) -> None:
    one, _ = ledgers
    with running(balance_projector(settings)):
        for each in ledgers:
            assert differences(settings, each) == []
        with load(settings, producer, one):
            outcome = rebuilt(settings, BY_PROCESSES)
        assert (outcome.swapped, outcome.difference_count) == (True, 0)
        for each in ledgers:
            assert differences(settings, each) == []
    assert active_children() == []


def test_processes_end_with_the_rebuild_that_was_killed(
    settings: Settings, ledgers: tuple[SealedLedger, SealedLedger]
) -> None:
    projected(settings, *ledgers)
    killed_at(settings, "loading", processes=True)
    await_true(lambda: rows(settings, LOADERS) == [(0,)], "its processes have left the database")
    outcome = rebuilt(settings)
    assert (outcome.swapped, outcome.difference_count, outcome.resumed) == (True, 0, True)
    assert outcome.loaded < outcome.entries, "what was built is built again"


def test_a_loading_process_that_is_killed_ends_the_rebuild_and_the_next_goes_on(
    settings: Settings, ledgers: tuple[SealedLedger, SealedLedger]
) -> None:
    projected(settings, *ledgers)

    def kill(doing: str, done: int, total: int) -> None:
        if doing == "loading":
            for process in active_children():
                process.kill()

    with pytest.raises(Unavailable, match="was killed; run it again"):
        rebuilt(settings, BY_PROCESSES, kill)
    assert active_children() == []
    outcome = rebuilt(settings, BY_PROCESSES)
    assert (outcome.swapped, outcome.difference_count, outcome.resumed) == (True, 0, True)


@pytest.mark.parametrize("options", [OPTIONS, BY_PROCESSES], ids=["threads", "processes"])
def test_a_ledger_that_can_not_be_read_ends_the_rebuild(
    settings: Settings,
    producer: Producer,
    ledgers: tuple[SealedLedger, SealedLedger],
    options: Options,
) -> None:
    projected(settings, *ledgers)
    # The live rows are said to stand an entry further, where no entry is.
    topic = settings.topic("ledger-entries")
    producer.begin_transaction()
    producer.produce(topic, partition=1, key=b"zenith", value=b"\x00\x00\x00\x00\x00no entry")
    producer.commit_transaction(30)
    change(settings, "UPDATE position SET partition_seq = partition_seq + 1 WHERE partition = 1")
    with pytest.raises(DecodeFailed, match="schema id 0"):
        rebuilt(settings, options)
    assert active_children() == []


def test_of_two_rebuilds_the_second_one_is_refused(
    settings: Settings, ledgers: tuple[SealedLedger, SealedLedger]
) -> None:
    projected(settings, *ledgers)
    said: list[str] = []

    def meanwhile(doing: str, done: int, total: int) -> None:
        if doing == "building indexes":
            for act in (rebuilt, lambda of: abandon(of, "balance")):
                with pytest.raises(Unavailable, match="another rebuild of balance is at work"):
                    act(settings)
            said.append(standing(settings, "balance").state)
            assert standing(settings, "balance").running

    assert rebuilt(settings, tell=meanwhile).swapped
    assert said == ["loading"]
    found = standing(settings, "balance")
    assert (found.running, found.state, found.entries) == (False, "none", 0)


TAMPERINGS = {
    "UPDATE accounts SET balance = balance + 7 WHERE customer_id = 'acme'": "balance is ",
    "DELETE FROM lots WHERE customer_id = 'zenith'": "stands in the rebuilt rows only",
    "INSERT INTO usage_daily VALUES ('nobody', 'credit', 'm', '2026-01-01', 1, 0, 0, 0, 0, 0)": (
        "customer_id nobody, unit credit, meter m, day 2026-01-01 stands in the live rows only"
    ),
    "UPDATE entries SET details = '{}' WHERE partition = 0 AND partition_seq = 3": "details is {}",
    "UPDATE position SET next_offset = next_offset + 1 WHERE partition = 1": "position: partition",
    "ALTER TABLE holds ADD COLUMN whim text": "holds: column whim stands in the live rows only",
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
    # Of the customer's two lots, both; of all else one.
    assert refused.difference_count == len(TAMPERINGS) + 1, said
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


def test_a_projector_that_is_behind_goes_on_after_the_swap(
    settings: Settings, producer: Producer, ledgers: tuple[SealedLedger, SealedLedger]
) -> None:
    one, other = ledgers
    projected(settings, one, other)
    reached, written = len(one.entries), len(other.entries)
    one.live(["much", "more"], 60)
    other.live(["still", "most"], 60)
    publish(settings, producer, one, reached)
    publish(settings, producer, other, written)
    outcome = rebuilt(settings)
    assert outcome.swapped
    assert outcome.entries == reached + written, "it goes no further than the live rows"
    projected(settings, one, other)


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
    refused = rebuilt(settings)
    assert not refused.swapped
    assert "position" in {each.table for each in refused.differences}
    assert rebuilt(settings, replace(OPTIONS, accept_differences=True)).swapped
    projected(settings, shorter)


def test_the_command_line_says_what_it_does(
    settings: Settings,
    ledgers: tuple[SealedLedger, SealedLedger],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DRAWDOWN_NAMESPACE", settings.namespace)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", settings.kafka_bootstrap_servers)
    monkeypatch.setenv("DATABASE_URL", settings.database_url)
    current.cache_clear()
    nothing = CliRunner().invoke(app, ["rebuild", "balance"])
    assert nothing.exit_code == 2
    assert "nothing to rebuild; start its projector" in nothing.stderr
    projected(settings, *ledgers)
    total = sum(len(each.entries) for each in ledgers)
    built = CliRunner().invoke(app, ["rebuild", "balance", "--no-swap"])
    assert built.exit_code == 0, built.output
    assert built.stderr.splitlines()[:2] == ["loading", "building indexes"]
    stands = CliRunner().invoke(app, ["rebuild", "balance", "--status", "--json"])
    found = json.loads(stands.stdout)
    assert (found["running"], found["state"], found["entries"]) == (False, "comparing", total)
    change(settings, "UPDATE accounts SET debt = 5 WHERE customer_id = 'c'")
    refused = CliRunner().invoke(app, ["rebuild", "balance"])
    assert refused.exit_code == 1
    assert "accounts: customer_id c, unit credit: debt is 5 live, 0 rebuilt" in refused.stdout
    dropped = CliRunner().invoke(app, ["rebuild", "balance", "--abandon", "--json"])
    assert json.loads(dropped.stdout) == {"dropped": [schemas_like(settings)[0] + "_rebuild"]}
    told = CliRunner().invoke(app, ["rebuild", "balance", "--accept-differences", "--json"])
    assert told.exit_code == 0, told.output
    outcome = json.loads(told.stdout)
    assert (outcome["swapped"], outcome["loaded"], outcome["difference_count"]) == (True, total, 1)
    assert CliRunner().invoke(app, ["rebuild", "unheard-of"]).exit_code == 2
    current.cache_clear()


@pytest.mark.parametrize("name", PROJECTIONS)
def test_every_projection_can_be_rebuilt(settings: Settings, producer: Producer, name: str) -> None:
    told = ToldLedger(settings, "every_kind_of_entry")
    publish_told(settings, producer, told)
    projection, known = PROJECTIONS[name].build(settings), PROJECTIONS[name]
    schema = settings.database_schema(name)
    stands = f"SELECT partition_seq FROM {schema}.position WHERE partition_seq > 0"
    with running(assemble(settings, f"{name}_projector", projection)):
        await_true(lambda: rows(settings, stands) == [(len(told.entries),)], "all is projected")
        indexes = rows(settings, INDEXES.replace("current_schema()", f"'{schema}'"))
        options = Options(workers=2, late_indexes=known.late_indexes)
        outcome = rebuild(settings, known.build, options, silent)
        assert outcome.swapped
        assert (outcome.difference_count, outcome.entries) == (0, len(told.entries))
        assert rows(settings, INDEXES.replace("current_schema()", f"'{schema}'")) == indexes
