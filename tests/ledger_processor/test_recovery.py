"""Recovery of a partition on the simulated broker: what it halts at, and what it skips."""

from collections.abc import Callable, Iterator
from random import Random
from typing import TypeVar

import pytest
from confluent_kafka import Message

from drawdown.adapters.avro.codec import encode_command, encode_usage
from drawdown.adapters.kafka.partitioner import partition_of
from drawdown.domain.dead_letters import DeadLetter
from drawdown.domain.entries import PARTITION_CUSTOMER
from drawdown.domain.inputs import ApplyRateCard, CommandBody, Grant, ParkRecord, RefundUsage
from drawdown.domain.numbers import MICRO
from drawdown.errors import Unavailable
from drawdown.ledger_processor.past import Past
from tests.domain.building import UNIT, card, command, usage
from tests.simulation.clock import MachineClock, Time
from tests.simulation.disk import CUSTOMERS_MAX, Disk
from tests.simulation.groups import Group
from tests.simulation.link import Link
from tests.simulation.log import Broker
from tests.simulation.processes import PARTITIONS, SETTINGS, WIRE, Processor
from tests.simulation.workload import HOME
from tests.simulation.world import TOPICS, logging_to

T = TypeVar("T")
NUMBER = HOME["ada"]
HOUR_S = 3_600


class Serving:
    """A broker and one processor, which begins with nothing."""

    def __init__(self) -> None:
        self.time = Time()
        self.broker = Broker(MachineClock(self.time), SETTINGS.transaction_timeout_ms)
        self.broker.create((SETTINGS.topic(name) for name in TOPICS), PARTITIONS)
        self.said: list[tuple[str, str]] = []
        self._group = Group(SETTINGS.group("ledger_processor"), PARTITIONS)
        self.processor: Processor

    def start(self) -> None:
        """Start the processor, on a new machine."""
        link = Link("processor", lambda *_: None)
        link.chance = Random(7)
        clock = MachineClock(self.time)
        self.processor = Processor(self.broker, self._group, link, clock, Disk())

    def run(self) -> None:
        """Until it has been quiet for a while."""
        for _ in range(60):
            self.processor.turn()
            while self.processor.tasks.waiting:
                self.processor.work(0)
            self.time.advance(0.5)
        assert not self.processor.gone, self.processor.ended

    def send(
        self, command_id: str, body: CommandBody, customer: str = "ada", *, ahead: bool = False
    ) -> int:
        """Append a command; `ahead`: by a broker whose clock is wrong, so that it halts."""
        value = encode_command(
            command(body, command_id, customer_id=customer, issued_at=self.broker.clock.now_us()),
            header=WIRE.header("command"),
        )
        self.broker.clock.wrong_us = HOUR_S * MICRO if ahead else 0
        place = (SETTINGS.topic("ledger-commands"), NUMBER)
        record = self.broker.append(place, customer.encode(), value)
        self.broker.clock.wrong_us = 0
        return record.offset

    def charge(self, event_id: str, tokens: int = 1) -> None:
        """Append a customer's usage."""
        event = usage(
            event_id,
            customer_id="ada",
            occurred_at=self.broker.clock.now_us(),
            quantities={"tokens": tokens * UNIT},
        )
        value = encode_usage(event, header=WIRE.header("usage-event"))
        self.broker.append((SETTINGS.topic("usage-events"), NUMBER), b"ada", value)

    def park(self, offset: int, command_id: str = "") -> None:
        """Append the command that parks a command."""
        body = ParkRecord(topic="ledger-commands", partition=NUMBER, offset=offset)
        self.send(command_id or f"park-{offset}", body, PARTITION_CUSTOMER)

    def halts(self) -> list[str]:
        """Why partitions have halted."""
        return [reason for event, reason in self.said if event == "partition_halted"]

    def codes(self) -> dict[str, str]:
        """The outcome of each command; a refused one's code."""
        replies = self._read("ledger-replies", WIRE.decode_reply)
        return {each.command_id: each.code or each.outcome for each in replies}

    def types(self) -> list[str]:
        """The types of the partition's entries."""
        return [each.facts.type for each in self._read("ledger-entries", WIRE.decode_entry)]

    def letters(self) -> list[DeadLetter]:
        """The partition's dead letters."""
        return self._read("dead-letters", WIRE.decode_dead_letter)

    def _read(self, name: str, decode: Callable[[bytes], T]) -> list[T]:
        log = self.broker.partitions[SETTINGS.topic(name), NUMBER]
        return [decode(each.value) for each in log.committed(0, 1_000) if each.value is not None]


@pytest.fixture
def serving() -> Iterator[Serving]:
    made = Serving()
    with logging_to(lambda said: made.said.append((said["event"], str(said.get("reason"))))):
        yield made


def test_a_command_that_halts_is_skipped_once_it_is_parked(serving: Serving) -> None:
    serving.send("g1", Grant(amount=MICRO, kind="promotional"))
    bad = serving.send("bad", Grant(amount=MICRO, kind="promotional"), ahead=True)
    serving.send("g2", Grant(amount=MICRO, kind="promotional"))
    serving.start()
    serving.run()
    assert [f"offset {bad} was appended too far ahead" in each for each in serving.halts()] == [
        True
    ]
    assert serving.codes() == {"g1": "accepted"}
    serving.park(bad)
    serving.run()
    assert len(serving.halts()) == 1
    assert serving.codes() == {"g1": "accepted", "g2": "accepted", f"park-{bad}": "accepted"}
    assert [(each.offset, each.reason) for each in serving.letters()] == [(bad, "parked")]


def test_a_command_that_waits_is_not_skipped_by_one_that_is_refused(serving: Serving) -> None:
    first = serving.send("g1", Grant(amount=MICRO, kind="promotional"))
    serving.park(first + 2, "too early")
    serving.send("g2", Grant(amount=MICRO, kind="promotional"))
    serving.start()
    serving.run()
    assert serving.codes() == {"g1": "accepted", "too early": "unknown_record", "g2": "accepted"}
    assert serving.letters() == []


def test_what_was_saved_leaves_memory(serving: Serving) -> None:
    customers = [f"c{n}" for n in range(200) if partition_of(f"c{n}", PARTITIONS) == NUMBER]
    for customer in customers:
        serving.send(customer, Grant(amount=MICRO, kind="promotional"), customer)
    serving.start()
    serving.run()
    assert len(serving.codes()) == len(customers) > 50
    [decider] = [
        writer.decider for n, writer in serving.processor.loop._writers.items() if n == NUMBER
    ]
    assert len(decider.ledger.cabinet) <= 2 * CUSTOMERS_MAX + SETTINGS.state_unsaved_entries


def charged(serving: Serving) -> None:
    """Give a customer credits, and charge two events, of which only rows are kept."""
    body = ApplyRateCard(card=card(effective_from=serving.broker.clock.now_us() + MICRO))
    serving.send("card", body, PARTITION_CUSTOMER)
    serving.send("g1", Grant(amount=9 * MICRO, kind="promotional"))
    serving.start()
    serving.run()
    for event_id in ("e1", "e2"):
        serving.charge(event_id, 2)
        serving.run()
    assert serving.codes() == {"card": "accepted", "g1": "accepted"}


def test_what_falls_due_is_booked_before_usage_where_commands_have_ended(serving: Serving) -> None:
    charged(serving)
    end_us = serving.broker.clock.now_us() + 30 * MICRO
    serving.send("g2", Grant(amount=MICRO, kind="promotional", expires_at=end_us))
    serving.run()
    before = len(serving.types())
    serving.time.advance(25 * HOUR_S)
    serving.charge("e3")
    serving.processor.turn()
    serving.run()
    assert serving.types()[before:] == ["expiration", "deduction"]


def test_a_refund_is_decided_again_where_its_charge_could_not_be_read(
    serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    charged(serving)
    read, refused = Past.read, [Unavailable("the broker is silent")] * 2

    def flaky(past: Past, partition: int, offset: int) -> list[Message]:
        if refused:
            raise refused.pop()
        return read(past, partition, offset)

    monkeypatch.setattr(Past, "read", flaky)
    serving.send("r1", RefundUsage(refund_id="r1", event_id="e1", amount=MICRO))
    serving.send("r2", RefundUsage(refund_id="r2", event_id="e1"))
    serving.run()
    assert refused == []
    assert serving.codes() == {
        "card": "accepted",
        "g1": "accepted",
        "r1": "accepted",
        "r2": "accepted",
    }
    assert [reason for event, reason in serving.said if event == "recovery_failed"] == [
        "the broker is silent"
    ] * 2
    serving.send("r3", RefundUsage(refund_id="r3", event_id="e1"))
    serving.run()
    assert serving.codes()["r3"] == "exceeds_charge"


def test_a_refund_whose_charge_is_gone_from_the_ledger_halts_and_names_its_command(
    serving: Serving,
) -> None:
    charged(serving)
    ledger = serving.broker.partitions[SETTINGS.topic("ledger-entries"), NUMBER]
    ledger.start = len(ledger.records)
    offset = serving.send("r1", RefundUsage(refund_id="r1", event_id="e1"))
    serving.run()
    [halt] = serving.halts()
    assert (
        f"ledger-commands offset {offset}: the ledger's partition {NUMBER}: entry 3 isn't" in halt
    )
    assert serving.processor.served() == PARTITIONS - 1


def test_what_is_no_dead_letter_halts_its_partition_and_gives_its_state_up(
    serving: Serving,
) -> None:
    serving.broker.append((SETTINGS.topic("dead-letters"), NUMBER), b"k", b"garbage")
    serving.send("g1", Grant(amount=MICRO, kind="promotional"))
    serving.start()
    serving.run()
    [halt] = serving.halts()
    assert f"dead-letters [{NUMBER}] offset 0 is no dead letter" in halt
    assert serving.codes() == {}
    assert serving.processor.served() == PARTITIONS - 1
