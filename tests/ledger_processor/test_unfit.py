"""What decodes and is no input all the same: deciding and redriving judge it alike."""

import pytest

from drawdown.adapters.avro import codec
from drawdown.adapters.avro.wire import HEADER_BYTES
from drawdown.domain.dead_letters import command_fault, usage_fault
from drawdown.domain.inputs import Command, Tick, UsageEvent
from drawdown.domain.numbers import MICRO
from tests.domain.building import command as built_command
from tests.domain.building import usage as built_usage
from tests.ledger_processor.test_deciding import NOW, WIRE, Partition
from tests.ledger_processor.test_parking import letters

LONG = "x" * 129
USAGE: list[UsageEvent] = [
    built_usage(event_id="", occurred_at=NOW),
    built_usage(LONG, occurred_at=NOW),
    built_usage(customer_id="", occurred_at=NOW),
    built_usage(customer_id="nul\0", occurred_at=NOW),
    built_usage(unit=LONG, occurred_at=NOW),
    built_usage(meter="", occurred_at=NOW),
    built_usage(properties={"a\0": ""}, occurred_at=NOW),
    built_usage(properties={"a": "\0"}, occurred_at=NOW),
]
COMMANDS: list[Command] = [
    built_command(Tick(), ""),
    built_command(Tick(), LONG),
    built_command(Tick(), customer_id=LONG),
    built_command(Tick(), unit=""),
    built_command(Tick(), reason="\0"),
    built_command(Tick(), actor="\0"),
]


@pytest.mark.parametrize("event", USAGE)
def test_usage_that_is_no_input_is_parked_for_its_fault(event: UsageEvent) -> None:
    [letter] = letters(Partition().usage(encoded(event)))
    assert (letter.reason, letter.detail) == ("undecodable", usage_fault(event))
    assert letter.detail


def encoded(event: UsageEvent) -> bytes:
    value = codec.encode_usage(event, header=WIRE.header("usage-event"))
    assert codec.decode_usage(value, HEADER_BYTES).event_id == event.event_id
    return value


def test_usage_of_a_known_customer_is_judged_too() -> None:
    partition = Partition()
    partition.usage(encoded(built_usage("first", occurred_at=NOW)))
    [letter] = letters(partition.usage(encoded(built_usage("", occurred_at=NOW))))
    assert letter.detail == "event_id, unit and meter must be 1–128 bytes without NUL"
    assert usage_fault(built_usage("second", quantities={"tokens": MICRO})) == ""


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_that_is_no_input_is_parked_for_its_fault(command: Command) -> None:
    partition = Partition()
    value = codec.encode_command(command, header=WIRE.header("command"))
    partition.decider.decide_commands([partition._record(value, NOW)], NOW)
    [letter] = letters(partition.decider.take())
    assert (letter.reason, letter.detail) == ("undecodable", command_fault(command))
    assert letter.detail
