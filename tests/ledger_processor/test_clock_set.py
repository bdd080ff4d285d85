"""A clock that is set ends whoever has clients of the broker; one that goes on doesn't."""

import pytest

from drawdown.clock import STEP_S, Steadiness
from drawdown.errors import Unavailable
from tests.ledger_processor.processing import Process
from tests.ledger_processor.scripted import Patience


@pytest.mark.parametrize("step_s", [3_600, STEP_S + 1])
def test_a_clock_that_is_set_back_ends_the_process_once(step_s: float) -> None:
    clock = Patience()
    steadiness = Steadiness(clock)
    clock.us -= int(step_s * 1_000_000)
    with pytest.raises(Unavailable, match=f"set back by {step_s:.0f} s"):
        steadiness.look()
    steadiness.look()


def test_a_machine_that_was_suspended_goes_on() -> None:
    clock = Patience()
    steadiness = Steadiness(clock)
    clock.us += 3_600 * 1_000_000
    steadiness.look()
    clock.us -= 3_600 * 1_000_000
    with pytest.raises(Unavailable, match="set back by 3600 s"):
        steadiness.look()


def test_time_that_passes_and_a_clock_that_is_kept_right_are_no_step() -> None:
    clock = Patience()
    steadiness = Steadiness(clock)
    for _ in range(100):
        clock.sleep(3_600)
        clock.us += 1_000_000
        steadiness.look()


def test_the_loop_looks_at_each_turn() -> None:
    process = Process(1)
    process.give(0)
    process.loop.turn()
    process.clock.us -= 3_600 * 1_000_000
    with pytest.raises(Unavailable, match="clock was set"):
        process.loop.turn()
