"""Parking while deciding: a skipped record becomes a dead letter, whatever is wrong with it."""

import pytest
from confluent_kafka import Message

from drawdown.adapters.avro.wire import Wire
from drawdown.domain.dead_letters import DeadLetter
from drawdown.domain.entries import PARTITION_CUSTOMER
from drawdown.domain.inputs import Grant, ParkRecord
from drawdown.domain.numbers import MICRO, MINUTE_US
from drawdown.errors import PartitionHalted
from drawdown.ledger_processor.outbox import Outbox
from tests.ledger_processor.test_deciding import NOW, WIRE, Partition, entries, event, with_card

LATE = NOW + 60 * MINUTE_US


def letters(outbox: Outbox, wire: Wire = WIRE) -> list[DeadLetter]:
    return [wire.decode_dead_letter(each["value"]) for each in outbox.dead_letters]


def parked(partition: Partition, offset: int, topic: str = "usage-events") -> Outbox:
    body = ParkRecord(topic=topic, partition=0, offset=offset)
    return partition.command(f"park-{topic}-{offset}", PARTITION_CUSTOMER, body)


def codes(outbox: Outbox) -> list[str]:
    return [WIRE.decode_reply(each["value"]).code for each in outbox.replies]


def test_a_parked_record_is_skipped_and_the_next_is_decided() -> None:
    partition = with_card()
    partition.command("g", "ann", Grant(amount=100 * MICRO, kind="promotional"))
    value = event("skipped", input=MICRO)
    outbox = parked(partition, partition.offset + 2)
    assert codes(outbox) == [""]
    outbox = partition.usage(value)
    [letter] = letters(outbox)
    assert (letter.reason, letter.offset, letter.value) == ("parked", partition.offset, value)
    assert letter.detail.startswith("park-usage-events-")
    assert (outbox.entries, outbox.events) == ([], 0)
    assert outbox.next_usage_offset == partition.offset + 1
    outbox = partition.usage(event("next", input=MICRO))
    assert [each.facts.type for each in entries(outbox)] == ["deduction"]


def test_a_record_from_the_future_halts_until_it_is_parked() -> None:
    partition = Partition()
    partition.usage(b"garbage")
    late = Message(topic="t", partition=0, offset=9, value=b"late", timestamp=(2, LATE // 1_000))
    with pytest.raises(PartitionHalted, match="offset 9 was appended too far ahead"):
        partition.decider.decide_usage([late], NOW)
    parked(partition, 9)
    read = partition.decider.watermark.value
    partition.decider.decide_usage([late], NOW)
    [letter] = letters(partition.decider.take())
    assert (letter.reason, letter.recorded_at) == ("parked", LATE)
    assert partition.decider.watermark.value == read, "nothing is due by a wrong time"


def test_a_record_that_was_decided_is_not_parked() -> None:
    partition = with_card()
    partition.usage(event("decided", input=MICRO))
    outbox = parked(partition, partition.offset)
    assert codes(outbox) == ["record_decided"]
    assert outbox.rejections == {"record_decided": 1}


def test_an_assertion_names_the_record_that_breaks_it() -> None:
    partition = with_card()
    partition.command("g", "ann", Grant(amount=MICRO, kind="promotional"))
    account = partition.decider.ledger.account("ann", "credit")
    assert account is not None
    account.begin()  # Left open, as a fault in a decision would leave it.
    offset = partition.offset + 1
    with pytest.raises(AssertionError, match=rf"live\.usage-events offset {offset}: one decision"):
        partition.usage(event("e", unpriced=MICRO))
    with pytest.raises(AssertionError, match=rf"live\.ledger-commands offset {offset + 1}: one"):
        partition.command("h", "ann", Grant(amount=MICRO, kind="promotional"))
