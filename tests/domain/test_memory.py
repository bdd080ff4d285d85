"""Memory: what stands for how long, and what is given back."""

from drawdown.domain.memory import WINDOW_US, Memory, Remembered, key_of
from drawdown.domain.numbers import DAY_US


def remembered(until: int, offset: int = 0) -> Remembered:
    return Remembered(
        b"digest",
        topic="usage_events",
        partition=0,
        offset=offset,
        index=0,
        code="",
        until=until,
    )


def test_the_window_is_35_days() -> None:
    assert WINDOW_US == 35 * 86_400 * 1_000_000


def test_a_first_decision_stands_up_to_its_last_microsecond() -> None:
    memory = Memory()
    memory.keep("a", remembered(until=DAY_US + 5))
    first = memory.get("a", DAY_US + 5)
    assert first is not None
    assert (first.digest, first.entry_id, first.code) == (b"digest", "u-0-0-0", "")
    assert memory.get("a", DAY_US + 6) is None
    assert memory.get("b", 0) is None


def test_memory_is_given_back_a_day_after_the_window_at_the_least() -> None:
    memory = Memory()
    memory.keep("a", remembered(until=10 * DAY_US))
    memory.keep("b", remembered(until=11 * DAY_US - 1))
    memory.keep("c", remembered(until=11 * DAY_US))
    memory.forget_before(12 * DAY_US - 1)
    assert len(memory) == 3
    memory.forget_before(12 * DAY_US)
    assert len(memory) == 1
    assert memory.get("c", 0) is not None


def test_a_clock_set_back_brings_nothing_back_and_loses_nothing() -> None:
    memory = Memory()
    memory.forget_before(20 * DAY_US)
    memory.keep("a", remembered(until=12 * DAY_US))
    memory.forget_before(15 * DAY_US)
    assert memory.get("a", 12 * DAY_US) is not None
    memory.forget_before(21 * DAY_US)
    assert len(memory) == 0


def test_what_is_kept_anew_outlives_its_first_day() -> None:
    memory = Memory()
    memory.keep("a", remembered(until=10 * DAY_US, offset=1))
    memory.keep("a", remembered(until=20 * DAY_US, offset=2))
    memory.forget_before(15 * DAY_US)
    first = memory.get("a", 20 * DAY_US)
    assert first is not None
    assert first.entry_id == "u-0-2-0"
    memory.forget_before(22 * DAY_US)
    assert len(memory) == 0


def test_what_is_kept_twice_for_one_day_is_forgotten_once() -> None:
    memory = Memory()
    memory.keep("a", remembered(until=10 * DAY_US))
    memory.keep("a", remembered(until=10 * DAY_US))
    memory.forget_before(12 * DAY_US)
    assert len(memory) == 0


def test_keys_are_one_to_one() -> None:
    assert key_of("a", "bc") != key_of("ab", "c")
