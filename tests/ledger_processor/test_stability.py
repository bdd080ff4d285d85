"""Waiting for the broker to decide: how long, and what is told."""

from collections.abc import Sequence

import pytest
from confluent_kafka import KafkaError, KafkaException

from drawdown.ledger_processor.stability import PATIENCE_S, Stability, Stable
from tests.ledger_processor.scripted import Patience, error

NO_ANSWER = KafkaException(error(KafkaError._TIMED_OUT, "retriable"))


class Answers:
    """A broker that answers so, one question after the other, and then stays with the last."""

    def __init__(self, *answers: int | KafkaException) -> None:
        self.clock = Patience()
        self._answers = list(answers)
        self.asked = 0

    def wait(self, end: int, within_s: float = 30.0) -> tuple[Stable, float]:
        """What is told, and after how many seconds."""
        began_at = self.clock.monotonic()
        ends = {"replies": end}
        stable = Stability(self._answer, self.clock).wait(ends, within_s=within_s)
        return stable, self.clock.monotonic() - began_at

    def _answer(self, names: Sequence[str]) -> list[int]:
        assert names == ["replies"]
        answer = self._answers[min(self.asked, len(self._answers) - 1)]
        self.asked += 1
        if isinstance(answer, KafkaException):
            raise answer
        return [answer]


@pytest.mark.parametrize("told", [7, 9])
def test_what_is_decided_already_is_not_waited_for(told: int) -> None:
    assert Answers(told).wait(7) == (Stable(reached=True, told={"replies": told}), 0)


def test_markers_are_looked_for_ever_less_often() -> None:
    answers = Answers(*[5] * 9, 7)
    stable, seconds = answers.wait(7)
    assert stable == Stable(reached=True, told={"replies": 7})
    assert answers.asked == 10
    assert 0.1 < seconds < 0.3


def test_a_broker_that_answers_has_a_while() -> None:
    stable, seconds = Answers(5).wait(7)
    assert stable == Stable(reached=False, told={"replies": 5})
    assert PATIENCE_S <= seconds < PATIENCE_S + 0.1


def test_one_that_does_not_is_waited_for_and_has_its_while_then() -> None:
    answers = Answers(*[NO_ANSWER] * 200, *[5] * 20, 7)
    stable, seconds = answers.wait(7)
    assert stable.reached
    assert 10 < seconds < 12


def test_nobody_is_waited_for_longer_than_asked() -> None:
    stable, seconds = Answers(NO_ANSWER).wait(7, within_s=4)
    assert stable == Stable(reached=False, told={})
    assert 4 <= seconds < 4.1
    stable, seconds = Answers(5).wait(7, within_s=0.5)
    assert stable == Stable(reached=False, told={"replies": 5})
    assert 0.5 <= seconds < 0.6


def test_several_outputs_are_asked_for_at_once_and_all_have_to_be_decided() -> None:
    clock, asked = Patience(), list[Sequence[str]]()

    def answer(names: Sequence[str]) -> list[int]:
        asked.append(names)
        return [4, 9 if len(asked) > 1 else 8]

    stable = Stability(answer, clock).wait({"b": 9, "a": 4}, within_s=30)
    assert stable == Stable(reached=True, told={"a": 4, "b": 9})
    assert asked == [["a", "b"], ["a", "b"]]
