"""What is published, when, and what of it again, with a broker that answers as it is told."""

from collections.abc import Sequence
from itertools import pairwise
from typing import cast

import pytest
from confluent_kafka import KafkaError, Producer

from drawdown.adapters.postgres.memory import MemoryProjectionStore
from drawdown.adapters.postgres.store import Position, Record, Unpublished
from drawdown.domain.entries import LedgerEntry
from drawdown.errors import Fenced
from drawdown.metrics import CATALOGUE
from drawdown.projection.publisher import Publisher
from drawdown.settings import load
from tests.ledger_processor.scripted import Patience, error
from tests.plugins.sealed_ledger import SealedLedger
from tests.projection.batches import Given
from tests.projection.publishing import ToldProducer

LEDGERS = [SealedLedger(load(namespace="publishing"), partition) for partition in range(2)]
for each in LEDGERS:
    each.live(["acme", "zenith"], 20)


def last_of_each(entries: Sequence[LedgerEntry]) -> list[Record]:
    """A record a customer, which says the last entry."""
    last = {each.facts.customer_id: each.partition_seq for each in entries}
    return [(customer.encode(), str(seq).encode()) for customer, seq in last.items()]


class SlowStore(MemoryProjectionStore):
    """A store whose rows take time to read."""

    def __init__(self, clock: Patience) -> None:
        super().__init__(reader=last_of_each)
        self.slow_s = 0.0
        self._clock = clock

    def unpublished(self, position: Position, entries_max: int) -> Unpublished:
        self._clock.sleep(self.slow_s)
        return super().unpublished(position, entries_max)


class Publishing:
    """A publisher, and a store that is written to beside it."""

    def __init__(self) -> None:
        self.clock = Patience()
        self.store = SlowStore(self.clock)
        self.producers: list[ToldProducer] = []
        self.publisher = self.new_publisher()
        self.positions = {partition: self.store.claim(partition) for partition in range(2)}

    def new_publisher(self) -> Publisher:
        return Publisher(
            store=self.store,
            connect=self._connect,
            topic="seen",
            interval_s=1.0,
            clock=self.clock,
        )

    def _connect(self) -> Producer:
        self.producers.append(ToldProducer())
        return cast(Producer, self.producers[-1])

    @property
    def producer(self) -> ToldProducer:
        return self.producers[-1]

    def project(self, entries: int, partition: int = 0) -> Position:
        """Write so many more entries."""
        position = self.positions[partition]
        start, ledger = position.partition_seq, LEDGERS[partition]
        new = ledger.entries[start : start + entries]
        after = self.store.write(position, Given(new, start + entries))
        self.positions[partition] = after
        return after

    def turn(self, *partitions: int) -> None:
        self.publisher.serve()
        for partition in partitions or (0,):
            self.publisher.turn(self.positions[partition])

    def turns(self, count: int, *, apart_s: float) -> None:
        """So many turns, everything acknowledged at once."""
        for _ in range(count):
            self.turn()
            self.producer.acknowledge()
            self.clock.sleep(apart_s)

    def versions(self, customer: bytes) -> list[int]:
        """The versions of a customer that were acknowledged, in order."""
        return [
            int(value or b"0") for _, key, value in self.producer.acknowledged if key == customer
        ]

    def lag(self, partition: int = 0) -> float | None:
        return CATALOGUE.get_sample_value(
            "drawdown_publish_lag_entries", {"partition": str(partition)}
        )

    def lag_s(self) -> float | None:
        return CATALOGUE.get_sample_value("drawdown_publish_lag_seconds", {"partition": "0"})


@pytest.fixture
def publishing() -> Publishing:
    return Publishing()


def test_published_moves_once_all_is_acknowledged(publishing: Publishing) -> None:
    publishing.project(20)
    publishing.turn()
    assert len(publishing.producer.on_its_way) == 3
    assert (publishing.store.published.get(0), publishing.lag()) == (None, 20)
    publishing.turn()
    assert publishing.store.published.get(0) is None
    publishing.producer.acknowledge()
    publishing.turn()
    assert (publishing.store.published[0], publishing.lag(), publishing.lag_s()) == (20, 0, 0)


def test_a_key_is_published_once_an_interval_at_most(publishing: Publishing) -> None:
    for _ in range(20):
        publishing.project(1)
        publishing.turns(1, apart_s=0.25)
    publishing.turns(8, apart_s=0.25)
    versions = publishing.versions(b"acme")
    assert versions == sorted(set(versions))
    assert len(versions) <= 20 * 0.25 + 1
    assert publishing.store.published[0] == 20


def test_what_isn_t_acknowledged_holds_nothing_up_but_itself(publishing: Publishing) -> None:
    publishing.project(10)
    publishing.turn()
    for _ in range(10):
        publishing.project(1)
        publishing.clock.sleep(60)
        publishing.turn()
    assert len(publishing.producer.on_its_way) == 3
    assert publishing.lag_s() == 600
    publishing.producer.acknowledge()
    publishing.turns(3, apart_s=1)
    assert publishing.store.published[0] == 20
    assert publishing.lag_s() == 0


def test_reading_that_takes_long_is_done_less_often_and_in_turn(publishing: Publishing) -> None:
    publishing.store.slow_s = 1.0
    reads: list[tuple[int, float]] = []
    for _ in range(160):
        if publishing.positions[0].partition_seq < 40:
            publishing.project(1)
            publishing.project(1, partition=1)
        for partition in sorted((0, 1), key=publishing.publisher.due):
            before = publishing.clock.monotonic()
            publishing.turn(partition)
            if publishing.clock.monotonic() > before:
                reads.append((partition, before))
        publishing.producer.acknowledge()
        publishing.clock.sleep(0.25)
    assert [partition for partition, _ in reads[:4]] in ([0, 1, 0, 1], [1, 0, 1, 0])
    assert all(later - earlier >= 10 for (_, earlier), (_, later) in pairwise(reads))


def test_what_the_client_has_no_room_for_waits(publishing: Publishing) -> None:
    publishing.producer.room = 2
    publishing.project(20)
    publishing.turn()
    assert len(publishing.producer.on_its_way) == 2
    publishing.producer.acknowledge()
    publishing.turn()
    assert publishing.store.published.get(0) is None
    publishing.producer.acknowledge()
    publishing.turn()
    assert publishing.store.published[0] == 20


@pytest.mark.parametrize("taken", [True, False], ids=["by the broker", "by the client"])
def test_what_is_refused_is_published_again_as_it_stands_then(
    publishing: Publishing, taken: bool
) -> None:
    publishing.project(10)
    refusal = error(KafkaError.TOPIC_AUTHORIZATION_FAILED)
    publishing.producer.refusal = None if taken else refusal
    publishing.turn()
    publishing.producer.refuse(refusal)
    publishing.turn()
    assert publishing.store.published.get(0) is None
    publishing.producer.refusal = None
    publishing.project(10)
    publishing.turns(5, apart_s=1)
    assert publishing.store.published[0] == 20
    assert publishing.versions(b"acme") == [20]


def test_a_client_that_can_t_go_on_is_left_for_a_new_one(publishing: Publishing) -> None:
    publishing.project(10)
    publishing.project(5, partition=1)
    publishing.turn(0, 1)
    publishing.producer.refuse(error(KafkaError._FATAL, "fatal"))
    publishing.turn(0, 1)
    for _ in range(4):
        publishing.clock.sleep(1)
        publishing.turn(0, 1)
        publishing.producer.acknowledge()
    assert len(publishing.producers) == 2
    assert publishing.store.published == {0: 10, 1: 5}


def test_what_was_let_go_of_isn_t_published_any_more(publishing: Publishing) -> None:
    publishing.project(10)
    publishing.project(5, partition=1)
    publishing.turn(0, 1)
    publishing.publisher.forget([0])
    assert not publishing.producer.on_its_way
    assert publishing.lag(0) is None
    for _ in range(3):
        publishing.turn(1)
        publishing.producer.acknowledge()
        publishing.clock.sleep(1)
    assert {each[0] for each in publishing.producer.acknowledged} == {1}
    assert publishing.store.published == {1: 5}


def test_who_was_fenced_publishes_nothing_and_its_successor_all(publishing: Publishing) -> None:
    old = publishing.project(10)
    publishing.turn()
    publishing.positions[0] = publishing.store.claim(0)
    publishing.producer.acknowledge()
    publishing.publisher.serve()
    with pytest.raises(Fenced):
        publishing.publisher.turn(old)
    assert publishing.store.published.get(0) is None
    publishing.publisher = publishing.new_publisher()
    publishing.turns(2, apart_s=1)
    assert publishing.store.published[0] == 10
    assert len(publishing.producer.acknowledged) == 3


def test_who_has_nothing_to_publish_notices_that_it_was_fenced(publishing: Publishing) -> None:
    publishing.project(4)
    publishing.turns(3, apart_s=1.1)
    assert publishing.lag() == 0.0
    publishing.store.claim(0)
    publishing.turns(3, apart_s=1.1)
    publishing.clock.sleep(10.0)
    with pytest.raises(Fenced):
        publishing.turn()


def test_leaving_notes_what_the_broker_has(publishing: Publishing) -> None:
    position = publishing.project(10)
    publishing.turn()
    publishing.producer.acknowledge()
    publishing.publisher.close([position])
    assert publishing.store.published[0] == 10


def test_leaving_notes_nothing_that_the_broker_hasn_t(publishing: Publishing) -> None:
    position = publishing.project(10)
    publishing.turn()
    publishing.publisher.close([position])
    assert publishing.store.published.get(0) is None


def test_who_can_t_publish_any_more_leaves_all_the_same(publishing: Publishing) -> None:
    position = publishing.project(10)
    publishing.turn()
    publishing.producer.refuse(KafkaError(KafkaError._FATAL, "fenced", fatal=True))
    publishing.publisher.close([position])
    assert publishing.store.published.get(0) is None
