"""Deciding: records of one partition in; entries, replies, dead letters and counts out."""

from dataclasses import replace

from confluent_kafka import Message

from drawdown.adapters.avro import codec
from drawdown.adapters.avro.schema_ids import FileSchemaIds
from drawdown.adapters.avro.wire import HEADER_BYTES, Wire
from drawdown.domain.entries import PARTITION_CUSTOMER, LedgerEntry
from drawdown.domain.inputs import ApplyRateCard, Command, CommandBody, Grant, Tick, UsageEvent
from drawdown.domain.ledger import Ledger
from drawdown.domain.numbers import DAY_US, MICRO, MINUTE_US, SECOND_US
from drawdown.ledger_processor.__main__ import framing
from drawdown.ledger_processor.breaker import Breaker
from drawdown.ledger_processor.deciding import Decider
from drawdown.ledger_processor.outbox import Outbox
from drawdown.settings import load
from tests.benchmarks.grants import rate_card

NOW = 1_790_000_000 * SECOND_US
LOG_APPEND_TIME = 2
WIRE = Wire(load(), FileSchemaIds())


class Partition:
    """A decider with its inputs, each record appended at the moment given (µs)."""

    def __init__(self) -> None:
        ledger = Ledger(
            namespace="live", partition=0, rate_card_lead_us=0, read_usage=WIRE.usage_in
        )
        self.decider = Decider(
            ledger,
            framing(WIRE, partitions=1),
            usage_topic="live.usage-events",
            command_topic="live.ledger-commands",
            parked=set(),
            breaker=Breaker(most=3, window=10, parked=()),
            names_max=2,
        )
        self.offset = 0

    def usage(self, value: bytes, at: int = NOW) -> Outbox:
        self.decider.decide_usage([self._record(value, at)], at)
        return self.decider.take()

    def command(self, command_id: str, customer: str, body: CommandBody, at: int = NOW) -> Outbox:
        command = Command(
            command_id=command_id,
            issued_at=at,
            actor="test",
            customer_id=customer,
            unit="credit",
            reason="",
            body=body,
        )
        value = codec.encode_command(command, header=WIRE.header("command"))
        self.decider.decide_commands([self._record(value, at)], at)
        return self.decider.take()

    def _record(self, value: bytes, at: int) -> Message:
        self.offset += 1
        return Message(
            topic="t",
            partition=0,
            offset=self.offset,
            key=b"k",
            value=value,
            timestamp=(LOG_APPEND_TIME, at // 1_000),
        )


def event(event_id: str, **quantities: int) -> bytes:
    usage = UsageEvent(
        event_id=event_id,
        customer_id="ann",
        unit="credit",
        meter="llm.tokens",
        occurred_at=NOW,
        status="succeeded",
        properties={"model": "swift-1"},
        quantities=quantities,
        hold_id="",
        hold_final=False,
        digest=b"",
    )
    return codec.encode_usage(usage, header=WIRE.header("usage-event"))


def entries(outbox: Outbox) -> list[LedgerEntry]:
    return [codec.decode_entry(each["value"], HEADER_BYTES) for each in outbox.entries]


def with_card() -> Partition:
    partition = Partition()
    card = replace(rate_card(), effective_from=NOW)
    partition.command("card", PARTITION_CUSTOMER, ApplyRateCard(card=card))
    return partition


def test_usage_is_charged_once_and_its_repeat_counted() -> None:
    partition = with_card()
    partition.command("g", "ann", Grant(amount=100 * MICRO, kind="promotional"))
    first = partition.usage(event("e", input=MICRO))
    assert [each.facts.type for each in entries(first)] == ["deduction"]
    assert first.entries[0]["key"] == b"ann"
    again = partition.usage(event("e", input=MICRO))
    assert (again.entries, again.duplicates, again.events) == ([], 1, 1)


def test_a_refusal_is_written_and_counted() -> None:
    outbox = with_card().usage(event("e", unpriced=MICRO))
    assert [each.facts.type for each in entries(outbox)] == ["rejected"]
    assert (outbox.rejections, outbox.duplicates) == ({"no_rate": 1}, 0)


def test_a_command_is_answered_and_a_tick_is_not() -> None:
    partition = Partition()
    granted = partition.command("g", "ann", Grant(amount=MICRO, kind="promotional"))
    assert len(granted.replies) == 1
    ticked = partition.command("t", PARTITION_CUSTOMER, Tick())
    assert (ticked.replies, ticked.entries, ticked.ticks) == ([], [], 1)


def test_a_tick_books_what_is_due_on_each_account_in_its_own_chain() -> None:
    partition = Partition()
    lot = Grant(amount=MICRO, kind="promotional", expires_at=NOW + DAY_US)
    heads = {
        customer: entries(partition.command("g", customer, lot))[-1].hash
        for customer in ("ann", "bob")
    }
    partition.decider.watermark.ended("usage_events")
    ticked = partition.command("t", PARTITION_CUSTOMER, Tick(), NOW + DAY_US + 6 * MINUTE_US)
    booked = entries(ticked)
    assert {each.facts.customer_id: each.prev_hash for each in booked} == heads
    assert {each.facts.type for each in booked} == {"expiration"}
    assert [(each.index, each.count) for each in booked] == [(0, 2), (1, 2)]


def test_dead_letters_are_read_time_too() -> None:
    partition = Partition()
    partition.usage(b"garbage", NOW)
    partition.command("t", PARTITION_CUSTOMER, Tick(), NOW + SECOND_US)
    assert partition.decider.watermark.value == NOW
    assert partition.decider.ledger.watermark == NOW
