"""Ends: that an input was read to its end is believed for as long as the broker says so."""

from collections.abc import Sequence
from typing import cast

from confluent_kafka import KafkaError, KafkaException

from drawdown.domain.numbers import SECOND_US
from drawdown.domain.watermark import Watermark
from drawdown.ledger_processor.ends import ANSWER_S, REST, Ends
from drawdown.ledger_processor.partition import Deciding
from tests.ledger_processor.scripted import Patience, ScriptedContact, error

T = 1_790_000_000_000_000


class Topic(ScriptedContact):
    """A partition that ends somewhere; asking where takes a while, and may fail."""

    def __init__(self, end: int, clock: Patience) -> None:
        self.end = end
        self.away = False
        self.takes_s = 0.01
        self._clock = clock

    def last_stable(self, topics: Sequence[str], partition: int, within_s: float) -> list[int]:
        self._clock.sleep(self.takes_s)
        if self.away:
            raise KafkaException(error(KafkaError._TRANSPORT))
        return [self.end]


class Decider:
    """A partition on which something falls due; usage was read up to T."""

    def __init__(self, due_at: int) -> None:
        self.watermark = Watermark()
        self.watermark.consumed("usage_events", T)
        self.ledger = self
        self._due_at = due_at

    def next_due_at(self) -> int:
        return self._due_at


class Reader:
    """A decider and the ends of usage, of which offset 5 was reached."""

    def __init__(self, due_at: int = T + SECOND_US) -> None:
        self.clock = Patience()
        self.topic = Topic(5, self.clock)
        self.decider = Decider(due_at)
        self.ends = Ends(self.topic, "usage", "usage_events", self.clock)
        self.ends.reached(0, 5)

    def decides_command(self, at: int) -> int:
        """A command appended at `at` is decided; the watermark after it."""
        self.ends.confirm(0, cast(Deciding, self.decider), at)
        self.decider.watermark.consumed("ledger_commands", at)
        return self.decider.watermark.value


def test_an_input_that_still_ends_there_counts_as_far_as_the_other() -> None:
    assert Reader().decides_command(T + 9 * SECOND_US) == T + 9 * SECOND_US


def test_one_that_goes_on_counts_as_far_as_it_was_read() -> None:
    reader = Reader()
    reader.topic.end = 6
    assert reader.decides_command(T + 9 * SECOND_US) == T


def test_one_whose_records_are_not_decided_has_no_end() -> None:
    reader = Reader()
    reader.ends.forget([0])
    assert reader.decides_command(T + 9 * SECOND_US) == T


def test_a_broker_that_does_not_answer_is_a_doubt() -> None:
    reader = Reader()
    reader.topic.away = True
    assert reader.decides_command(T + 9 * SECOND_US) == T
    reader.topic.away = False
    reader.clock.sleep(1)
    assert reader.decides_command(T + 10 * SECOND_US) == T + 10 * SECOND_US


def test_an_end_is_believed_once() -> None:
    reader = Reader()
    assert reader.decides_command(T + 2 * SECOND_US) == T + 2 * SECOND_US
    reader.topic.end = 6
    reader.clock.sleep(1)
    assert reader.decides_command(T + 3 * SECOND_US) == T + 2 * SECOND_US


def test_the_broker_is_asked_only_where_something_is_due() -> None:
    reader = Reader(due_at=T + 60 * SECOND_US)
    before = reader.clock.monotonic()
    assert reader.decides_command(T + 9 * SECOND_US) == T
    assert reader.clock.monotonic() == before


def test_asking_takes_a_tenth_of_the_time_at_most() -> None:
    reader = Reader()
    assert reader.decides_command(T + 2 * SECOND_US) == T + 2 * SECOND_US
    reader.clock.sleep(0.05)
    assert reader.decides_command(T + 3 * SECOND_US) == T + 2 * SECOND_US
    reader.clock.sleep(0.06)
    assert reader.decides_command(T + 4 * SECOND_US) == T + 4 * SECOND_US


def test_who_stood_still_while_asking_asks_again_soon() -> None:
    reader = Reader()
    reader.topic.takes_s = 3_600
    assert reader.decides_command(T + 2 * SECOND_US) == T + 2 * SECOND_US
    reader.topic.takes_s = 0.01
    reader.clock.sleep(REST * ANSWER_S + 1)
    assert reader.decides_command(T + 3 * SECOND_US) == T + 3 * SECOND_US
