"""Ticks: what one books in a partition, and when its owner sends one. No broker."""

from collections.abc import Callable
from typing import cast

from confluent_kafka import KafkaError, Message, Producer

from drawdown.adapters.avro.codec import encode_command, encode_usage
from drawdown.adapters.avro.wire import Wire
from drawdown.domain.entries import PARTITION_CUSTOMER, LedgerEntry
from drawdown.domain.inputs import ApplyRateCard, Command, CommandBody, Grant, Tick
from drawdown.domain.ledger import Ledger
from drawdown.domain.numbers import DAY_US, MINUTE_US, SECOND_US
from drawdown.ledger_processor.__main__ import framing
from drawdown.ledger_processor.breaker import Breaker
from drawdown.ledger_processor.deciding import Decider
from drawdown.ledger_processor.ticking import Ticker
from drawdown.settings import load
from tests.domain.building import CREDIT, T, card
from tests.domain.building import command as asked
from tests.domain.building import usage as used

SETTINGS = load(namespace="test")
WIRE = Wire(SETTINGS)
LOG_APPEND_TIME = 2
GRACE_US = 5 * MINUTE_US
EXPIRES_AT = T + DAY_US
DUE_AT = EXPIRES_AT + GRACE_US


class Record:
    """A consumed record."""

    def __init__(self, offset: int, value: bytes, recorded_at: int) -> None:
        self._offset, self._value, self._recorded_at = offset, value, recorded_at

    def offset(self) -> int:
        return self._offset

    def key(self) -> bytes:
        return b""

    def value(self) -> bytes:
        return self._value

    def timestamp(self) -> tuple[int, int]:
        return LOG_APPEND_TIME, self._recorded_at // 1_000


class Partition:
    """A decider of a ledger with one partition, and the offsets of its inputs."""

    def __init__(self) -> None:
        ledger = Ledger(namespace="test", partition=0, rate_card_lead_us=0)
        self.decider = Decider(
            ledger,
            framing(WIRE, 1),
            usage_topic="u",
            command_topic="c",
            parked=set(),
            breaker=Breaker(most=0, window=1, parked=()),
            names_max=0,
        )
        self._commands = 0
        self._usage = 0

    def command(self, body: CommandBody, customer_id: str = "acme", at: int = T) -> None:
        given = asked(body, f"command {self._commands}", customer_id=customer_id, issued_at=at)
        value = encode_command(given, header=WIRE.header("command"))
        self.decider.decide_commands([Record(self._commands, value, at)], at)
        self._commands += 1

    def tick(self, at: int) -> None:
        self.command(Tick(), PARTITION_CUSTOMER, at)

    def usage(self, at: int) -> None:
        value = encode_usage(used(occurred_at=at), header=WIRE.header("usage-event"))
        self.decider.decide_usage([Record(self._usage, value, at)], at)
        self._usage += 1

    def entries(self) -> list[LedgerEntry]:
        """What was decided since the last call, whole."""
        found = []
        for record in self.decider.take().entries:
            entry, whole = WIRE.decode_entry_checked(record["value"])
            assert whole
            assert record["key"] == entry.facts.customer_id.encode()
            found.append(entry)
        return found


def granted(*customers: str) -> Partition:
    """A partition in which each of these customers has five credits until `EXPIRES_AT`."""
    partition = Partition()
    for customer_id in customers:
        body = Grant(amount=5 * CREDIT, kind="promotional", expires_at=EXPIRES_AT)
        partition.command(body, customer_id)
    return partition


def test_a_tick_books_for_many_accounts_each_in_its_own_chain() -> None:
    partition = granted("one", "two")
    heads = {each.facts.customer_id: each.hash for each in partition.entries()}
    partition.decider.watermark.ended("usage_events")
    partition.tick(DUE_AT)
    expired = partition.entries()
    assert [each.facts.type for each in expired] == ["expiration", "expiration"]
    assert {each.facts.customer_id: each.prev_hash for each in expired} == heads
    assert [(each.index, each.count) for each in expired] == [(0, 2), (1, 2)]
    assert {each.facts.cause for each in expired} == {"tick"}


def test_a_tick_is_not_answered_and_an_idle_one_is_no_reason_to_commit() -> None:
    partition = granted("one")
    partition.decider.watermark.ended("usage_events")
    partition.entries()
    partition.tick(T + SECOND_US)
    outbox = partition.decider.outbox
    assert (outbox.inputs, outbox.ticks, outbox.next_command_offset) == (0, 1, 2)
    partition.tick(DUE_AT)
    assert (outbox.inputs, outbox.ticks, outbox.replies) == (1, 2, [])
    assert (outbox.types, outbox.deductions) == ({"expiration": 1}, 0)


def test_positions_outlive_a_transaction() -> None:
    partition = granted("one")
    partition.usage(T)
    partition.decider.take()
    outbox = partition.decider.outbox
    assert (outbox.inputs, outbox.next_command_offset, outbox.next_usage_offset) == (0, 1, 1)


def test_usage_that_was_not_read_to_its_end_holds_bookings_back() -> None:
    partition = granted("one")
    partition.entries()
    partition.usage(T + SECOND_US)
    partition.entries()
    partition.tick(DUE_AT)
    assert partition.entries() == []
    partition.decider.watermark.ended("usage_events")
    partition.tick(DUE_AT + SECOND_US)
    assert [each.facts.type for each in partition.entries()] == ["expiration"]


def test_deductions_are_told_from_other_entries() -> None:
    partition = Partition()
    partition.command(ApplyRateCard(card=card(effective_from=T + 1)), PARTITION_CUSTOMER)
    partition.command(Grant(amount=5 * CREDIT, kind="promotional"))
    partition.usage(T + SECOND_US)
    outbox = partition.decider.outbox
    assert (outbox.types, outbox.deductions) == ({"rate_card_applied": 1, "grant": 1}, 1)


# ---- When a tick is sent.

Delivered = Callable[[KafkaError | None, Message], None]


class Acknowledged:
    """A record that a broker has taken."""

    def __init__(self, offset: int) -> None:
        self._offset = offset

    def offset(self) -> int:
        return self._offset


class Broker:
    """A producer's topic; what is produced is taken, or refused, when it is polled."""

    def __init__(self, end: int) -> None:
        self.ticks: list[Command] = []
        self.refuses = False
        self.full = False
        self._end = end
        self._waiting: list[tuple[bytes, Delivered]] = []

    def produce(
        self, topic: str, *, key: bytes, value: bytes, partition: int, on_delivery: Delivered
    ) -> None:
        assert (topic, key, partition) == ("test.ledger-commands", b"$partition", 0)
        if self.full:
            raise BufferError("Local: Queue full")
        self._waiting.append((value, on_delivery))

    def poll(self, _timeout_s: float) -> None:
        for value, on_delivery in self._waiting:
            if self.refuses:
                on_delivery(KafkaError(KafkaError._MSG_TIMED_OUT), cast(Message, None))
                continue
            self.ticks.append(WIRE.decode_command(value))
            on_delivery(None, cast(Message, Acknowledged(self._end)))
            self._end += 1
        self._waiting.clear()


class Owner:
    """A partition with a lot of one account, and its ticker."""

    def __init__(self, interval_s: float = 1.0) -> None:
        self.partition = granted("one")
        self.partition.decider.watermark.ended("usage_events")
        self.broker = Broker(end=1)
        settings = load(namespace="test", tick_interval_s=interval_s)
        producer = cast(Producer, self.broker)
        self.ticker = Ticker(settings, producer, header=WIRE.header("command"), actor="owner")

    def look(self, seconds: float) -> int:
        """Look so many seconds after the lot fell due; how many ticks were sent until then."""
        now_us = DUE_AT + int(seconds * SECOND_US)
        self.ticker.look({0: self.partition.decider}, 1_000_000 + seconds, now_us)
        self.broker.poll(0)
        return len(self.broker.ticks)


def test_a_tick_is_sent_once_something_may_be_due() -> None:
    owner = Owner()
    assert owner.look(-1) == 0
    assert owner.look(0) == 1
    [tick] = owner.broker.ticks
    assert (tick.actor, tick.issued_at, tick.body) == ("owner", DUE_AT, Tick())


def test_one_tick_at_a_time_and_then_one_an_interval() -> None:
    owner = Owner()
    owner.look(0)
    assert owner.look(5) == 1, "the first isn't consumed yet"
    # The broker's clock is a little behind: the tick comes too early to book anything.
    owner.partition.tick(DUE_AT - SECOND_US)
    assert owner.look(5.5) == 2
    owner.partition.tick(DUE_AT - SECOND_US)
    assert owner.look(6) == 2, "within the interval"
    assert owner.look(6.6) == 3


def test_nothing_more_is_sent_when_all_is_booked() -> None:
    owner = Owner()
    owner.look(0)
    for second in range(1, 4):
        owner.partition.tick(DUE_AT + second * SECOND_US)
    assert owner.look(5) == 1


def test_what_one_tick_left_over_is_fetched_at_once() -> None:
    owner = Owner(interval_s=60)
    owner.look(0)
    owner.partition.tick(DUE_AT)
    assert owner.partition.decider.ledger.next_due_at() <= owner.partition.decider.watermark.value
    assert owner.look(0.1) == 2


def test_a_tick_that_the_broker_refused_is_sent_anew() -> None:
    owner = Owner()
    owner.broker.refuses = True
    assert owner.look(0) == 0
    owner.broker.refuses = False
    assert owner.look(0.1) == 1


def test_a_tick_that_finds_no_room_is_sent_later() -> None:
    owner = Owner()
    owner.broker.full = True
    assert owner.look(0) == 0
    owner.broker.full = False
    assert owner.look(0.1) == 1


def test_a_partition_that_begins_anew_waits_for_no_old_tick() -> None:
    owner = Owner()
    owner.look(0)
    owner.ticker.forget(0)
    assert owner.look(0.1) == 2


def test_an_interval_of_zero_sends_none() -> None:
    assert Owner(interval_s=0).look(100) == 0
