"""When a partition that failed is opened again, and what is told of its recovery."""

from random import Random
from typing import cast

import pytest
from confluent_kafka import Consumer

from drawdown.ledger_processor.intake import Intake
from drawdown.ledger_processor.openings import Openings, Start
from drawdown.ledger_processor.progress import Abandoned, Progress
from drawdown.metrics import RECOVERY_LEFT, RECOVERY_RATE
from drawdown.settings import load
from tests.ledger_processor.processing import is_park, labelled
from tests.ledger_processor.scripted import Patience, ScriptedConsumer, ScriptedOffsets, Threads


def never(number: int, progress: Progress) -> Start:
    raise AssertionError(f"partition {number} isn't due")


def openings(seed: int = 1) -> Openings:
    return Openings(load(recovery_delay_max_s=5), never, Threads(), Patience(), Random(seed))


def delays(asked: Openings, count: int) -> list[float]:
    return [asked.ask_again(0) for _ in range(count)]


def test_delays_double_up_to_a_bound_each_cut_by_up_to_a_half() -> None:
    found = delays(openings(), 12)
    for delay, longest in zip(found, [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, *[5] * 6], strict=True):
        assert longest / 2 <= delay <= longest


def test_chance_is_a_seed_s() -> None:
    assert delays(openings(3), 9) == delays(openings(3), 9)
    assert delays(openings(3), 9) != delays(openings(4), 9)


@pytest.mark.parametrize("how", [Openings.succeeded, Openings.let_go])
def test_a_success_and_a_new_owner_begin_anew(how: object) -> None:
    asked = openings()
    delays(asked, 9)
    assert callable(how)
    how(asked, 0)
    assert asked.ask_again(0) <= 0.1


def test_a_partition_isn_t_opened_before_its_time() -> None:
    asked = openings()
    asked.ask(0, after_s=3)
    assert list(asked.finished()) == []
    assert len(asked) == 1
    asked.let_go(0)
    assert len(asked) == 0


def test_a_recovery_tells_how_far_it_is_and_leaves_off_when_asked() -> None:
    clock = Patience()
    progress = Progress(7, clock)
    clock.sleep(2)
    progress(300, 1_000)
    assert labelled(RECOVERY_LEFT, "7") == 700
    assert labelled(RECOVERY_RATE, "7") == 150
    progress.abandon()
    with pytest.raises(Abandoned):
        progress(400, 1_000)
    assert labelled(RECOVERY_LEFT, "7") == 0


@pytest.mark.parametrize("first", ["caught up", "room"])
def test_usage_is_read_once_commands_are_caught_up_with_and_there_is_room(first: str) -> None:
    usage, commands = ScriptedConsumer({0: []}), ScriptedConsumer({0: []})
    intake = Intake(
        load(),
        cast(Consumer, usage),
        cast(Consumer, commands),
        ScriptedOffsets({}, {}),
        is_park,
        Patience(),
    )
    intake.begin(0, 5, 3)
    intake.rest(0)
    steps = [lambda: intake.caught_up(0), lambda: intake.go_on(0)]
    if first == "room":
        steps.reverse()
    steps[0]()
    assert usage.paused == {0}
    steps[1]()
    assert usage.paused == commands.paused == set()
    assert (usage.positions, commands.positions) == ({0: 5}, {0: 3})
