"""Entries of the ledger that are read again, on the simulated broker."""

from collections.abc import Iterator
from typing import cast

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException

from drawdown.adapters.avro.codec import seal
from drawdown.adapters.kafka.records import BARRIER_KEY
from drawdown.adapters.topics import LEDGER
from drawdown.errors import PartitionHalted, Unavailable
from drawdown.ledger_processor import past as reading
from drawdown.ledger_processor.past import PartitionPast, Past
from tests.contracts import codec_values
from tests.simulation.clock import MachineClock, Time
from tests.simulation.consumers import SimulatedConsumer
from tests.simulation.groups import Group
from tests.simulation.link import Link
from tests.simulation.log import Broker, Record
from tests.simulation.processes import SETTINGS, WIRE
from tests.simulation.producers import TransactionalProducer

PLACE = (SETTINGS.topic(LEDGER), 0)


class Log:
    """A ledger of one partition, and what reads it again."""

    def __init__(self) -> None:
        clock = MachineClock(Time())
        self.broker = Broker(clock, 30_000)
        self.broker.create([PLACE[0]], 1)
        self.link = Link("processor", lambda *_: None)
        self.clients: list[SimulatedConsumer] = []
        self.past = Past(SETTINGS, WIRE, self._client, clock)
        self.entries: PartitionPast = self.past.of(0)

    def _client(self) -> Consumer:
        made = SimulatedConsumer(self.broker, self.link, Group("readers", 1))
        self.clients.append(made)
        return cast(Consumer, made)

    def commit(self, *seqs: int, commit: bool = True) -> list[int]:
        """A transaction of entries; their offsets."""
        begin = len(self.records)
        producer = TransactionalProducer(self.broker, self.link, "writer")
        producer.init_transactions(1)
        producer.begin_transaction()
        rows = [{"key": b"ada", "value": value(seq)} for seq in seqs]
        producer.produce_batch(PLACE[0], rows, partition=0)
        assert producer.flush(1) == 0
        if commit:
            producer.commit_transaction(1)
        else:
            producer.abort_transaction(1)
        offsets = [each.offset for each in self.records[begin:]]
        return offsets[: len(seqs)]

    @property
    def records(self) -> list[Record]:
        """Everything that stands in the log."""
        return self.broker.partitions[PLACE].records


def value(seq: int) -> bytes:
    """The record of an entry."""
    sealed = seal(
        codec_values.facts(),
        prev_hash=bytes(32),
        partition_seq=seq,
        source_topic="usage_events",
        source_partition=0,
        source_offset=seq,
        index=0,
        count=1,
        header=WIRE.header("ledger-entry"),
    )
    return sealed.value


def raising(*_: object) -> None:
    raise KafkaException(KafkaError(KafkaError._ALL_BROKERS_DOWN, "no brokers"))


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[Log]:
    monkeypatch.setattr(reading, "RUN", 8)
    made = Log()
    yield made
    made.past.close()


def test_an_entry_is_found_at_its_place_or_behind_it(log: Log) -> None:
    offsets: dict[int, int] = {}
    for first in range(1, 61, 3):
        seqs = range(first, first + 3)
        log.commit(900, 901, commit=False)
        offsets.update(zip(seqs, log.commit(*seqs), strict=True))
        log.broker.append(PLACE, BARRIER_KEY, None)
    for seq in (1, 60, 31, 2, 59, 30, 33):
        for not_before in {offsets[seq], offsets[1] + seq - 1}:
            assert log.past.of(0).entry(seq, not_before).partition_seq == seq
    assert len(log.clients) == 1


def test_what_stands_right_behind_one_is_not_read_again(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.commit(*range(1, 21))
    reads: list[int] = []
    read = Past.read

    def counted(past: Past, partition: int, offset: int) -> object:
        reads.append(offset)
        return read(past, partition, offset)

    monkeypatch.setattr(Past, "read", counted)
    for seq in (3, 4, 10, 3, 11, 2):
        assert log.entries.entry(seq, seq - 1).partition_seq == seq
    assert reads == [2, 10, 1]


def test_what_came_since_the_last_reading_is_found(log: Log) -> None:
    for seq in range(1, 12):
        if seq % 3 == 0:
            log.commit(900, commit=False)
        [offset] = log.commit(seq)
        # Looked for from its predecessor on, before which the log ended when it was read last.
        assert log.entries.entry(seq, max(0, offset - 1)).partition_seq == seq
    assert len(log.clients) == 1


def test_what_is_not_there_halts_and_says_so(log: Log) -> None:
    log.commit(5, 6)
    with pytest.raises(PartitionHalted, match="entry 8 isn't there: it ends at 3"):
        log.entries.entry(8, 3)
    with pytest.raises(PartitionHalted, match="from offset 0 on, entry 5 is the first"):
        log.past.of(0).entry(4, 0)
    log.commit(9)
    with pytest.raises(PartitionHalted, match="from offset 2 on, entry 9 is the first"):
        log.past.of(0).entry(7, 0)
    log.past.close()
    with pytest.raises(PartitionHalted, match="entry 7 isn't there: in its place is entry 9"):
        log.past.of(0).entry(7, 0)
    with pytest.raises(PartitionHalted, match="entry 99 isn't there: it ends at"):
        log.past.of(0).entry(99, 0)


def test_an_entry_that_was_changed_halts(log: Log) -> None:
    log.commit(1)
    good = value(2)
    log.broker.append(PLACE, b"ada", good[:-1] + bytes([good[-1] ^ 1]))
    with pytest.raises(PartitionHalted, match="u-0-2-0 isn't what it was"):
        log.entries.entry(2, 1)
    log.broker.append(PLACE, b"ada", good[:20])
    with pytest.raises(PartitionHalted, match="can't be read again"):
        log.entries.entry(3, 3)


def test_a_broker_that_is_silent_is_given_up_with_the_client(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.commit(1)
    with monkeypatch.context() as silent:
        silent.setattr(SimulatedConsumer, "_fetch", lambda _: None)
        with pytest.raises(Unavailable, match="the broker is silent"):
            log.entries.entry(1, 0)
    assert log.entries.entry(1, 0).partition_seq == 1
    assert len(log.clients) == 2


def test_what_the_client_raises_passes_and_gives_it_up(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.commit(1)
    with monkeypatch.context() as broken:
        broken.setattr(SimulatedConsumer, "assign", raising)
        with pytest.raises(Unavailable, match="the ledger's partition 0: no brokers"):
            log.entries.entry(1, 0)
    assert log.entries.entry(1, 0).partition_seq == 1
    assert len(log.clients) == 2
