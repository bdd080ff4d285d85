"""A consumer that hears nothing of a partition that goes on is noticed; one at its end isn't."""

from collections.abc import Callable, Sequence

import pytest
from confluent_kafka import KafkaError, KafkaException, Message

from drawdown.adapters.kafka.hearing import DEAF_S, Hearing
from drawdown.errors import Unavailable
from tests.ledger_processor.processing import Process, numbered
from tests.ledger_processor.scripted import Patience, ScriptedContact, error
from tests.projection.test_bounds import LEDGER, Projecting

OTHER = 1


class Reading(ScriptedContact):
    """A consumer of two partitions, the other of which goes on, and the broker's ends."""

    def __init__(self) -> None:
        self.ends = {0: 10, OTHER: 0}
        self.asked: list[int] = []
        self.away = False
        self.clock = Patience()
        self.hearing = Hearing(self, "usage", self.clock, within_s=1.0)
        for number in self.ends:
            self.hearing.reads(number, 0)

    def last_stable(self, topics: Sequence[str], partition: int, within_s: float) -> list[int]:
        self.asked.append(partition)
        if self.away:
            raise KafkaException(error(KafkaError._TIMED_OUT))
        return [self.ends[partition]]

    def records(self, *offsets: int) -> None:
        """Of the first partition."""
        batch = [Message(partition=0, offset=offset, value=b"") for offset in offsets]
        self.hearing.heard({0: batch}, {})

    def for_s(self, seconds: float, each: Callable[[], None] = lambda: None) -> None:
        """Look once a second, while the other partition's end is reached again and again."""
        until = self.clock.monotonic() + seconds
        while self.clock.monotonic() < until:
            self.clock.sleep(1)
            self.hearing.heard({}, {OTHER: 0})
            each()
            self.hearing.look()


def test_a_partition_that_goes_on_unheard_is_noticed() -> None:
    reading = Reading()
    reading.for_s(DEAF_S)
    assert reading.asked == []
    with pytest.raises(Unavailable, match=r"usage \[0\] for 60 s behind offset 0, .* on to 10"):
        reading.for_s(2)


def test_one_of_which_only_a_part_was_heard_is_noticed() -> None:
    reading = Reading()
    reading.records(0, 1, 8)
    with pytest.raises(Unavailable, match="behind offset 9"):
        reading.for_s(DEAF_S + 2)


def test_who_is_at_the_end_is_asked_about_now_and_then() -> None:
    reading = Reading()
    reading.records(9)
    reading.for_s(2.5 * DEAF_S)
    assert reading.asked == [0, 0]


def test_one_of_which_not_even_its_end_was_heard_is_noticed() -> None:
    reading = Reading()
    reading.ends[0] = 0
    reading.for_s(2 * DEAF_S)
    assert reading.asked == [0]
    with pytest.raises(Unavailable, match="behind offset 0, not even that it ends there"):
        reading.for_s(2)


def test_an_end_behind_markers_counts_as_heard() -> None:
    reading = Reading()
    reading.records(8)
    reading.hearing.heard({}, {0: 10})
    reading.for_s(2 * DEAF_S)
    assert set(reading.asked) == {0}


def test_who_hears_on_is_not_asked_about() -> None:
    reading = Reading()
    reading.ends[0] = 10**9
    offsets = iter(range(10**6))
    reading.for_s(3 * DEAF_S, lambda: reading.records(next(offsets)))
    assert reading.asked == []


def test_without_an_answer_it_is_asked_again_later() -> None:
    reading = Reading()
    reading.away = True
    reading.for_s(2.5 * DEAF_S)
    assert reading.asked == [0, 0]
    reading.away = False
    with pytest.raises(Unavailable):
        reading.for_s(DEAF_S)


def test_what_rests_has_its_time_when_it_goes_on() -> None:
    reading = Reading()
    until = reading.clock.monotonic() + 3 * DEAF_S
    while reading.clock.monotonic() < until:
        reading.clock.sleep(1)
        reading.hearing.look({0, OTHER})
    reading.for_s(DEAF_S - 2)
    assert reading.asked == []
    with pytest.raises(Unavailable):
        reading.for_s(4)


def test_what_is_read_no_more_is_forgotten() -> None:
    reading = Reading()
    reading.hearing.ends([0, 7])
    reading.records(3)
    reading.for_s(2 * DEAF_S)
    assert reading.asked == []
    reading.hearing.reads(0, 10)
    reading.for_s(2 * DEAF_S)
    assert reading.asked == [0]


def test_who_stood_still_could_not_hear() -> None:
    reading = Reading()
    reading.for_s(DEAF_S - 5)
    reading.clock.sleep(3_600)
    reading.hearing.look()
    reading.for_s(DEAF_S - 5)
    assert reading.asked == []


def test_a_processor_ends_when_it_is_deaf_to_an_input() -> None:
    process = Process(2)
    process.give(0, 1)
    process.send(0, *numbered(10))
    process.run()
    process.send(0, *numbered(5))
    process.usage.paused.add(0)  # As a client does that doesn't fetch.
    process.run(DEAF_S - 5)
    with pytest.raises(Unavailable, match=r"usage-events \[0\]"):
        process.run(10)


def test_a_processor_that_has_read_all_goes_on() -> None:
    process = Process(2)
    process.give(0, 1)
    process.send(0, *numbered(10))
    process.run(3 * DEAF_S)
    assert process.committed(0) == numbered(10)


def test_a_projector_ends_when_it_is_deaf() -> None:
    projecting = Projecting()
    projecting.run(1)
    assert 0 < len(projecting.written()) < len(LEDGER.entries)
    projecting.consumer.paused.add(0)
    with pytest.raises(Unavailable, match=r"entries \[0\]"):
        projecting.run(int(DEAF_S) + 3)


def test_a_projector_that_has_read_all_goes_on() -> None:
    projecting = Projecting()
    projecting.run(int(3 * DEAF_S))
    assert len(projecting.written()) == len(LEDGER.entries)
