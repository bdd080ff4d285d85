"""The usage that every measurement works on, produced before the clock starts.

It is written in one open transaction, so that a consumer that runs already gets all of it at the
instant it commits, and no start-up is measured.
"""

import itertools
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from confluent_kafka import Producer

from drawdown.adapters.kafka import clients
from drawdown.domain.inputs import UsageEvent
from drawdown.domain.numbers import MICRO, SECOND_US
from drawdown.settings import Settings
from tests.benchmarks.records import encode_usage

CUSTOMERS: Final = 10_000
METER: Final = "llm.tokens"
MODEL: Final = "swift-1"
RATES_PICO: Final = {"input": 2_500_003, "output": 10_000_019}
"""Pico-credits a token: not round, so that every charge leaves a residue."""
GRANTED: Final = (100_000, 1_000_000_000_000)
"""Micro-credits of each customer's two lots: the first runs out while the load is charged, the
second doesn't, whoever pays for all of it."""


def customer(number: int) -> str:
    """The name of a customer, such as `c-00042`."""
    return f"c-{number:05}"


@dataclass(frozen=True, slots=True)
class Usage:
    """One event as every baseline takes it; tokens, and the time in microseconds."""

    event_id: str
    customer_id: str
    occurred_at: int
    input: int
    output: int


def usage(
    events: int, *, seed: int = 7, prefix: str = "e", customers: int = CUSTOMERS
) -> Iterator[Usage]:
    """A seeded stream over all customers, or the first few, with outputs shorter than inputs.

    It occurs three minutes ahead: a rate card takes effect a minute after its command at the
    earliest, and usage may be up to five minutes ahead of its recording.
    """
    chance = random.Random(seed)
    occurred_at = int(time.time()) * SECOND_US + 180 * SECOND_US
    for number in range(events):
        yield Usage(
            event_id=f"{prefix}-{number:09}",
            customer_id=customer(chance.randrange(customers)),
            occurred_at=occurred_at,
            input=chance.randrange(2, 4_000),
            output=chance.randrange(1, 400),
        )


def skewed(events: int, customers: int, *, prefix: str) -> Iterator[Usage]:
    """The same, over customers by a power law: one of rank r uses 1/r of what the first does."""
    chance = random.Random(prefix)
    shares = list(itertools.accumulate(1 / rank for rank in range(1, customers + 1)))
    # Ranks mean nothing to a partitioner or a store: neighbours needn't be alike.
    drawn = chance.choices(range(customers), cum_weights=shares, k=events)
    for each, number in zip(usage(events, prefix=prefix), drawn, strict=True):
        yield replace(each, customer_id=customer(number))


def encoded(each: Usage) -> bytes:
    """A usage record as an SDK would send it: about 100 bytes."""
    event = UsageEvent(
        event_id=each.event_id,
        customer_id=each.customer_id,
        unit="credit",
        meter=METER,
        occurred_at=each.occurred_at,
        status="succeeded",
        properties={"model": MODEL},
        quantities={"input": each.input * MICRO, "output": each.output * MICRO},
        hold_id="",
        hold_final=False,
        digest=b"",
    )
    return encode_usage(event)


class Held:
    """Usage that is in the log and that nobody sees until `release`."""

    def __init__(self, settings: Settings, events: Iterator[Usage]) -> None:
        settings = settings.model_copy(update={"transaction_timeout_ms": 600_000})
        self._producer = clients.transactional_producer(settings, f"{settings.namespace}-load")
        self._producer.init_transactions(60)
        self._producer.begin_transaction()
        send(self._producer, settings.topic("usage-events"), events)
        assert self._producer.flush(120) == 0, "the load couldn't be written within two minutes"

    def release(self) -> None:
        """Make it visible, all at once."""
        self._producer.commit_transaction(60)


def preload(settings: Settings, events: int) -> None:
    """Write usage without a transaction, for readers that don't cope with its markers."""
    producer = clients.producer(settings)
    send(producer, settings.topic("usage-events"), usage(events))
    assert producer.flush(120) == 0, "the load couldn't be written within two minutes"


def send(producer: Producer, topic: str, events: Iterator[Usage]) -> None:
    """Produce, by the partitioner that every producer here has."""
    for chunk in iter(lambda: list(itertools.islice(events, 10_000)), []):
        for each in chunk:
            producer.produce(topic, encoded(each), each.customer_id)
        producer.poll(0)
        while len(producer) > 100_000:
            producer.poll(0.01)
