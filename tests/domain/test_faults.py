"""What decodes and is no input all the same, and how a reply tells of an entry."""

from dataclasses import replace

import pytest

from drawdown.domain.dead_letters import command_fault, usage_fault
from drawdown.domain.entries import PARTITION_CUSTOMER
from drawdown.domain.inputs import Grant, Tick
from drawdown.domain.replies import in_short
from tests.domain.building import CREDIT, CUSTOMER, World, command, usage

IDS = "event_id, unit and meter must be 1–128 bytes without NUL"


@pytest.mark.parametrize(
    ("event", "fault"),
    [
        (usage("e", properties={"model": "sage", "region": "eu"}), ""),
        (usage("e", customer_id=""), "customer_id must be 1–128 bytes without NUL"),
        (usage(""), IDS),
        (usage("e", unit="\0"), IDS),
        (usage("e", meter="m" * 129), IDS),
        (usage("e", properties={"model": "a\0b"}), "property 'model' contains NUL"),
        (usage("e", properties={"a\0b": "sage"}), "property 'a\\x00b' contains NUL"),
    ],
)
def test_usage_that_is_none(event: object, fault: str) -> None:
    assert usage_fault(event) == fault  # type: ignore[arg-type]


def test_commands_that_are_none() -> None:
    good = command(Grant(amount=CREDIT, kind="promotional"))
    assert command_fault(good) == ""
    assert command_fault(command(Tick(), customer_id=PARTITION_CUSTOMER)) == ""
    nobody = replace(good, customer_id="")
    assert command_fault(nobody) == "customer_id must be 1–128 bytes without NUL"
    for wrong in (replace(good, command_id=""), replace(good, unit="\0")):
        assert command_fault(wrong) == "command_id and unit must be 1–128 bytes without NUL"
    for wrong in (replace(good, reason="\0"), replace(good, actor="\0")):
        assert command_fault(wrong) == "reason or actor contains NUL"


def test_an_entry_in_short() -> None:
    world = World()
    world.grant("lot", CREDIT)
    short = in_short(world.log[0])
    assert (short.entry_id, short.type, short.amount) == ("c-3-0-0", "grant", CREDIT)
    assert (short.balance, short.available) == (CREDIT, CREDIT)
    assert (short.account_seq, short.partition_seq) == (1, 1)
    assert world.account(CUSTOMER).account_seq == 1
