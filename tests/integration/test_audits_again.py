"""Audits that follow audits: from their checkpoints, and in the background."""

import threading
import time
from dataclasses import replace

import pytest
from tests.integration.auditing import PATIENCE_S, Inputs, explanations, served
from tests.integration.projecting import WITHIN_S, await_true, balance_projector, running

from drawdown import metrics
from drawdown.adapters.avro.wire import Wire
from drawdown.adapters.kafka.clients import producer
from drawdown.adapters.kafka.partition_log import PartitionLog, value_of
from drawdown.adapters.kafka.partitioner import partition_of
from drawdown.adapters.kafka.topics import create_topics
from drawdown.settings import Settings
from drawdown.verification import verify
from drawdown.verification.audit import checkpoint_file
from drawdown.verification.checkpoint import Checkpoint
from drawdown.verification.watching import Watch

pytestmark = pytest.mark.integration


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Two partitions, and cards that are in force at once."""
    small = settings.model_copy(update={"partitions": 2, "rate_card_lead_s": 0})
    create_topics(small)
    return small


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
