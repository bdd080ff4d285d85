"""Parking: which records may be skipped, and what the ledger says of it."""

import pytest

from drawdown.domain.entries import PARTITION_CUSTOMER, InputTopic, ParkedRecord
from drawdown.domain.inputs import ParkRecord
from tests.domain.building import World, command, ledger_state


def park(world: World, body: ParkRecord, command_id: str = "park", reason: str = "") -> str:
    """Ask for it; the code, empty where it is accepted."""
    given = command(body, command_id, customer_id=PARTITION_CUSTOMER, reason=reason)
    return world.decide(given).code


def record(offset: int, topic: str = "usage-events", partition: int = 3) -> ParkRecord:
    return ParkRecord(topic=topic, partition=partition, offset=offset)


def test_a_record_is_parked_by_an_entry_that_names_it() -> None:
    world = World()
    assert park(world, record(7), reason="breaks an assertion") == ""
    [entry] = world.log
    assert (entry.facts.type, entry.facts.customer_id) == ("record_parked", PARTITION_CUSTOMER)
    assert entry.facts.details is not None
    assert entry.facts.details.parked == ParkedRecord(topic="usage_events", offset=7)
    skips = world.ledger.parking.skips("usage_events")
    assert skips == {7: "park by tester: breaks an assertion"}
    assert world.ledger.parking.skips("ledger_commands") == {}


def test_a_fold_of_the_log_skips_the_same() -> None:
    world = World()
    park(world, record(7))
    again = World()
    for entry in world.log:
        again.ledger.evolve(entry)
    assert ledger_state(again.ledger) == ledger_state(world.ledger)
    assert again.ledger.parking.skips("usage_events") == {7: "park by tester"}


@pytest.mark.parametrize(
    "body",
    [record(-1), record(7, "ledger-entries"), record(7, partition=2), record(7, "usage_events")],
)
def test_what_is_no_input_of_the_partition_is_unknown(body: ParkRecord) -> None:
    assert park(World(), body) == "unknown_record"


def test_a_record_is_parked_once() -> None:
    world = World()
    assert park(world, record(7)) == ""
    assert park(world, record(7), "again") == "record_decided"
    assert park(world, record(8), "other") == ""


@pytest.mark.parametrize(
    ("topic", "of_usage", "of_commands"),
    [("usage-events", 8, 0), ("ledger-commands", 0, 8)],
)
def test_a_record_that_was_read_is_not_parked(topic: str, of_usage: int, of_commands: int) -> None:
    world = World()
    world.ledger.parking.read(usage=of_usage, commands=of_commands, stands_at=20)
    assert park(world, record(7, topic)) == "record_decided"
    assert park(world, record(8, topic), "next") == ""


def test_positions_never_go_back() -> None:
    world = World()
    for usage in (8, 3):
        world.ledger.parking.read(usage=usage, commands=0, stands_at=0)
    assert park(world, record(7)) == "record_decided"


def test_a_command_is_parked_by_one_that_follows_it() -> None:
    world = World()
    world.ledger.parking.read(usage=0, commands=5, stands_at=9)
    assert park(world, record(9, "ledger-commands")) == "unknown_record"
    assert park(world, record(8, "ledger-commands"), "before") == ""


@pytest.mark.parametrize(
    ("topic", "kind"), [("usage-events", "usage_events"), ("ledger-commands", "ledger_commands")]
)
def test_a_record_that_was_skipped_counts_as_unread(topic: str, kind: InputTopic) -> None:
    world = World()
    world.ledger.parking.skipped(kind, 4)
    world.ledger.parking.read(usage=8, commands=8, stands_at=8)
    assert park(world, record(4, topic)) == ""
    assert park(world, record(5, topic), "other") == "record_decided"


def test_what_is_expected_is_skipped_before_it_is_decided() -> None:
    world = World()
    body = record(4, "ledger-commands")
    given = command(body, "park", customer_id=PARTITION_CUSTOMER, actor="", reason="why")
    world.ledger.parking.expect(given, body)
    assert world.ledger.parking.skips("ledger_commands") == {4: "park by nobody named: why"}
    assert world.ledger.parking.records() == []
