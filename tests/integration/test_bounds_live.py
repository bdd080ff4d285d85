"""Senders hold no more than they may, and lose nothing for it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.domain.building import card
from tests.integration.processors import (
    command,
    prepare,
    processing,
    wait_for_deductions,
)
from tests.integration.test_ledger_processor import send, usage

from drawdown.adapters.kafka.requests import Requests
from drawdown.domain.inputs import Command, Grant
from drawdown.settings import Settings

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def prepared(settings: Settings) -> None:
    """Topics, and a card of one credit a token that is in force very soon."""
    prepare(settings, lambda soon_us: card(effective_from=soon_us))


@pytest.mark.parametrize("most", [1, 7])
def test_no_more_commands_are_on_their_way_than_allowed(
    settings: Settings, tmp_path: Path, most: int
) -> None:
    bounded = settings.model_copy(update={"commands_in_flight": most})
    sent: list[str] = []
    answered: list[str] = []

    def asked() -> Iterator[Command]:
        for number in range(60):
            assert len(sent) - len(answered) < most
            given = command(
                Grant(amount=1_000_000, kind="promotional"), f"grant {number}", f"customer {number}"
            )
            sent.append(given.command_id)
            yield given

    with processing(settings, tmp_path / "log"), Requests(bounded) as requests:
        for reply in requests.ask(asked()):
            assert reply.outcome == "accepted"
            answered.append(reply.command_id)
    assert answered == sent


def test_usage_beyond_the_producer_s_queue_waits_for_room(
    settings: Settings, tmp_path: Path
) -> None:
    small = settings.model_copy(update={"producer_queue_records": 1_000})
    events = [usage(f"event {number}", f"customer {number % 20}") for number in range(20_000)]
    send(small, events)
    with processing(settings, tmp_path / "log", DRAWDOWN_CONSUMER_QUEUE_KIB="1024"):
        wait_for_deductions(settings, 20_000, within_s=120)
