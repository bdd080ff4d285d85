"""Partitions that halt: what they commit before, and what opens them again."""

import pytest

from drawdown.domain.numbers import SECOND_US
from drawdown.metrics import PARTITIONS_HALTED, PARTITIONS_POISONED
from tests.ledger_processor.processing import PARK, Process, labelled, numbered, serving


@pytest.mark.parametrize(("bad", "poisoned"), [(b"halt", 0), (b"poison", 1)])
def test_what_was_decided_before_a_halt_is_committed(bad: bytes, poisoned: int) -> None:
    process = serving(2)
    process.send(0, *numbered(7), bad, b"after")
    process.send(1, b"1")
    process.run(20)
    assert process.committed(0) == numbered(7)
    assert process.brokers[0].offsets == {"live.usage-events": 7}
    assert process.committed(1) == [b"1"]
    assert labelled(PARTITIONS_HALTED, "0") == 1
    assert labelled(PARTITIONS_POISONED, "0") == poisoned
    assert process.opened == [0, 1]


def test_a_halted_partition_is_opened_again_once_its_record_is_parked() -> None:
    process = serving(2)
    process.send(0, b"1", b"halt", b"2")
    process.run(5)
    assert process.committed(0) == [b"1"]
    process.command(0, b"another")
    process.command(1, PARK)
    process.run(60)
    assert process.opened == [0, 1]
    process.command(0, PARK)
    process.run(5)
    assert process.opened == [0, 1, 0]
    assert process.committed(0) == [b"1", b"halt", b"2"]
    assert labelled(PARTITIONS_HALTED, "0") == 0


def test_a_command_that_parks_is_seen_though_it_comes_before_the_partition_has_halted() -> None:
    process = serving(1, ledger_usage_batch=10)
    process.threads.slow = {"_commit"}
    process.send(0, b"1", b"halt")
    process.run()
    process.command(0, PARK)
    process.run()
    assert (process.committed(0), process.opened) == ([], [0])
    process.threads.slow.clear()
    process.threads.catch_up()
    process.run(5)
    assert process.opened == [0, 0]
    assert process.committed(0) == [b"1", b"halt"]


def test_a_partition_goes_on_when_the_clock_has_come_to_its_record() -> None:
    process = serving(2)
    limit_us = process.clock.now_us() + process.settings.clock_ahead_max_s * SECOND_US
    ahead = b"ahead%d" % (limit_us + 20 * SECOND_US)
    process.send(0, b"1", ahead, b"2")
    process.run(15)
    assert (process.committed(0), process.opened) == ([b"1"], [0, 1])
    assert labelled(PARTITIONS_HALTED, "0") == 1
    process.run(10)
    assert (process.committed(0), process.opened) == ([b"1", ahead, b"2"], [0, 1, 0])
    assert labelled(PARTITIONS_HALTED, "0") == 0


def test_a_partition_that_goes_is_not_waited_for() -> None:
    process = serving(1)
    ahead = process.clock.now_us() + (process.settings.clock_ahead_max_s + 20) * SECOND_US
    process.send(0, b"ahead%d" % ahead)
    process.run(5)
    process.take(0)
    process.run(60)
    assert process.opened == [0]


def test_a_partition_that_halts_while_it_is_opened_is_left_alone() -> None:
    process = Process(2)
    process.broken = {0}
    process.give(0, 1)
    process.send(1, b"1")
    process.run(60)
    process.command(0, PARK)
    process.run(60)
    assert process.opened == [0, 1]
    assert process.committed(1) == [b"1"]
    assert labelled(PARTITIONS_HALTED, "0") == 1
    process.take(0, 1)


def test_a_halted_partition_that_goes_is_not_looked_at_any_more() -> None:
    process = serving(1)
    process.send(0, b"halt")
    process.run(5)
    process.take(0)
    process.command(0, PARK)
    process.run(5)
    assert (process.opened, process.commands.positions) == ([0], {})
    process.give(0)
    process.run(5)
    assert process.committed(0) == [b"halt"]


def test_a_broken_invariant_commits_nothing_of_what_led_to_it() -> None:
    process = serving(1)
    process.send(0, b"1", b"wrong", b"2")
    process.run()
    assert process.committed(0) == []
    assert labelled(PARTITIONS_HALTED, "0") == 1
