"""The simulated broker keeps the real one's contract, as far as the ledger relies on it.

Each test runs on both.
"""

import time
from collections.abc import Callable, Iterator
from threading import Thread
from typing import Any, Protocol

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from drawdown.adapters.kafka.clients import consumer, producer, transactional_producer
from drawdown.adapters.kafka.stable_offsets import StableOffsets
from drawdown.adapters.kafka.topics import create_topics
from drawdown.settings import Settings
from tests.simulation.clock import MachineClock, Time
from tests.simulation.consumers import SimulatedConsumer, SimulatedOffsets
from tests.simulation.groups import Group
from tests.simulation.link import Link
from tests.simulation.log import Broker
from tests.simulation.producers import TransactionalProducer

WITHIN_S = 30.0
FENCED = {KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH}


class Rig(Protocol):
    """A broker with a topic of one partition or more, of which 0 is used."""

    topic: str
    group: str

    def transactional(self) -> Any:
        """A producer of the one transactional id."""

    def consumer(self) -> Any:
        """A consumer that tells of ends."""

    def last_stable(self) -> int:
        """Where the partition ends for those who read what is committed."""

    def append(self, value: bytes) -> None:
        """A record outside of any transaction."""


class RealRig:
    """On Kafka."""

    def __init__(self, settings: Settings) -> None:
        create_topics(settings)
        self.topic = settings.topic("ledger-entries")
        self.group = settings.group("contract")
        self._settings = settings
        self._clients: list[Any] = []

    def transactional(self) -> Any:
        return transactional_producer(self._settings, f"{self.topic}-0")

    def consumer(self) -> Any:
        made = consumer(self._settings, group=self.group, enable_partition_eof=True)
        self._clients.append(made)
        return made

    def last_stable(self) -> int:
        return StableOffsets(self._settings).last_stable([self.topic], 0, WITHIN_S)[0]

    def append(self, value: bytes) -> None:
        client = producer(self._settings)
        client.produce(self.topic, value=value, key=b"k", partition=0)
        assert client.flush(WITHIN_S) == 0

    def close(self) -> None:
        for each in self._clients:
            each.close()


class SimulatedRig:
    """In memory."""

    def __init__(self) -> None:
        self.topic = "sim.ledger-entries"
        self.group = "contract"
        self._broker = Broker(MachineClock(Time()), 30_000)
        self._broker.create([self.topic], 1)
        self._link = Link("contract", lambda *_: None)

    def transactional(self) -> Any:
        return TransactionalProducer(self._broker, self._link, f"{self.topic}-0")

    def consumer(self) -> Any:
        return SimulatedConsumer(self._broker, self._link, Group(self.group, 1))

    def last_stable(self) -> int:
        return SimulatedOffsets(self._broker, self._link).last_stable([self.topic], 0, WITHIN_S)[0]

    def append(self, value: bytes) -> None:
        self._broker.append((self.topic, 0), b"k", value)

    def close(self) -> None:
        """Nothing to leave."""


@pytest.fixture(params=["simulated", pytest.param("kafka", marks=pytest.mark.integration)])
def rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    made: RealRig | SimulatedRig = (
        RealRig(request.getfixturevalue("settings")) if request.param == "kafka" else SimulatedRig()
    )
    yield made
    made.close()


def begun(rig: Rig, *values: bytes) -> Any:
    """A producer with an open transaction whose records have reached the broker."""
    made = rig.transactional()
    made.init_transactions(WITHIN_S)
    add(rig, made, *values)
    return made


def add(rig: Rig, made: Any, *values: bytes) -> None:
    """Begin a transaction with these records."""
    made.begin_transaction()
    records = [{"key": b"k", "value": each} for each in values]
    assert made.produce_batch(rig.topic, records, partition=0) == len(records)
    assert made.flush(WITHIN_S) == 0


def place(rig: Rig, offset: int = 0) -> TopicPartition:
    """The partition, read from an offset on."""
    return TopicPartition(rig.topic, 0, offset)


def until_end(reader: Any) -> tuple[list[tuple[int, bytes]], int]:
    """The records up to the next end, with their offsets, and the offset of the end."""
    records: list[tuple[int, bytes]] = []
    deadline = time.monotonic() + WITHIN_S
    while time.monotonic() < deadline:
        for message in reader.consume(100, 0.2):
            if message.error() is None:
                records.append((message.offset(), message.value()))
            elif message.error().code() == KafkaError._PARTITION_EOF:
                return records, message.offset()
    raise AssertionError(f"no end after {records}")


def read(rig: Rig) -> tuple[list[tuple[int, bytes]], int]:
    """What a new reader is handed out, and where it ends."""
    reader = rig.consumer()
    reader.assign([place(rig)])
    return until_end(reader)


def refused(call: Callable[[], object]) -> int:
    """The code with which a call is refused."""
    with pytest.raises(KafkaException) as caught:
        call()
    code: int = caught.value.args[0].code()
    return code


def test_a_transaction_ends_with_a_marker_that_takes_an_offset(rig: Rig) -> None:
    made = begun(rig, b"a", b"b")
    made.commit_transaction(WITHIN_S)
    add(rig, made, b"c")
    made.commit_transaction(WITHIN_S)
    assert read(rig) == ([(0, b"a"), (1, b"b"), (3, b"c")], 5)
    assert rig.consumer().get_watermark_offsets(place(rig), timeout=WITHIN_S) == (0, 5)
    assert rig.last_stable() == 5


def test_nothing_shows_from_the_first_record_of_an_open_transaction_on(rig: Rig) -> None:
    rig.append(b"before")
    made = begun(rig, b"a")
    rig.append(b"behind")
    assert read(rig) == ([(0, b"before")], 1)
    assert rig.consumer().get_watermark_offsets(place(rig), timeout=WITHIN_S) == (0, 1)
    assert rig.last_stable() == 1
    made.commit_transaction(WITHIN_S)
    assert read(rig) == ([(0, b"before"), (1, b"a"), (2, b"behind")], 4)


def test_who_initializes_the_id_aborts_and_fences_the_one_before(rig: Rig) -> None:
    before = begun(rig, b"lost")
    after = begun(rig, b"kept")
    assert refused(lambda: before.commit_transaction(WITHIN_S)) in FENCED
    after.commit_transaction(WITHIN_S)
    assert read(rig) == ([(2, b"kept")], 4)


def with_offsets(rig: Rig) -> Any:
    """A producer in whose open transaction an offset stands.

    On a broker that has just started librdkafka's call may never return (2.16), whatever its
    timeout: then it is left to itself, and begun anew.
    """
    outsider = rig.consumer()
    outsider.committed([place(rig)], timeout=WITHIN_S)
    for _ in range(3):
        made = begun(rig, b"a")
        group = outsider.consumer_group_metadata()
        arguments = ([place(rig, 7)], group, WITHIN_S)
        call = Thread(target=made.send_offsets_to_transaction, args=arguments, daemon=True)
        call.start()
        call.join(2 * WITHIN_S)
        if not call.is_alive():
            return made
    raise AssertionError("no call came back")


def test_offsets_are_the_group_s_once_the_transaction_is_committed(rig: Rig) -> None:
    with_offsets(rig).commit_transaction(WITHIN_S)
    [committed] = rig.consumer().committed([place(rig)], timeout=WITHIN_S)
    assert committed.offset == 7


def test_of_a_transaction_that_is_aborted_no_offset_stays(rig: Rig) -> None:
    _sent = with_offsets(rig)
    rig.transactional().init_transactions(WITHIN_S)
    [committed] = rig.consumer().committed([place(rig)], timeout=WITHIN_S)
    assert committed.offset == -1001


def test_a_call_out_of_order_is_refused(rig: Rig) -> None:
    made = begun(rig, b"a")
    assert refused(made.begin_transaction) == KafkaError._STATE
    made.commit_transaction(WITHIN_S)
    assert refused(lambda: made.commit_transaction(WITHIN_S)) == KafkaError._STATE


def test_an_assignment_knows_what_is_in_it(rig: Rig) -> None:
    reader = rig.consumer()
    assert refused(lambda: reader.incremental_unassign([place(rig)])) == KafkaError._INVALID_ARG
    reader.incremental_assign([place(rig)])
    assert refused(lambda: reader.incremental_assign([place(rig)])) == KafkaError._CONFLICT


def test_who_paused_a_partition_reads_it_no_more_until_told_to_whatever_is_assigned(
    rig: Rig,
) -> None:
    rig.append(b"a")
    reader = rig.consumer()
    reader.incremental_assign([place(rig)])
    assert until_end(reader) == ([(0, b"a")], 1)
    reader.pause([place(rig)])
    reader.incremental_unassign([place(rig)])
    reader.incremental_assign([place(rig)])
    assert reader.consume(100, 0.5) == []
    reader.resume([place(rig)])
    assert until_end(reader) == ([(0, b"a")], 1)


def test_why_a_record_of_a_batch_is_not_taken_stands_on_it(rig: Rig) -> None:
    made = rig.transactional()
    made.init_transactions(WITHIN_S)
    records: list[dict[str, Any]] = [{"key": b"k", "value": b"a"}]
    assert made.produce_batch(rig.topic, records, partition=0) == 0
    assert records[0]["_error"].code() == KafkaError._STATE


def test_an_end_is_told_once_and_anew_where_reading_begins_again(rig: Rig) -> None:
    rig.append(b"a")
    reader = rig.consumer()
    reader.incremental_assign([place(rig)])
    assert until_end(reader) == ([(0, b"a")], 1)
    assert reader.consume(100, 0.5) == []
    reader.pause([place(rig)])
    reader.resume([place(rig)])
    assert until_end(reader) == ([], 1)
    rig.append(b"b")
    assert until_end(reader) == ([(1, b"b")], 2)
