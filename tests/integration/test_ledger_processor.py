"""The ledger processor on a real broker: what it writes, refuses, parks, and survives."""

import json
import signal
import time
from pathlib import Path

import pytest
from tests.domain.building import card
from tests.domain.building import usage as built_usage
from tests.integration.processors import (
    command,
    committed,
    deductions,
    entries,
    grant,
    prepare,
    processing,
    send_raw,
    wait_for_deductions,
    wait_for_letters,
    wait_for_type,
)

from drawdown.adapters.avro.codec import encode_usage
from drawdown.adapters.avro.wire import Wire
from drawdown.adapters.kafka.partitioner import partition_of
from drawdown.adapters.kafka.requests import Requests
from drawdown.adapters.kafka.topics import ledger_partitions
from drawdown.adapters.kafka.usage import UsageSender
from drawdown.domain.inputs import Grant, UsageEvent
from drawdown.settings import Settings

pytestmark = [pytest.mark.integration, pytest.mark.long]
CUSTOMERS = [f"customer {number}" for number in range(20)]


@pytest.fixture(autouse=True)
def prepared(settings: Settings) -> None:
    """Topics, and a card of one credit a token that is in force very soon."""
    prepare(settings, lambda soon_us: card(effective_from=soon_us))


def usage(event_id: str, customer_id: str) -> UsageEvent:
    """One token, a little later than now, when the card is in force."""
    occurred_at = time.time_ns() // 1_000 + 5_000_000
    return built_usage(event_id, customer_id=customer_id, occurred_at=occurred_at)


def send(settings: Settings, events: list[UsageEvent]) -> None:
    with UsageSender(settings) as sender:
        for event in events:
            sender.send(event)


def test_usage_is_charged_once_and_a_grant_is_answered(settings: Settings, tmp_path: Path) -> None:
    with processing(settings, tmp_path / "log"):
        reply = grant(settings, "acme", 5)
        assert (reply.outcome, [each.type for each in reply.entries]) == ("accepted", ["grant"])
        events = [usage(f"event {number}", "acme") for number in range(3)]
        send(settings, [*events, events[0]])
        wait_for_deductions(settings, 3)
        [last] = [entry for entry in deductions(settings) if entry.facts.account_seq == 4]
        assert (last.facts.balance, last.facts.available) == (2_000_000, 2_000_000)


def test_garbage_is_parked_and_what_stands_beside_it_goes_through(
    settings: Settings, tmp_path: Path
) -> None:
    home = partition_of("acme", ledger_partitions(settings))
    garbage: list[bytes | None] = [
        b"",
        b"\x00\x00",
        b"not the wire format",
        b"\x00\x00\x00\xff\xff rest",
        b"x" * 3_000_000,
    ]
    for each in garbage[:3]:
        send_raw(settings, "usage-events", home, each)
    send(settings, [usage("event 1", "acme")])
    for each in [*garbage[3:], None]:
        send_raw(settings, "usage-events", home, each)
    send_raw(settings, "ledger-commands", home, b"no command")
    send(settings, [usage("event 2", "acme")])
    with processing(settings, tmp_path / "log"):
        wait_for_deductions(settings, 2)
        letters = sorted(wait_for_letters(settings, 7), key=lambda each: (each.topic, each.offset))
    assert {each.partition for each in letters} == {home}
    topics = [each.topic.removeprefix(f"{settings.namespace}.") for each in letters]
    assert topics == ["ledger-commands", *["usage-events"] * 6]
    assert [each.length for each in letters[1:]] == [0, 2, 19, 10, 3_000_000, 0]
    assert len(letters[5].value) == 64 * 1024


def test_a_customer_in_the_wrong_partition_is_parked(settings: Settings, tmp_path: Path) -> None:
    partitions = ledger_partitions(settings)
    wrong = (partition_of("acme", partitions) + 1) % partitions
    value = encode_usage(usage("lost", "acme"), header=Wire(settings).header("usage-event"))
    send_raw(settings, "usage-events", wrong, value)
    send(settings, [usage("event", "acme")])
    with processing(settings, tmp_path / "log"):
        wait_for_deductions(settings, 1)
        [letter] = wait_for_letters(settings, 1)
    assert (letter.reason, letter.partition, letter.value) == ("wrong_partition", wrong, value)


def test_refusals_are_recorded_and_answered(settings: Settings, tmp_path: Path) -> None:
    late = built_usage("late", customer_id="acme", occurred_at=1_000_000)
    with processing(settings, tmp_path / "log"), Requests(settings) as requests:
        send(settings, [late, usage("event", "acme")])
        asked = command(Grant(amount=0, kind="promotional"), "nothing", "acme")
        [reply] = requests.ask([asked])
        assert (reply.outcome, reply.code) == ("rejected", "invalid_amount")
        [again] = requests.ask([asked])
        assert (again.outcome, again.code) == ("duplicate", "invalid_amount")
        wait_for_deductions(settings, 1)
    rejected = wait_for_type(settings, "acme", "rejected", 2)
    codes = sorted(
        each.details.rejection.code for each in rejected if each.details and each.details.rejection
    )
    assert codes == ["invalid_amount", "too_old"]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_restart_goes_on_where_the_ledger_ends(
    settings: Settings, tmp_path: Path, how: signal.Signals
) -> None:
    events = [usage(f"event {n}", CUSTOMERS[n % 20]) for n in range(3_000)]
    send(settings, events[:2_000])
    send_raw(settings, "usage-events", 0, b"garbage")
    with processing(settings, tmp_path / "first") as first:
        if how is signal.SIGTERM:
            wait_for_deductions(settings, 2_000)
        else:
            deadline = time.monotonic() + 60
            while not deductions(settings) and time.monotonic() < deadline:
                time.sleep(0.05)
        code = first.stop(how)
        assert code == (0 if how is signal.SIGTERM else -signal.SIGKILL), first.log.read_text()
    send(settings, events[1_500:])
    with processing(settings, tmp_path / "second"):
        wait_for_deductions(settings, 3_000)
    charged = [entry.facts.cause_id for entry in deductions(settings)]
    assert sorted(charged) == sorted(each.event_id for each in events)
    wait_for_letters(settings, 1)


def test_sigterm_commits_what_was_decided_and_leaves_the_group(
    settings: Settings, tmp_path: Path
) -> None:
    send(settings, [usage(f"event {n}", CUSTOMERS[n % 20]) for n in range(500)])
    with processing(settings, tmp_path / "log") as processor:
        wait_for_deductions(settings, 500)
        assert processor.stop() == 0
        lines = [
            json.loads(line) for line in processor.log.read_text().splitlines() if line[0] == "{"
        ]
    assert [lines[0]["event"], lines[-1]["event"]] == ["started", "stopped"]
    assert lines[0]["runtime"] in ("compiled", "pure")
    assert sum(max(0, offset) for offset in committed(settings).values()) == 500


def test_two_processes_share_the_partitions_and_charge_once(
    settings: Settings, tmp_path: Path
) -> None:
    events = [usage(f"event {n}", CUSTOMERS[n % 20]) for n in range(4_000)]
    send(settings, events[:1_000])
    with processing(settings, tmp_path / "first") as first:
        wait_for_deductions(settings, 1_000)
        with processing(settings, tmp_path / "second") as second:
            send(settings, events[1_000:3_000])
            wait_for_deductions(settings, 3_000)
            deadline = time.monotonic() + 60
            while "partition_opened" not in second.log.read_text():
                assert time.monotonic() < deadline, "the second process got no partition"
                time.sleep(0.2)
            assert first.stop() == 0
            send(settings, events[3_000:])
            wait_for_deductions(settings, 4_000)
    by_partition: dict[int, list[int]] = {}
    for entry in entries(settings):
        by_partition.setdefault(entry.source_partition, []).append(entry.partition_seq)
    for sequence in by_partition.values():
        assert sequence == list(range(1, len(sequence) + 1))
