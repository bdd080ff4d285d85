"""Refunds on a real broker, of charges whose entries only the ledger still holds."""

import time
from pathlib import Path

import pytest
from tests.domain.building import CREDIT, UNIT, card
from tests.integration.processors import (
    ask,
    deductions,
    entries_of,
    grant,
    prepare,
    processing,
    wait_for_deductions,
    wait_for_type,
)

from drawdown.adapters.kafka.usage import UsageSender
from drawdown.domain.inputs import RefundUsage, UsageEvent
from drawdown.domain.numbers import SECOND_US
from drawdown.settings import Settings

pytestmark = [pytest.mark.integration, pytest.mark.long]

EVENTS = 300
CUSTOMERS = ("acme", "zeta", "omega")


def used(number: int) -> UsageEvent:
    """The usage of one to seven tokens, a little later than now, when the card is in force."""
    return UsageEvent(
        event_id=f"e{number}",
        customer_id=CUSTOMERS[number % len(CUSTOMERS)],
        unit="credit",
        meter="tokens",
        occurred_at=time.time_ns() // 1_000 + 5 * SECOND_US,
        status="succeeded",
        properties={"model": f"m{number % 5}"},
        quantities={"tokens": tokens(number) * UNIT},
        hold_id="",
        hold_final=False,
        digest=b"",
    )


def tokens(number: int) -> int:
    return number % 7 + 1


def send(settings: Settings, events: list[UsageEvent]) -> None:
    with UsageSender(settings) as sender:
        for event in events:
            sender.send(event)


def test_what_was_charged_before_a_restart_is_given_back_after_it(
    settings: Settings, tmp_path: Path
) -> None:
    prepare(settings, lambda soon_us: card(effective_from=soon_us))
    events = [used(number) for number in range(EVENTS)]
    with processing(settings, tmp_path / "first.log") as processor:
        for customer_id in CUSTOMERS:
            grant(settings, customer_id, 10_000)
        for begin in range(0, EVENTS, 100):
            # In transactions of their own, between whose entries markers stand.
            send(settings, events[begin : begin + 100])
            wait_for_deductions(settings, begin + 100)
        processor.stop()
    asked = [0, 1, 299, 150, 151, 152, 298]
    with processing(settings, tmp_path / "second.log"):
        for number in asked:
            customer_id = CUSTOMERS[number % len(CUSTOMERS)]
            refund = RefundUsage(refund_id=f"r{number}", event_id=f"e{number}")
            again = RefundUsage(refund_id=f"s{number}", event_id=f"e{number}")
            [given, refused] = ask(
                settings, customer_id, **{f"r{number}": refund, f"s{number}": again}
            )
            assert (given.outcome, given.entries[0].amount) == (
                "accepted",
                tokens(number) * CREDIT,
            )
            assert (refused.outcome, refused.code) == ("rejected", "exceeds_charge")
        send(settings, [events[number] for number in asked] + [used(EVENTS)])
        wait_for_type(settings, CUSTOMERS[EVENTS % len(CUSTOMERS)], "deduction", EVENTS // 3 + 1)
    assert len(deductions(settings)) == EVENTS + 1, "repeats charge nothing"
    refunds = [
        (facts.details.refund.event_id, facts.charge.properties["model"])
        for customer_id in CUSTOMERS
        for facts in entries_of(settings, customer_id)
        if facts.type == "refund" and facts.details and facts.details.refund and facts.charge
    ]
    assert sorted(refunds) == sorted((f"e{number}", f"m{number % 5}") for number in asked)
