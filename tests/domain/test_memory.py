"""Memory: what stands for how long, and what a shelf is asked for."""

from drawdown.domain.kept import Kept
from drawdown.domain.memory import WINDOW_US, Remembered, key_of, standing
from drawdown.domain.numbers import DAY_US


def first(until: int, offset: int = 0) -> Remembered:
    return Remembered(
        b"digest", topic="usage_events", partition=3, offset=offset, index=1, code="", until=until
    )


def test_a_first_decision_stands_until_its_window_ends() -> None:
    memory: Kept[Remembered] = Kept()
    decision = first(WINDOW_US)
    memory.keep("a", decision)
    assert standing(memory, "a", WINDOW_US) is decision
    assert standing(memory, "a", WINDOW_US + 1) is None
    assert standing(memory, "b", 0) is None
    assert WINDOW_US == 35 * DAY_US


def test_a_later_decision_takes_its_place() -> None:
    memory: Kept[Remembered] = Kept()
    memory.keep("a", first(10))
    memory.keep("a", first(30, offset=7))
    found = standing(memory, "a", 20)
    assert found is not None
    assert found.entry_id == "u-3-7-1"
    assert len(memory) == 1


def test_a_decision_kept_longer_is_the_same_decision() -> None:
    longer = first(10).kept(until=20, holds=2)
    assert (longer.until, longer.holds) == (20, 2)
    assert (longer.digest, longer.entry_id, longer.code) == (b"digest", "u-3-0-1", "")


def test_what_is_not_here_is_asked_of_the_shelf() -> None:
    memory: Kept[Remembered] = Kept()
    on_shelf = {"a": first(10), "b": first(20)}
    memory.fetch = on_shelf.get
    memory.absent.add("b")
    newer = first(30)
    memory.keep("c", newer)
    assert memory.get("a") is on_shelf["a"]
    assert memory.get("b") is None, "it is known not to be there"
    assert memory.get("c") is newer


def test_only_what_was_saved_is_let_go_of() -> None:
    memory: Kept[Remembered] = Kept()
    saved, newer = first(10), first(20)
    memory.keep("a", saved)
    memory.keep("a", newer)
    memory.absent.add("b")
    memory.drop("a", saved)
    assert memory.get("a") is newer
    assert not memory.absent, "the shelf holds more than before"
    memory.drop("a", newer)
    assert memory.get("a") is None


def test_keys_of_different_ids_differ() -> None:
    assert key_of("a", "bc") != key_of("ab", "c")
