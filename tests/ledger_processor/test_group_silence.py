"""A member that the group has left without partitions, and that never hears of it again, ends."""

from collections.abc import Sequence

import pytest
from confluent_kafka import KafkaError, KafkaException

from drawdown.adapters.kafka.group_silence import SILENT_S, Silence
from drawdown.errors import Unavailable
from tests.ledger_processor.processing import Process
from tests.ledger_processor.scripted import Patience, ScriptedContact, error
from tests.projection.test_bounds import Projecting


class Listening(ScriptedContact):
    """A member of a group, its clock, and a broker that answers or doesn't."""

    def __init__(self) -> None:
        self.away = False
        self.clock = Patience()
        self.silence = Silence(self, "usage", self.clock, within_s=1.0)

    def last_stable(self, topics: Sequence[str], partition: int, within_s: float) -> list[int]:
        if self.away:
            raise KafkaException(error(KafkaError._TIMED_OUT))
        return [0]

    def for_s(self, seconds: float) -> None:
        """Look once a second."""
        until = self.clock.monotonic() + seconds
        while self.clock.monotonic() < until:
            self.silence.look()
            self.clock.sleep(1)


def test_a_group_that_says_nothing_more_is_noticed() -> None:
    member = Listening()
    member.silence.taken(0)
    member.for_s(SILENT_S)
    with pytest.raises(Unavailable, match="said nothing for 80 s"):
        member.for_s(2)


def test_who_never_had_a_partition_may_wait_for_one() -> None:
    Listening().for_s(3 * SILENT_S)


def test_who_keeps_a_partition_waits_for_nothing() -> None:
    member = Listening()
    member.silence.taken(1)
    member.for_s(3 * SILENT_S)


def test_being_given_nothing_is_a_word_of_the_group() -> None:
    member = Listening()
    member.silence.taken(0)
    member.silence.assigned()
    member.for_s(3 * SILENT_S)


def test_while_the_broker_is_away_nobody_ends_and_the_wait_begins_anew_after_it() -> None:
    member = Listening()
    member.away = True
    member.silence.taken(0)
    member.for_s(2.5 * SILENT_S)
    member.away = False
    with pytest.raises(Unavailable, match="start it again"):
        member.for_s(SILENT_S)


def test_who_stands_still_hears_nothing_meanwhile() -> None:
    member = Listening()
    member.for_s(5)
    member.silence.taken(0)
    for _ in range(3):
        member.clock.sleep(2 * SILENT_S)
        member.silence.look()
    member.for_s(SILENT_S)
    with pytest.raises(Unavailable, match="said nothing"):
        member.for_s(2)


@pytest.mark.parametrize("how", ["on_lost", "on_revoke"])
def test_a_processor_ends_when_its_client_falls_silent(how: str) -> None:
    process = Process(2)
    process.give(0, 1)
    process.run()
    process.usage.rebalance(how, 0)
    process.run(2 * SILENT_S)
    process.usage.rebalance(how, 1)
    process.run(SILENT_S - 1)
    with pytest.raises(Unavailable, match="said nothing"):
        process.run(3)


def test_a_processor_that_is_given_partitions_again_goes_on() -> None:
    process = Process(1)
    process.give(0)
    process.usage.rebalance("on_lost", 0)
    process.run(SILENT_S / 2)
    process.give(0)
    process.run(2 * SILENT_S)


def test_a_projector_ends_when_its_client_falls_silent() -> None:
    projecting = Projecting()
    projecting.run(3)
    projecting.consumer.rebalance("on_revoke", 0)
    projecting.run(int(SILENT_S))
    with pytest.raises(Unavailable, match="said nothing"):
        projecting.run(3)


def test_a_projector_that_is_given_partitions_again_goes_on() -> None:
    projecting = Projecting()
    projecting.consumer.rebalance("on_revoke", 0)
    projecting.run(10)
    projecting.consumer.rebalance("on_assign", 0)
    projecting.run(int(2 * SILENT_S))
