"""A month's statement from the real read model, held against the entries themselves."""

import csv
import io
import json
from collections import Counter
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from confluent_kafka import Producer
from tests.domain.building import CREDIT, UNIT, command, usage
from tests.integration.projecting import await_true, balance_projector, positions, running
from tests.integration.told import ToldLedger, publish_told
from tests.plugins.sealed_ledger import SealedLedger, publish
from typer.testing import CliRunner, Result

from drawdown.adapters.documents.times import parse_time
from drawdown.adapters.kafka.topics import create_topics
from drawdown.adapters.postgres.connections import connect, translated
from drawdown.adapters.postgres.snapshots import snapshot
from drawdown.cli.application import app
from drawdown.domain.accounts import Account
from drawdown.domain.entries import LedgerEntry
from drawdown.domain.evolve import fold
from drawdown.domain.inputs import Grant
from drawdown.domain.numbers import DAY_US, NEVER
from drawdown.errors import LedgerCorrupt, UsageError
from drawdown.settings import Settings
from drawdown.statements.monthly import Statement
from drawdown.statements.months import day_of, month_of
from drawdown.statements.movements import read_statement

pytestmark = pytest.mark.integration

UTC = ZoneInfo("UTC")
MONTHS = [f"2026-{number:02}" for number in range(1, 9)]
OVERTAKEN = parse_time("2026-03-10T12:00:00Z")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """One partition, and batches so small that one ledger takes many."""
    small = settings.model_copy(update={"partitions": 1, "projector_batch": 7})
    create_topics(small)
    return small


@pytest.fixture
def told(settings: Settings, producer: Producer) -> ToldLedger:
    """A ledger with every kind of entry, projected."""
    ledger = ToldLedger(settings, "every_kind_of_entry")
    publish_told(settings, producer, ledger)
    project(settings, len(ledger.entries))
    return ledger


def project(settings: Settings, entries: int) -> None:
    with running(balance_projector(settings)):
        await_true(lambda: positions(settings).get(0) == entries, "all is projected")


def read(
    settings: Settings, customer: str, month: str, zone: ZoneInfo = UTC, unit: str = "credit"
) -> Statement:
    with snapshot(settings, "balance") as connection:
        found = read_statement(connection, customer, unit, month_of(month, zone), zone)
    assert found is not None
    return found


def folded(entries: list[LedgerEntry], upto: int) -> Account:
    """The account of these entries after its entry `upto`."""
    first = entries[0].facts
    account = Account(first.customer_id, first.unit)
    for entry in entries[:upto]:
        fold(account, entry.facts)
    return account


def by_account(entries: list[LedgerEntry]) -> dict[tuple[str, str], list[LedgerEntry]]:
    found: dict[tuple[str, str], list[LedgerEntry]] = {}
    for entry in entries:
        found.setdefault((entry.facts.customer_id, entry.facts.unit), []).append(entry)
    return {key: each for key, each in found.items() if key[0] != "$partition"}


def hold_against_fold(statement: Statement, entries: list[LedgerEntry]) -> None:
    account = folded(entries, statement.closing_seq)
    figures = ("balance", "held", "overdraft", "debt", "overage_total")
    assert statement.closing == tuple(getattr(account, name) for name in figures)
    assert {lot.lot_id: lot for lot in statement.lots}.keys() == {
        lot.lot_id for lot in account.lots.values() if lot.remaining
    }
    for shown in statement.lots:
        lot = account.lots[shown.lot_id]
        assert (shown.remaining, shown.reserved) == (lot.remaining, lot.reserved)
        expires_at = NEVER if shown.expires_at is None else shown.expires_at
        assert (expires_at, shown.frozen) == (lot.expires_at, bool(lot.freezes))


def test_every_month_ties_and_joins_the_next(settings: Settings, told: ToldLedger) -> None:
    accounts = by_account(told.entries)
    assert len(accounts) > 1
    for (customer, unit), entries in accounts.items():
        every = [read(settings, customer, month, unit=unit) for month in MONTHS]
        for statement in every:
            hold_against_fold(statement, entries)
        for one, following in pairwise(every):
            assert following.opening == one.closing
            assert following.opening_seq == one.closing_seq
        assert every[0].opening_seq == 0
        assert every[-1].closing_seq == len(entries)


def test_a_movement_is_what_its_day_s_entries_of_a_kind_come_to(
    settings: Settings, told: ToldLedger
) -> None:
    entries = by_account(told.entries)["acme", "credit"]
    january = read(settings, "acme", "2026-01")
    expected: Counter[tuple[str, str]] = Counter()
    for entry in entries[january.opening_seq : january.closing_seq]:
        kind = {"deduction": "usage"}.get(entry.facts.type, entry.facts.type)
        expected[day_of(entry.facts.recorded_at, UTC), kind] += entry.facts.amount
    found: Counter[tuple[str, str]] = Counter()
    for each in january.movements:
        found[each.day, each.kind] += each.moved.balance
    assert {key: amount for key, amount in found.items() if amount} == {
        key: amount for key, amount in expected.items() if amount
    }
    assert {each.of for each in january.movements if each.kind == "usage"} == {"work"}
    assert {each.of for each in january.movements if each.kind == "grant"} >= {
        "purchased",
        "promotional",
    }


def test_days_and_months_are_the_reporting_zone_s(settings: Settings, told: ToldLedger) -> None:
    west = ZoneInfo("America/Los_Angeles")
    december = read(settings, "acme", "2025-12", west)
    assert december.entries > 0, "midnight of January 1 UTC is still December there"
    assert {each.day for each in december.movements} == {"2025-12-31"}
    assert read(settings, "acme", "2025-12").entries == 0


def overtaken(settings: Settings, producer: Producer) -> SealedLedger:
    """Usage of March that waited while a command of April overtook it."""
    ledger = SealedLedger(settings)
    ledger.begin()
    april = parse_time("2026-04-01T00:00:01Z")
    granted = Grant(amount=100 * CREDIT, kind="promotional")
    ledger.decide(command(granted, "g1", issued_at=OVERTAKEN), OVERTAKEN)
    ledger.decide(command(granted, "g2", issued_at=april), april)
    late = usage("e1", occurred_at=OVERTAKEN, quantities={"tokens": 7 * UNIT})
    ledger.decide(late, OVERTAKEN + DAY_US)
    publish(settings, producer, ledger)
    project(settings, len(ledger.entries))
    return ledger


def test_a_month_that_was_followed_never_changes(settings: Settings, producer: Producer) -> None:
    entries = by_account(overtaken(settings, producer).entries)
    [((customer, _), [first, second, late])] = entries.items()
    assert late.facts.recorded_at < second.facts.recorded_at
    march, april = (read(settings, customer, f"2026-{month}") for month in ("03", "04"))
    assert (march.final, march.entries, march.closing.balance) == (True, 1, first.facts.balance)
    assert (april.final, april.entries, april.closing.balance) == (False, 2, late.facts.balance)
    # It shows on the day of what it follows.
    assert [(each.day, each.kind) for each in april.movements] == [
        ("2026-04-01", "grant"),
        ("2026-04-01", "usage"),
    ]


@pytest.mark.parametrize(
    ("spoil", "told_by"),
    [
        ("UPDATE entries SET amount = amount + 1 WHERE type = 'deduction'", "movements lead to"),
        ("UPDATE lots SET remaining = remaining + 1 WHERE remaining > 0", "the lots come to"),
    ],
)
def test_what_does_not_tie_is_not_shown(
    settings: Settings, told: ToldLedger, spoil: str, told_by: str
) -> None:
    schema = settings.database_schema("balance")
    with translated(), connect(settings, application="test", schema=schema) as connection:
        connection.execute(spoil.encode())
    with pytest.raises(LedgerCorrupt, match=told_by):
        read(settings, "acme", "2026-01")


def run(settings: Settings, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Result:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", settings.kafka_bootstrap_servers)
    monkeypatch.setenv("DATABASE_URL", settings.database_url)
    return CliRunner().invoke(app, ["--namespace", settings.namespace, *arguments])


def test_the_command_shows_it_in_three_forms(
    settings: Settings, told: ToldLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    month = ("statement", "acme", "--month", "2026-01")
    document = json.loads(run(settings, monkeypatch, *month, "--json").stdout)
    assert document["freshness"]["records_behind"] == 0
    assert document["final"]
    listed = run(settings, monkeypatch, *month, "--csv").stdout
    lines = list(csv.DictReader(io.StringIO(listed)))
    assert [lines[0]["kind"], lines[-1]["kind"]] == ["opening", "closing"]
    assert len(lines) == len(document["movements"]) + 2
    assert lines[-2]["balance_after"] == lines[-1]["balance_after"]
    assert lines[-1]["balance_after"] == document["closing"]["balance"]
    shown = run(settings, monkeypatch, *month).stdout
    assert "acme in credit, 2026-01 (UTC)" in shown
    assert "up to date" in shown
    assert document["lots"][0]["lot_id"] in shown


def test_the_command_says_what_can_not_be_shown(
    settings: Settings, told: ToldLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = run(settings, monkeypatch, "statement", "nobody", "--month", "2026-01")
    assert (nobody.exit_code, "no account" in nobody.stderr) == (1, True)
    assert run(settings, monkeypatch, "statement", "acme", "--month", "2026-13").exit_code == 2
    later = run(settings, monkeypatch, "statement", "acme", "--month", "9000-01")
    assert (later.exit_code, "hasn't begun" in later.stderr) == (2, True)


def test_a_projection_that_never_ran_is_said(settings: Settings) -> None:
    with (
        pytest.raises(UsageError, match="no balance_projector has run"),
        snapshot(settings, "balance") as connection,
    ):
        connection.execute("SELECT 1 FROM accounts")
