"""Holds on a real broker: by commands and by usage, many at once, and through a crash."""

import signal
import time
from collections import Counter
from pathlib import Path

import pytest
from tests.domain import cards
from tests.domain.building import CREDIT, UNIT, card
from tests.integration.processors import (
    ask,
    command,
    entries_of,
    framed,
    grant,
    prepare,
    processing,
    wait_for_type,
)

from drawdown.adapters.kafka.clients import producer
from drawdown.adapters.kafka.partitioner import partition_of
from drawdown.adapters.kafka.requests import Requests
from drawdown.adapters.kafka.topics import ledger_partitions
from drawdown.adapters.kafka.usage import UsageSender
from drawdown.domain.inputs import (
    ApplyRateCard,
    Batch,
    CaptureHold,
    CommandBody,
    ExtendHold,
    HoldUsage,
    PlaceHold,
    RedriveRejected,
    ReleaseHold,
    UsageEvent,
)
from drawdown.domain.numbers import MINUTE_US, SECOND_US
from drawdown.domain.replies import Reply
from drawdown.settings import Settings

pytestmark = [pytest.mark.integration, pytest.mark.long]


@pytest.fixture(autouse=True)
def prepared(settings: Settings) -> None:
    """Topics, and a card of one credit a token that is in force very soon."""
    prepare(settings, lambda soon_us: card(effective_from=soon_us))


def now_us() -> int:
    return time.time_ns() // 1_000


def place(hold_id: str, credits_: int = 1, life_us: int = 10 * MINUTE_US) -> PlaceHold:
    return PlaceHold(
        hold_id=hold_id, amount=credits_ * CREDIT, meter="tokens", expires_at=now_us() + life_us
    )


def used(event_id: str, tokens: int, hold_id: str = "", meter: str = "tokens") -> UsageEvent:
    """Usage a little later than now, when the card is in force; it ends the hold it names."""
    return UsageEvent(
        event_id=event_id,
        customer_id="acme",
        unit="credit",
        meter=meter,
        occurred_at=now_us() + 5 * SECOND_US,
        status="succeeded",
        properties={},
        quantities={"tokens": tokens * UNIT},
        hold_id=hold_id,
        hold_final=bool(hold_id),
        digest=b"",
    )


def send(settings: Settings, *events: UsageEvent) -> None:
    with UsageSender(settings) as sender:
        for event in events:
            sender.send(event)


def told(reply: Reply) -> tuple[str, list[str], int]:
    """Outcome or code, entries, and whole credits available after the last one."""
    available = reply.entries[-1].available // CREDIT if reply.entries else 0
    return reply.code or reply.outcome, [each.type for each in reply.entries], available


def test_a_hold_is_placed_extended_captured_and_released(
    settings: Settings, tmp_path: Path
) -> None:
    usage = HoldUsage(
        event_id="work",
        meter="tokens",
        occurred_at=now_us() + 5 * SECOND_US,
        status="succeeded",
        properties={},
        quantities={"tokens": 2 * UNIT},
    )
    with processing(settings, tmp_path / "log"):
        grant(settings, "acme", 10)
        replies = ask(
            settings,
            "acme",
            place=place("h", 4),
            extend=ExtendHold(hold_id="h", amount=2 * CREDIT),
            part=CaptureHold(hold_id="h", amount=CREDIT, final=False),
            usage=CaptureHold(hold_id="h", usage=usage, final=False),
            again=CaptureHold(hold_id="h", usage=usage, final=False),
            release=ReleaseHold(hold_id="h"),
            late=CaptureHold(hold_id="h"),
        )
    assert [told(each) for each in replies] == [
        ("accepted", ["hold_placed"], 6),
        ("accepted", ["hold_extended"], 4),
        ("accepted", ["hold_captured"], 4),
        ("accepted", ["deduction"], 4),
        ("duplicate", [], 0),
        ("accepted", ["hold_released"], 7),
        ("hold_not_open", ["rejected"], 7),
    ]


def test_of_ten_thousand_concurrent_requests_exactly_those_with_credits_succeed(
    settings: Settings, tmp_path: Path
) -> None:
    asked = [command(place(f"h{n}"), f"place {n}", "acme") for n in range(10_000)]
    with processing(settings, tmp_path / "log"):
        grant(settings, "acme", 137)
        with Requests(settings) as requests:
            replies = list(requests.ask(asked))
        wait_for_type(settings, "acme", "rejected", 9_863)
    assert [each.command_id for each in replies] == [each.command_id for each in asked]
    outcomes = Counter(each.code or each.outcome for each in replies)
    assert outcomes == {"accepted": 137, "insufficient_credits": 9_863}
    facts = entries_of(settings, "acme")
    assert Counter(each.type for each in facts) == {
        "grant": 1,
        "hold_placed": 137,
        "rejected": 9_863,
    }
    assert (facts[-1].held, facts[-1].available) == (137 * CREDIT, 0)


def test_usage_that_names_a_hold_pays_from_it_and_ends_it(
    settings: Settings, tmp_path: Path
) -> None:
    with processing(settings, tmp_path / "log"):
        grant(settings, "acme", 10)
        ask(settings, "acme", place=place("h", 10))
        send(settings, used("work", 3, hold_id="h"))
        [deduction] = wait_for_type(settings, "acme", "deduction")
        [released] = wait_for_type(settings, "acme", "hold_released")
    assert [(part.amount, part.reserved) for part in deduction.allocations] == [(3 * CREDIT, True)]
    assert (released.held, released.available) == (0, 7 * CREDIT)


def test_a_batch_is_placed_whole_or_refused(settings: Settings, tmp_path: Path) -> None:
    with processing(settings, tmp_path / "log"):
        grant(settings, "acme", 5)
        replies = ask(
            settings,
            "acme",
            too_much=Batch(holds=[place("a", 3), place("b", 3)]),
            fits=Batch(holds=[place("a", 3), place("b", 2)]),
        )
    assert [told(each) for each in replies] == [
        ("insufficient_credits", ["rejected"], 5),
        ("accepted", ["hold_placed", "hold_placed"], 0),
    ]


def test_a_rejected_event_is_charged_after_its_card_was_applied(
    settings: Settings, tmp_path: Path
) -> None:
    meter = cards.meter(cards.line("tokens", "2"), name="video")
    later = cards.card(meter, version="2", effective_from=now_us() + 60 * SECOND_US)
    with processing(settings, tmp_path / "log"):
        grant(settings, "acme", 10)
        event = used("film", 3, meter="video")
        send(settings, event)
        [rejected] = wait_for_type(settings, "acme", "rejected")
        assert rejected.details is not None
        assert rejected.details.rejection is not None
        assert rejected.details.rejection.code == "no_rate"
        with Requests(settings) as requests:
            asked = command(ApplyRateCard(card=later), "later card")
            assert requests.ask_every_partition(asked)[0].outcome == "accepted"
        redrive = RedriveRejected(event_id="film", rate_card=later.label)
        replies = ask(settings, "acme", redrive=redrive, again=redrive)
        send(settings, event)
    assert [told(each) for each in replies] == [
        ("accepted", ["deduction"], 4),
        ("duplicate", [], 0),
    ]
    [deduction] = wait_for_type(settings, "acme", "deduction")
    assert deduction.amount == -6 * CREDIT


def crowd(number: int) -> list[tuple[str, CommandBody]]:
    """A hold, and what becomes of it: captured, released, or nothing, so that it expires."""
    hold_id = f"h{number}"
    life_us = (15 if number % 3 == 2 else 600) * SECOND_US
    placed = (f"place {hold_id}", place(hold_id, 2, life_us))
    if number % 3 == 0:
        return [placed, (f"capture {hold_id}", CaptureHold(hold_id=hold_id, amount=CREDIT))]
    if number % 3 == 1:
        return [placed, (f"release {hold_id}", ReleaseHold(hold_id=hold_id))]
    return [placed]


def test_nothing_leaks_when_the_processor_is_killed_among_holds(
    settings: Settings, tmp_path: Path
) -> None:
    home = partition_of("acme", ledger_partitions(settings))
    with processing(settings, tmp_path / "first") as first:
        grant(settings, "acme", 10_000)
        client = producer(settings)
        for number in range(3_000):
            for command_id, body in crowd(number):
                value = framed(settings, command(body, command_id, "acme"))
                client.produce(settings.topic("ledger-commands"), value=value, partition=home)
        assert client.flush(30) == 0
        assert first.stop(signal.SIGKILL) == -signal.SIGKILL
    before = len(entries_of(settings, "acme"))
    with processing(settings, tmp_path / "second"):
        wait_for_type(settings, "acme", "hold_expired", 1_000)
    facts = entries_of(settings, "acme")
    assert before < len(facts)
    ends = [each for each in facts if each.type in ("hold_released", "hold_expired")]
    named = Counter(
        each.details.hold.hold_id for each in ends if each.details and each.details.hold
    )
    assert named == {f"h{number}": 1 for number in range(3_000)}
    assert Counter(each.type for each in facts) == {
        "grant": 1,
        "hold_placed": 3_000,
        "hold_captured": 1_000,
        "hold_released": 2_000,
        "hold_expired": 1_000,
    }
    last = facts[-1]
    assert (last.balance, last.held, last.available) == (9_000 * CREDIT, 0, 9_000 * CREDIT)
