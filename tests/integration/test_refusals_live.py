"""What a real broker refuses, and floods of what is no record: a partition halts and says why."""

from pathlib import Path

import pytest
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource
from confluent_kafka.admin._resource import ResourceType
from tests.domain.building import card
from tests.integration.processors import (
    deductions,
    grant,
    log_lines,
    prepare,
    processing,
    send_raw,
    wait_for_deductions,
    wait_for_letters,
    wait_for_log,
)
from tests.integration.test_ledger_processor import send, usage

from drawdown.adapters.kafka.clients import admin, transactional_producer
from drawdown.adapters.kafka.partitioner import partition_of
from drawdown.adapters.kafka.topics import ledger_partitions
from drawdown.errors import Refused
from drawdown.settings import Settings

pytestmark = [pytest.mark.integration, pytest.mark.long]


def limit_records(settings: Settings, topic: str, most_bytes: int) -> None:
    """Let the broker take no batch of records that is larger."""
    entry = ConfigEntry(
        "max.message.bytes", str(most_bytes), incremental_operation=AlterConfigOpType.SET
    )
    resource = ConfigResource(
        ResourceType.TOPIC, settings.topic(topic), incremental_configs=[entry]
    )
    client = admin(settings)
    client.incremental_alter_configs([resource])[resource].result(30)


def test_a_flood_of_garbage_stops_its_partition_until_somebody_lets_it_pass(
    settings: Settings, tmp_path: Path
) -> None:
    prepare(settings, lambda soon_us: card(effective_from=soon_us))
    home = partition_of("acme", ledger_partitions(settings))
    other = next(
        name
        for name in map(str, range(100))
        if partition_of(name, ledger_partitions(settings)) != home
    )
    send(settings, [usage("before", "acme")])
    for number in range(30):
        send_raw(settings, "usage-events", home, b"garbage %d" % number)
    send(settings, [usage("after", "acme"), usage("elsewhere", other)])
    bounds = {"DRAWDOWN_POISON_MAX": "10", "DRAWDOWN_POISON_WINDOW": "100"}
    for log in ("first", "again"):
        with processing(settings, tmp_path / log, **bounds) as processor:
            wait_for_log(processor, "partition_halted")
            wait_for_deductions(settings, 2)
            assert processor.stop() == 0
        [halt] = log_lines(processor, "partition_halted")
        assert (halt["partition"], halt["poisoned"]) == (home, True)
        assert log_lines(processor, "state_rebuilt") == []
        wait_for_letters(settings, 10)
    bounds["DRAWDOWN_POISON_MAX"] = "100"
    with processing(settings, tmp_path / "passing", **bounds):
        wait_for_deductions(settings, 3)
        wait_for_letters(settings, 30)
    causes = {entry.facts.cause_id for entry in deductions(settings)}
    assert causes == {"before", "after", "elsewhere"}


def test_records_that_the_broker_finds_too_large_end_the_process_and_lose_nothing(
    settings: Settings, tmp_path: Path
) -> None:
    alone = settings.model_copy(update={"partitions": 1})
    prepare(alone, lambda soon_us: card(effective_from=soon_us))
    send(alone, [usage(f"event {number}", "acme") for number in range(20)])
    limit_records(alone, "ledger-entries", 100)
    with processing(alone, tmp_path / "refused") as processor:
        assert processor.process.wait(60) == Refused.exit_code
    # A broker that is slow may have failed one before, for another reason.
    *_, failed = log_lines(processor, "transaction_failed")
    assert failed["kind"] == "hopeless", processor.log.read_text()
    [ended] = log_lines(processor, "ended")
    assert "max.message.bytes" in str(ended["reason"])
    assert deductions(alone) == []
    limit_records(alone, "ledger-entries", 8_388_608)
    with processing(alone, tmp_path / "permitted"):
        wait_for_deductions(alone, 20)
        assert grant(alone, "acme", 5).outcome == "accepted"


def test_a_partition_that_an_outsider_fences_comes_back_and_charges_once(
    settings: Settings, tmp_path: Path
) -> None:
    alone = settings.model_copy(update={"partitions": 2})
    prepare(alone, lambda soon_us: card(effective_from=soon_us))
    events = [usage(f"event {number}", f"customer {number % 20}") for number in range(200)]
    with processing(alone, tmp_path / "log") as processor:
        send(alone, events[:100])
        wait_for_deductions(alone, 100)
        outsider = transactional_producer(alone, f"{alone.topic('ledger-entries')}-0")
        outsider.init_transactions(30)
        send(alone, events[100:])
        wait_for_deductions(alone, 200)
        assert processor.stop() == 0
    fenced = [
        each for each in log_lines(processor, "transaction_failed") if each["kind"] == "fenced"
    ]
    assert [each["partition"] for each in fenced] == [0], processor.log.read_text()
    assert [each["partitions"] for each in log_lines(processor, "joining_again")] == [[0]]


def test_a_transaction_timeout_beyond_the_broker_s_ends_the_process(
    settings: Settings, tmp_path: Path
) -> None:
    prepare(settings, lambda soon_us: card(effective_from=soon_us))
    too_long = {"DRAWDOWN_TRANSACTION_TIMEOUT_MS": "86400000"}
    with processing(settings, tmp_path / "log", **too_long) as processor:
        assert processor.process.wait(60) == Refused.exit_code
    [ended] = log_lines(processor, "ended")
    assert "DRAWDOWN_TRANSACTION_TIMEOUT_MS" in str(ended["reason"])
