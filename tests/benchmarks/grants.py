"""The rate card and every customer's two lots, as commands."""

import time
from collections.abc import Iterator, Sequence

from drawdown.adapters.kafka import clients
from drawdown.adapters.kafka.topics import ledger_partitions
from drawdown.domain.entries import PARTITION_CUSTOMER
from drawdown.domain.inputs import ApplyRateCard, Command, CommandBody, Grant
from drawdown.domain.numbers import SECOND_US
from drawdown.domain.rate_cards import Line, Meter, RateCard
from drawdown.settings import Settings
from tests.benchmarks.load import CUSTOMERS, GRANTED, METER, MODEL, RATES_PICO, customer
from tests.benchmarks.processes import Log, until
from tests.benchmarks.records import encode_command

BOOKED_WITHIN_S = 600.0


def grant_everybody(
    settings: Settings, customers: int = CUSTOMERS, lots: Sequence[int] = GRANTED
) -> None:
    """Send them to the running ledger, and wait until it has booked each."""
    log, partitions = Log(settings, "ledger-entries"), ledger_partitions(settings)
    producer = clients.producer(settings)
    topic = settings.topic("ledger-commands")
    card = encode_command(command("card", PARTITION_CUSTOMER, ApplyRateCard(card=rate_card())))
    for partition in range(partitions):
        producer.produce(topic, card, PARTITION_CUSTOMER, partition=partition)
    for number, each in enumerate(grants(customers, lots)):
        if number % 10_000 == 0:
            producer.flush(60)
        producer.produce(topic, encode_command(each), each.customer_id)
    assert producer.flush(60) == 0, "the grants couldn't be written within a minute"
    booked = partitions + customers * len(lots)
    what = f"{booked} entries of the rate card and the grants"
    until(lambda: log.end() >= booked, what, within_s=BOOKED_WITHIN_S)


def granted(settings: Settings) -> int:
    """How many entries that makes."""
    return ledger_partitions(settings) + CUSTOMERS * len(GRANTED)


def grants(customers: int, lots: Sequence[int]) -> Iterator[Command]:
    """One command a lot."""
    for number in range(customers):
        for lot, amount in enumerate(lots):
            body = Grant(amount=amount, kind="promotional")
            yield command(f"grant-{number}-{lot}", customer(number), body)


def command(command_id: str, customer_id: str, body: CommandBody) -> Command:
    """A command issued now."""
    return Command(
        command_id=command_id,
        issued_at=time.time_ns() // 1_000,
        actor="bench",
        customer_id=customer_id,
        unit="credit",
        reason="",
        body=body,
    )


def rate_card() -> RateCard:
    """Two linear lines, in force as early as the default settings allow."""
    return RateCard(
        card_id="bench",
        version="1",
        unit="credit",
        description="",
        effective_from=time.time_ns() // 1_000 + 90 * SECOND_US,
        meters=[Meter(name=METER, description="", exclusive={}, total="", lines=lines())],
        overrides=[],
    )


def lines() -> list[Line]:
    """A line for each quantity of the load."""
    return [
        Line(
            line_id=f"{METER}.{quantity}",
            quantity=quantity,
            match={"model": MODEL},
            rate_pico=rate,
            per=1,
            package=None,
            tier_mode="none",
            tiers=[],
            minimum=0,
            over="event",
        )
        for quantity, rate in RATES_PICO.items()
    ]
