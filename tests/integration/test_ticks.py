"""What falls due on quiet accounts, and partitions that come back, on a real broker."""

import time
from pathlib import Path

import pytest
from confluent_kafka import TopicPartition
from tests.domain.building import CREDIT, card
from tests.integration.processors import (
    ask,
    command,
    entries_of,
    framed,
    grant,
    prepare,
    processing,
    send_raw,
    wait_for_log,
    wait_for_type,
)

from drawdown.adapters.kafka.clients import admin, transactional_producer
from drawdown.adapters.kafka.partition_log import PartitionLog
from drawdown.adapters.kafka.partitioner import partition_of
from drawdown.adapters.kafka.requests import Requests
from drawdown.adapters.kafka.topics import ledger_partitions
from drawdown.domain.entries import PolicyChange
from drawdown.domain.inputs import ChangePolicy, Grant, Unfreeze
from drawdown.domain.numbers import SECOND_US
from drawdown.settings import Settings

pytestmark = [pytest.mark.integration, pytest.mark.long]


@pytest.fixture(autouse=True)
def prepared(settings: Settings) -> None:
    """Topics, and a card."""
    prepare(settings, lambda soon_us: card(effective_from=soon_us))


def soon_us(seconds: int) -> int:
    return time.time_ns() // 1_000 + seconds * SECOND_US


def grant_without_grace(settings: Settings) -> int:
    """Grant what expires soon; when it does, in µs."""
    ask(settings, "acme", policy=ChangePolicy(policy=PolicyChange(grace_us=0)))
    expires_at = soon_us(6)
    reply = grant(settings, "acme", 5, expires_at=expires_at)
    assert reply.outcome == "accepted", reply.detail
    return expires_at


def home(settings: Settings) -> int:
    return partition_of("acme", ledger_partitions(settings))


def commands_end(settings: Settings) -> int:
    """The end of the log of commands in the customer's partition."""
    topic = settings.topic("ledger-commands")
    with PartitionLog(settings, topic, home(settings)) as log:
        return log.end


def delete_commands(settings: Settings) -> None:
    """Delete what the customer's partition of commands holds, as its retention would."""
    place = TopicPartition(
        settings.topic("ledger-commands"), home(settings), commands_end(settings)
    )
    client = admin(settings)
    for future in client.delete_records([place]).values():
        future.result(30)


def test_an_expiration_on_a_quiet_account_is_booked_by_a_tick(
    settings: Settings, tmp_path: Path
) -> None:
    with processing(settings, tmp_path / "log"):
        expires_at = grant_without_grace(settings)
        [expired] = wait_for_type(settings, "acme", "expiration")
        assert (expired.amount, expired.balance) == (-5 * CREDIT, 0)
        assert (expired.cause, expired.effective_at) == ("tick", expires_at)
        time.sleep(2)
        # Nothing else will ever be due: time alone leaves nothing in the log.
        end = commands_end(settings)
        time.sleep(3)
        assert commands_end(settings) == end


def test_without_ticks_it_is_booked_before_the_next_decision(
    settings: Settings, tmp_path: Path
) -> None:
    with processing(settings, tmp_path / "log", DRAWDOWN_TICK_INTERVAL_S="0"):
        expires_at = grant_without_grace(settings)
        time.sleep(max(0, expires_at - soon_us(0)) / SECOND_US + 2)
        assert [each.type for each in entries_of(settings, "acme")] == ["policy_changed", "grant"]
        for number in range(20):
            [reply] = ask(settings, "acme", **{f"any{number}": Unfreeze()})
            # A busy broker may not say in time that usage has been read to its end.
            if len(reply.entries) > 1:
                break
    assert (reply.code, [each.type for each in reply.entries]) == (
        "not_frozen",
        ["expiration", "rejected"],
    )
    [expired] = wait_for_type(settings, "acme", "expiration")
    assert (expired.cause, expired.effective_at) == ("due", expires_at)


def test_a_processor_that_was_away_books_the_same(settings: Settings, tmp_path: Path) -> None:
    with processing(settings, tmp_path / "first") as first:
        expires_at = grant_without_grace(settings)
        assert first.stop() == 0
    time.sleep(max(0, expires_at - soon_us(0)) / SECOND_US + 1)
    with processing(settings, tmp_path / "second"):
        [expired] = wait_for_type(settings, "acme", "expiration")
    assert (expired.amount, expired.effective_at) == (-5 * CREDIT, expires_at)


def test_a_partition_that_an_outsider_fenced_comes_back(settings: Settings, tmp_path: Path) -> None:
    transactional_id = f"{settings.topic('ledger-entries')}-{home(settings)}"
    with processing(settings, tmp_path / "log") as processor:
        grant(settings, "acme", 5)
        transactional_producer(settings, transactional_id).init_transactions(30)
        value = framed(settings, command(Grant(amount=CREDIT, kind="promotional"), "b", "acme"))
        send_raw(settings, "ledger-commands", home(settings), value)
        wait_for_type(settings, "acme", "grant", 2)
        wait_for_log(processor, "joining_again")
        assert processor.stop() == 0


def test_deleted_commands_that_wrote_nothing_are_not_missed(
    settings: Settings, tmp_path: Path
) -> None:
    asked = command(Grant(amount=CREDIT, kind="promotional"), "grant", "acme")
    with processing(settings, tmp_path / "first") as first:
        with Requests(settings) as requests:
            outcomes = [reply.outcome for reply in requests.ask([asked] * 3)]
        assert outcomes == ["accepted", "duplicate", "duplicate"]
        assert first.stop() == 0
    delete_commands(settings)
    with processing(settings, tmp_path / "second"):
        [reply] = ask(settings, "acme", other=Grant(amount=CREDIT, kind="promotional"))
    assert reply.entries[-1].balance == 2 * CREDIT


def test_deleted_commands_that_were_never_decided_halt_their_partition(
    settings: Settings, tmp_path: Path
) -> None:
    with processing(settings, tmp_path / "first") as first:
        grant(settings, "acme", 5)
        assert first.stop() == 0
    value = framed(settings, command(Grant(amount=CREDIT, kind="promotional"), "b", "acme"))
    send_raw(settings, "ledger-commands", home(settings), value)
    delete_commands(settings)
    with processing(settings, tmp_path / "second") as second:
        wait_for_log(second, "partition_halted")
        assert "were deleted before they were decided" in second.log.read_text()
