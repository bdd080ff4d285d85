"""Barriers that were committed, on a real broker: whoever reads the ledger's outputs skips them."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.domain.building import command
from tests.integration.auditing import (
    PATIENCE_S,
    Inputs,
    explanations,
    processor,
    send_everything,
)
from tests.integration.projecting import WITHIN_S, balance_projector, running
from tests.integration.rebuilding import rebuilt

from drawdown.adapters.kafka.clients import transactional_producer
from drawdown.adapters.kafka.ledger_log import read_entries
from drawdown.adapters.kafka.records import BARRIER_KEY
from drawdown.adapters.kafka.requests import Requests
from drawdown.adapters.kafka.topics import create_topics
from drawdown.adapters.topics import OUTPUTS
from drawdown.domain.inputs import Grant
from drawdown.domain.numbers import MICRO
from drawdown.settings import Settings
from drawdown.verification import verify

pytestmark = pytest.mark.integration


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Two partitions, and cards that are in force at once."""
    small = settings.model_copy(update={"partitions": 2, "rate_card_lead_s": 0})
    create_topics(small)
    return small


@contextmanager
def processor_after_barriers(settings: Settings) -> Iterator[None]:
    """The processor, once all outputs have a barrier, as one leaves it that mends a lost commit."""
    for number in range(settings.partitions):
        writer = transactional_producer(settings, f"{settings.topic('ledger-entries')}-{number}")
        writer.init_transactions(WITHIN_S)
        writer.begin_transaction()
        for name in sorted(OUTPUTS):
            record = {"key": BARRIER_KEY, "value": None}
            assert writer.produce_batch(settings.topic(name), [record], partition=number) == 1
        writer.commit_transaction(WITHIN_S)
    with processor(settings):
        yield


def test_committed_barriers_are_skipped_by_everybody(settings: Settings) -> None:
    with running(balance_projector(settings)):
        with processor(settings):
            send_everything(settings)
            before = verify(settings, within_s=PATIENCE_S)
        with Requests(settings, timeout_s=WITHIN_S) as requests, processor_after_barriers(settings):
            asked = [
                command(
                    Grant(amount=MICRO, kind="promotional"),
                    f"late-{number}",
                    customer_id=f"customer-{number}",
                    issued_at=time.time_ns() // 1_000,
                )
                for number in range(8)
            ]
            assert {each.outcome for each in requests.ask(asked)} == {"accepted"}
            inputs = Inputs(settings)
            inputs.garbage("customer-1", b"more garbage")
            inputs.use("customer-1", "last", 1)
            inputs.flush()
            after = verify(settings, within_s=PATIENCE_S)
            anew = verify(settings, within_s=PATIENCE_S, full=True)
    assert before.ok, explanations(before)
    assert after.ok, explanations(after)
    assert anew.ok, explanations(anew)
    assert anew.entries == before.entries + 9
    assert anew.dead_letters.total() == before.dead_letters.total() + 1
    read = sum(1 for number in range(2) for _ in read_entries(settings, number))
    assert read == anew.entries
    assert rebuilt(settings).swapped
