"""Inputs of every kind for an audit, sent as clients send them, and served for real."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.domain.building import card, command, usage
from tests.integration.projecting import WITHIN_S, balance_projector, running

from drawdown.adapters.avro.codec import encode_command, encode_usage
from drawdown.adapters.avro.wire import Wire
from drawdown.adapters.kafka.clients import producer
from drawdown.domain.entries import PARTITION_CUSTOMER
from drawdown.domain.inputs import (
    ApplyRateCard,
    CommandBody,
    Grant,
)
from drawdown.domain.numbers import MICRO
from drawdown.settings import Settings
from drawdown.verification import Report, verify

PATIENCE_S = 30.0


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
        "DRAWDOWN_LEDGER_WORKERS": "1",
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
