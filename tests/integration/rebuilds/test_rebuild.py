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
from drawdown.errors import DecodeFailed, Unavailable
from drawdown.projection.rebuild import Options, abandon, rebuild, standing
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
    with told_and_projected(settings, producer, name) as told:
        its_indexes = INDEXES.replace("current_schema()", f"'{told.schema}'")
        indexes = rows(settings, its_indexes)
        options = Options(workers=2, late_indexes=told.known.late_indexes)
        outcome = rebuild(settings, told.known.build, options, silent)
        assert outcome.swapped
        assert (outcome.difference_count, outcome.entries) == (0, told.entries)
        assert rows(settings, its_indexes) == indexes
