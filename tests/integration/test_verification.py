"""The audit, of a namespace that the real processor and the real projector have served."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Literal

import pytest
from tests.domain.building import card, command, usage
from tests.integration.projecting import WITHIN_S, await_true, balance_projector, running
from tests.plugins.sealed_ledger import SealedLedger, publish
from typer.testing import CliRunner

from drawdown import metrics
from drawdown.adapters.avro.codec import encode_command, encode_usage
from drawdown.adapters.avro.wire import Wire
from drawdown.adapters.kafka.clients import producer, transactional_producer
from drawdown.adapters.kafka.partition_log import PartitionLog, value_of
from drawdown.adapters.kafka.partitioner import partition_of
from drawdown.adapters.kafka.topics import create_topics
from drawdown.adapters.postgres.connections import connect
from drawdown.cli import app
from drawdown.domain.entries import PARTITION_CUSTOMER
from drawdown.domain.inputs import (
    ApplyRateCard,
    CaptureHold,
    CommandBody,
    Grant,
    HoldUsage,
    NoteDispute,
    PlaceHold,
    Tick,
)
from drawdown.domain.numbers import MICRO
from drawdown.settings import Settings, current
from drawdown.verification import Report, verify
from drawdown.verification.audit import checkpoint_file
from drawdown.verification.checkpoint import Checkpoint
from drawdown.verification.watching import Watch

pytestmark = pytest.mark.integration

PATIENCE_S = 30.0


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Two partitions, and cards that are in force at once."""
    small = settings.model_copy(update={"partitions": 2, "rate_card_lead_s": 0})
    create_topics(small)
    return small


class Inputs:
    """Sends what clients send, and what they never should."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._wire = Wire(settings)
        self._producer = producer(settings)
        self.now = time.time_ns() // 1_000
        self.sent: list[str] = []

    def send(self, body: CommandBody, command_id: str, customer_id: str) -> None:
        self.sent.append(command_id)
        for partition in (0, 1) if customer_id == PARTITION_CUSTOMER else (-1,):
            sent = command(body, command_id, customer_id=customer_id, issued_at=self.now)
            value = encode_command(sent, header=self._wire.header("command"))
            self._send("ledger-commands", customer_id, value, partition)

    def use(self, customer_id: str, event_id: str, tokens: int, meter: str = "tokens") -> None:
        event = usage(
            event_id,
            customer_id=customer_id,
            meter=meter,
            occurred_at=self.now + 60 * MICRO,
            quantities={meter: tokens * MICRO},
        )
        value = encode_usage(event, header=self._wire.header("usage-event"))
        self._send("usage-events", customer_id, value)

    def garbage(self, customer_id: str, value: bytes) -> None:
        self._send("usage-events", customer_id, value)

    def flush(self) -> None:
        assert self._producer.flush(WITHIN_S) == 0

    def _send(self, topic: str, customer_id: str, value: bytes, partition: int = -1) -> None:
        key = customer_id.encode()
        self._producer.produce(self._settings.topic(topic), value, key, partition)


def send_everything(settings: Settings) -> None:
    """A card, grants, charges, a charge beyond the credits, repeats, refusals, garbage."""
    inputs = Inputs(settings)
    inputs.send(
        ApplyRateCard(card=card(effective_from=inputs.now + 30 * MICRO)), "card", "$partition"
    )
    for number in range(8):
        customer = f"customer-{number}"
        granted = Grant(amount=100 * MICRO, kind="purchased", price_minor=999, currency="USD")
        inputs.send(granted, f"grant-{number}", customer)
        inputs.send(granted, f"grant-{number}", customer)
        inputs.send(Grant(amount=0, kind="promotional"), f"refused-{number}", customer)
    inputs.flush()
    # The card must be applied before usage is rated; the two topics have no order between them.
    time.sleep(1.0)
    for number in range(8):
        for event in range(15):
            inputs.use(f"customer-{number}", f"event-{event}", event)
        inputs.use(f"customer-{number}", "event-3", 3)
        inputs.use(f"customer-{number}", "event-4", 5)
        inputs.use(f"customer-{number}", "unpriced", 1, meter="unheard-of")
        inputs.use(f"customer-{number}", "unpriced", 1, meter="unheard-of")
        inputs.garbage(f"customer-{number}", b"garbage")
    inputs.flush()


@contextmanager
def processor(settings: Settings) -> Iterator[None]:
    """The ledger processor as a process of its own."""
    environment = {
        **os.environ,
        "DRAWDOWN_NAMESPACE": settings.namespace,
        "DRAWDOWN_RATE_CARD_LEAD_S": "0",
        "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "DATABASE_URL": settings.database_url,
    }
    command_line = [sys.executable, "-m", "drawdown.ledger_processor"]
    with subprocess.Popen(command_line, env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(WITHIN_S) == 0


def served(settings: Settings) -> Report:
    """The audit after everything was sent, decided and projected."""
    with processor(settings), running(balance_projector(settings)):
        send_everything(settings)
        return verify(settings, within_s=PATIENCE_S)


def explanations(report: Report) -> str:
    return "\n".join(str(each) for each in report.differences)


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


def test_a_read_model_that_was_touched_is_named(settings: Settings) -> None:
    served(settings)
    changes = (
        "UPDATE accounts SET balance = balance + 1 WHERE customer_id = 'customer-1'",
        "DELETE FROM lots WHERE customer_id = 'customer-2'",
        "DELETE FROM entries WHERE customer_id = 'customer-3' AND account_seq = 4",
        "UPDATE usage_daily SET drawn = drawn + 1 WHERE customer_id = 'customer-4'",
    )
    schema = settings.database_schema("balance")
    with connect(settings, application="test", schema=schema) as connection:
        for change in changes:
            connection.execute(change.encode())
    # What was compared before is swept again; an entry's row isn't.
    again = verify(settings, within_s=PATIENCE_S)
    said = explanations(again)
    assert (again.difference_count, again.entries_read) == (3, 0), said
    assert "('customer-1', 'credit'): balance is 1, the ledger says 0" in said
    assert "('customer-2', 'credit', 'grant-2') is missing" in said
    assert "100000001, 0, 0, 5000000), the ledger says (15, 105000000, 100000000" in said
    report = verify(settings, within_s=PATIENCE_S, full=True)
    said = explanations(report)
    assert "rows show" in said
    assert report.difference_count == 5, said


def test_a_checkpoint_is_not_trusted_where_the_ledger_is_another(settings: Settings) -> None:
    served(settings)
    for partition in (0, 1):
        with Checkpoint(checkpoint_file(settings, partition)) as checkpoint:
            checkpoint.save(replace(checkpoint.reached, last_hash="00" * 32))
    report = verify(settings, within_s=PATIENCE_S)
    assert (report.difference_count, report.entries_read) == (2, report.entries)
    assert report.first is not None
    assert "history was changed" in report.first.explanation
    assert (report.first.expected, report.coverage) == (f"an entry of hash {'00' * 32}", 0.0)
    assert verify(settings, within_s=PATIENCE_S).difference_count == 2
    assert verify(settings, within_s=PATIENCE_S, full=True).ok
    again = verify(settings, within_s=PATIENCE_S)
    assert (again.ok, again.entries_read) == (True, 0)
    _spoil_replies(settings)
    spoilt = verify(settings, within_s=PATIENCE_S)
    assert "is answered by no decision, or twice" in explanations(spoilt)
    assert spoilt.first is not None
    assert spoilt.first.where == "ledger-replies"


def _spoil_replies(settings: Settings) -> None:
    """The last answer once more."""
    topic = settings.topic("ledger-replies")
    with PartitionLog(settings, topic, 0) as log:
        answered = [
            value
            for value in map(value_of, log.records())
            if Wire(settings).decode_reply(value).entries
        ]
    client = producer(settings)
    client.produce(topic, answered[-1], partition=0)
    assert client.flush(WITHIN_S) == 0


def sample(name: str, **labels: str) -> float | None:
    return metrics.CATALOGUE.get_sample_value(name, labels)


def test_audits_in_the_background_are_metrics(settings: Settings) -> None:
    watch = Watch(settings, every_s=0.2, within_s=0.5)
    failures = sample("drawdown_audit_failures_total") or 0.0
    thread = threading.Thread(target=watch.run)
    thread.start()
    # No projector has made its tables yet.
    await_true(lambda: (sample("drawdown_audit_failures_total") or 0.0) > failures, "a failure")
    with running(balance_projector(settings)):
        before = time.time()
        await_true(lambda: (sample("drawdown_audit_finished_at_seconds") or 0.0) > before, "one")
        assert sample("drawdown_audit_differences", partition="0") == 0
        assert sample("drawdown_audit_coverage", partition="0") == 1.0
        inputs = Inputs(settings)
        inputs.use("customer-1", "lost", 1)
        inputs.flush()
        home = str(partition_of("customer-1", 2))
        await_true(
            lambda: (sample("drawdown_audit_differences", partition=home) or 0.0) == 1,
            "a difference",
        )
        watch.stop()
        thread.join(WITHIN_S)
    assert not thread.is_alive()


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
