"""The audit, of a namespace that the real processor and the real projector have served."""

import json
import time
from collections.abc import Callable
from typing import Literal

import pytest
from tests.domain.building import card
from tests.integration.auditing import (
    PATIENCE_S,
    Inputs,
    explanations,
    processor,
    send_everything,
    served,
)
from tests.integration.projecting import WITHIN_S, balance_projector, running
from tests.plugins.sealed_ledger import SealedLedger, publish
from typer.testing import CliRunner

from drawdown.adapters.kafka.clients import transactional_producer
from drawdown.adapters.kafka.topics import create_topics
from drawdown.adapters.postgres.connections import connect
from drawdown.cli import app
from drawdown.domain.inputs import (
    ApplyRateCard,
    CaptureHold,
    Grant,
    HoldUsage,
    NoteDispute,
    PlaceHold,
    Tick,
)
from drawdown.domain.numbers import MICRO
from drawdown.settings import Settings, current
from drawdown.verification import Report, verify

pytestmark = pytest.mark.integration


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Two partitions, and cards that are in force at once."""
    small = settings.model_copy(update={"partitions": 2, "rate_card_lead_s": 0})
    create_topics(small)
    return small


def test_everything_adds_up(settings: Settings) -> None:
    with processor(settings), running(balance_projector(settings)):
        send_everything(settings)
        report = verify(settings, within_s=PATIENCE_S)
        inputs = Inputs(settings)
        inputs.use("customer-1", "event-3", 3)
        inputs.use("customer-1", "one-more", 1)
        inputs.flush()
        later = verify(settings, within_s=PATIENCE_S)
        anew = verify(settings, within_s=PATIENCE_S, full=True)
    # An audit reads what is new, and comes to what one from the start comes to. The event that was
    # sent again occurs later than the first: another body of its id.
    assert later.ok, explanations(later)
    assert anew.ok, explanations(anew)
    assert (later.entries_read, later.rows, anew.entries_read) == (2, 2, anew.entries)
    assert later.totals() == anew.totals()
    assert (later.events - report.events, later.coverage) == (2, 1.0)
    assert report.ok, explanations(report)
    assert (report.events, report.commands) == (8 * 20, 8 * 3 + 2)
    # Events 0 to 14 ask for 105 credits of 100.
    assert (report.granted, report.credits_charged) == (800 * MICRO, 800 * MICRO)
    assert report.uncovered == 8 * 5 * MICRO
    assert report.duplicates == 8 * 3
    assert report.rejected == {"event_id_conflict": 8, "no_rate": 8, "invalid_amount": 8}
    assert report.dead_letters.total() == 8
    assert report.replies == 8 * 3 + 2
    assert (report.rows, report.days) == (report.entries, 8)
    assert report.hours >= report.days
    assert (report.accounts, report.lots) == (8, 8)
    told = json.loads(json.dumps(report.as_json()))
    assert (told["ok"], told["credits_charged"]) == (True, "800")


def send_what_changes_nothing(settings: Settings) -> None:
    """A charge that a capture repeats, a dispute told twice, ticks with nothing due."""
    inputs = Inputs(settings)
    inputs.send(
        ApplyRateCard(card=card(effective_from=inputs.now + 30 * MICRO)), "card", "$partition"
    )
    bought = Grant(
        amount=100 * MICRO,
        kind="purchased",
        price_minor=999,
        currency="USD",
        payment_id="p",
        referral_id="lonely",
    )
    inputs.send(bought, "grant", "acme")
    states: tuple[Literal["opened", "won"], ...] = ("opened", "opened", "won")
    for state in states:
        notice = NoteDispute(dispute_id="d", payment_id="p", state=state)
        inputs.send(notice, f"notice-{len(inputs.sent)}", "acme")
    expires_at = inputs.now + 3600 * MICRO
    held = PlaceHold(hold_id="h", amount=5 * MICRO, meter="tokens", expires_at=expires_at)
    inputs.send(held, "hold", "acme")
    inputs.flush()
    time.sleep(1.0)
    usage = HoldUsage(
        event_id="e",
        meter="tokens",
        occurred_at=inputs.now + 60 * MICRO,
        status="succeeded",
        properties={},
        quantities={"tokens": 2 * MICRO},
    )
    inputs.send(CaptureHold(hold_id="h", usage=usage, final=False), "capture-1", "acme")
    inputs.send(CaptureHold(hold_id="h", usage=usage, final=False), "capture-2", "acme")
    inputs.send(Tick(), "tick", "$partition")
    inputs.flush()
    time.sleep(1.0)
    inputs.use("acme", "e", 2)
    inputs.flush()


def test_what_changes_nothing_is_explained_by_what_did(settings: Settings) -> None:
    with processor(settings), running(balance_projector(settings)):
        send_what_changes_nothing(settings)
        report = verify(settings, within_s=PATIENCE_S)
    assert report.ok, explanations(report)
    assert (report.duplicates, report.idle_ticks) == (3, 2)
    assert (report.lots, report.holds) == (1, 1)
    assert report.one_sided_referrals == ["lonely"]


def published_of(report: Report) -> int:
    """Differences of what was published of rows before they were touched, as far as it was."""
    return sum(each.where == "balances" for each in report.differences)


def test_a_read_model_that_was_touched_is_named(settings: Settings) -> None:
    served(settings)
    changes = (
        "UPDATE accounts SET balance = balance + 1 WHERE customer_id = 'customer-1'",
        "DELETE FROM lots WHERE customer_id = 'customer-2'",
        "DELETE FROM entries WHERE customer_id = 'customer-3' AND account_seq = 4",
        "UPDATE usage_daily SET drawn = drawn + 1 WHERE customer_id = 'customer-4'",
        "UPDATE usage_hourly SET events = events + 1 WHERE customer_id = 'customer-5'",
    )
    schema = settings.database_schema("balance")
    with connect(settings, application="test", schema=schema) as connection:
        for change in changes:
            connection.execute(change.encode())
    # What was compared before is swept again; an entry's row isn't.
    again = verify(settings, within_s=PATIENCE_S)
    said = explanations(again)
    assert (again.difference_count - published_of(again), again.entries_read) == (4, 0), said
    assert "('customer-1', 'credit'): balance is 1, the ledger says 0" in said
    assert "('customer-2', 'credit', 'grant-2') is missing" in said
    assert "100000001, 0, 0, 5000000), the ledger says (15, 105000000, 100000000" in said
    assert ":00:00') is (16, " in said
    report = verify(settings, within_s=PATIENCE_S, full=True)
    said = explanations(report)
    assert "rows show" in said
    assert report.difference_count - published_of(report) == 6, said


def test_inputs_that_nobody_decided_are_named(settings: Settings) -> None:
    with running(balance_projector(settings)):
        inputs = Inputs(settings)
        inputs.use("customer-1", "lost", 1)
        inputs.garbage("customer-1", b"not parked")
        inputs.flush()
        report = verify(settings, within_s=1.0)
    said = explanations(report)
    assert report.difference_count == 2, said
    assert "(customer-1, lost) was never decided" in said
    assert "can't be decoded, but isn't parked" in said


def test_a_projector_that_is_behind_is_named(settings: Settings) -> None:
    ledger = SealedLedger(settings)
    ledger.begin()
    balance_projector(settings)
    _publish(settings, ledger)
    report = verify(settings, within_s=0.5)
    assert "entry 0 of 1 is shown: does the projector run?" in explanations(report)


def _tampered(ledger: SealedLedger) -> None:
    """One byte of an entry's facts: its customer's name."""
    at = ledger.values[4].index(b"acme")
    ledger.values[4] = ledger.values[4][:at] + b"acne" + ledger.values[4][at + 4 :]


def _gap(ledger: SealedLedger) -> None:
    del ledger.entries[5], ledger.values[5]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_tampered, "the hash isn't that of the entry's facts"),
        (_gap, "entry 7 (u-0-3-0) follows 5; nothing after it can be checked"),
    ],
)
def test_a_ledger_that_was_changed_is_named(
    settings: Settings, change: Callable[[SealedLedger], None], said: str
) -> None:
    ledger = SealedLedger(settings)
    ledger.live(["acme"], 12)
    change(ledger)
    balance_projector(settings)
    _publish(settings, ledger)
    report = verify(settings, within_s=0.1)
    assert not report.ok
    assert said in explanations(report)


def _publish(settings: Settings, ledger: SealedLedger) -> None:
    writer = transactional_producer(settings, f"{settings.namespace}-test")
    writer.init_transactions(WITHIN_S)
    publish(settings, writer, ledger)


def test_the_command_line_leaves_with_1_on_a_difference(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRAWDOWN_NAMESPACE", settings.namespace)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", settings.kafka_bootstrap_servers)
    monkeypatch.setenv("DATABASE_URL", settings.database_url)
    monkeypatch.setenv("DRAWDOWN_DATA_DIR", str(settings.data_dir))
    current.cache_clear()
    balance_projector(settings)
    whole = CliRunner().invoke(app, ["verify", "--json"])
    assert whole.exit_code == 0, whole.output
    assert json.loads(whole.stdout)["ok"] is True
    inputs = Inputs(settings)
    inputs.use("customer-1", "lost", 1)
    inputs.flush()
    wrong = CliRunner().invoke(app, ["verify", "--wait", "0.1"])
    assert wrong.exit_code == 1
    assert wrong.stdout.startswith("First difference: usage-events [")
    assert "(customer-1, lost) was never decided" in wrong.stdout
    current.cache_clear()
