"""The barrier of a new owner: what stands open is decided, as the transaction was that left it."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from typing import cast

import pytest
from confluent_kafka import Consumer, Producer

from drawdown.adapters.avro.codec import encode_entry, encode_reply
from drawdown.adapters.kafka.records import BARRIER_KEY
from drawdown.adapters.topics import DEAD_LETTERS, LEDGER, OUTPUTS, REPLIES
from drawdown.domain.dead_letters import DeadLetter
from drawdown.domain.entries import InputTopic, LedgerEntry
from drawdown.domain.replies import Reply
from drawdown.errors import PartitionHalted, Unavailable
from drawdown.ledger_processor.barrier import Barrier
from drawdown.ledger_processor.evidence import Evidence
from drawdown.ledger_processor.stability import Stability
from tests.contracts import codec_values
from tests.simulation.clock import MachineClock, Time
from tests.simulation.consumers import SimulatedConsumer, SimulatedOffsets
from tests.simulation.groups import Group
from tests.simulation.link import Link
from tests.simulation.log import READABLE, Broker, Place, Record
from tests.simulation.processes import SETTINGS, WIRE
from tests.simulation.producers import TransactionalProducer

NAMES = (LEDGER, REPLIES, DEAD_LETTERS)
SUBSETS = [each for n in range(4) for each in combinations(NAMES, n)]


def entry(seq: int, topic: InputTopic, offset: int) -> bytes:
    made = LedgerEntry(
        partition_seq=seq,
        source_topic=topic,
        source_partition=0,
        source_offset=offset,
        index=0,
        count=1,
        hash_version=1,
        prev_hash=bytes(32),
        facts=codec_values.facts(),
        hash=bytes(32),
    )
    return encode_entry(made, header=WIRE.header("ledger-entry"))


def reply(seq: int) -> bytes:
    made = Reply(
        command_id=f"command-{seq}",
        customer_id="ada",
        unit="credit",
        outcome="accepted",
        code="",
        detail="",
        first_entry_id="",
        entries=[replace(entry, partition_seq=seq) for entry in codec_values.reply().entries],
        recorded_at=0,
        partition_seq=seq,
    )
    return encode_reply(made, header=WIRE.header("reply"))


def letter(offset: int) -> bytes:
    made = DeadLetter(
        topic=SETTINGS.topic("usage-events"),
        partition=0,
        offset=offset,
        recorded_at=0,
        reason="undecodable",
        detail="",
        length=0,
        sha256=bytes(32),
        key=None,
        value=b"",
    )
    return WIRE.encode_dead_letter(made)


BEFORE = {
    LEDGER: [entry(1, "ledger_commands", 0), entry(2, "usage_events", 4)],
    REPLIES: [reply(1)],
    DEAD_LETTERS: [letter(3)],
}
"""A transaction that stands."""
AFTER = {
    LEDGER: [entry(3, "ledger_commands", 1), entry(4, "usage_events", 7)],
    REPLIES: [reply(3)],
    DEAD_LETTERS: [letter(6)],
}
"""One that loses markers."""


class Outputs:
    """The outputs of a partition on the simulated broker, and their writers one after the other."""

    def __init__(self) -> None:
        clock = MachineClock(Time())
        self.clock = clock
        self.broker = Broker(clock, 30_000)
        self.broker.create([SETTINGS.topic(name) for name in OUTPUTS], 1)
        self.link = Link("writer", lambda *_: None)
        self.producer = self.new_producer()
        self.written(BEFORE)
        self.producer.commit_transaction(1)

    def new_producer(self) -> TransactionalProducer:
        made = TransactionalProducer(self.broker, self.link, "writer")
        made.init_transactions(1)
        return made

    def written(self, records: dict[str, list[bytes]]) -> None:
        self.producer.begin_transaction()
        for name, values in records.items():
            batch = [{"key": b"k", "value": value} for value in values]
            self.producer.produce_batch(SETTINGS.topic(name), batch, partition=0)
        self.producer.flush()

    def end(self, *lost: str, commit: bool) -> None:
        """End the transaction; these partitions don't learn of it."""

        def losing(places: Sequence[Place]) -> list[Place]:
            return [place for place in places if name_of(place) in lost]

        self.broker.end_unmarked("writer", 0, losing, commit=commit)

    def barrier(self) -> Barrier:
        self.producer = self.new_producer()
        evidence = Evidence(
            SETTINGS,
            0,
            WIRE,
            self._consumer(),
            lambda: self._consumer(undecided=True),
            self.clock,
        )
        offsets = SimulatedOffsets(self.broker, self.link)
        return Barrier(
            SETTINGS,
            0,
            cast(Producer, self.producer),
            Stability(
                lambda names: offsets.last_stable([SETTINGS.topic(each) for each in names], 0, 1),
                self.clock,
            ),
            evidence.committed,
            self.clock,
            lambda: None,
        )

    def _consumer(self, *, undecided: bool = False) -> Consumer:
        made = SimulatedConsumer(self.broker, self.link, Group("contract", 1), undecided=undecided)
        return cast(Consumer, made)

    def readable(self, name: str) -> list[Record]:
        return [
            record
            for record in self.broker.partitions[SETTINGS.topic(name), 0].records
            if record.kind in READABLE
        ]

    def values(self, name: str) -> list[bytes]:
        """What readers see in an output, but for barriers."""
        return [each.value for each in self.readable(name) if each.value is not None]

    def barriers(self, name: str) -> int:
        """How many barriers they see."""
        found = [each for each in self.readable(name) if each.value is None]
        assert all(each.key == BARRIER_KEY for each in found)
        return len(found)


def name_of(place: Place) -> str:
    return place[0].removeprefix(SETTINGS.topic(""))


def raised(outputs: Outputs) -> None:
    """Raise a barrier; nothing is open behind it, and it tells the ends."""
    ends = outputs.barrier().raised()
    for name in OUTPUTS:
        partition = outputs.broker.partitions[SETTINGS.topic(name), 0]
        assert not partition.open
        assert ends[name] == partition.end


@pytest.mark.parametrize("written", SUBSETS[1:], ids=" ".join)
@pytest.mark.parametrize("lost", SUBSETS, ids=" ".join)
@pytest.mark.parametrize("commit", [True, False], ids=["committed", "aborted"])
def test_what_lost_its_markers_is_decided_as_its_transaction_was(
    written: tuple[str, ...], lost: tuple[str, ...], commit: bool
) -> None:
    """Where something that counts shows that it was committed; else all of it is decided anew."""
    outputs = Outputs()
    outputs.written({name: AFTER[name] for name in NAMES if name in written})
    outputs.end(*lost, commit=commit)
    raised(outputs)
    kept = set(written) - set(lost)
    shown = LEDGER in kept or (LEDGER in written and REPLIES in kept)
    for name in NAMES:
        stands = commit and name in written and (name in kept or shown)
        assert outputs.values(name) == BEFORE[name] + (AFTER[name] if stands else []), name
    if not (commit and shown and set(lost) & set(written)):
        assert not any(outputs.barriers(name) for name in NAMES)
    elif LEDGER in kept:
        assert not outputs.barriers(LEDGER)


def test_a_barrier_that_loses_its_own_markers_is_raised_again() -> None:
    """It lost that of the replies too, where nothing but itself was open."""
    outputs = Outputs()
    outputs.written(AFTER)
    outputs.end(LEDGER, commit=True)

    def unmarked(producer: TransactionalProducer, _timeout_s: float) -> None:
        outputs.broker.end_unmarked("writer", 1, list, commit=True)
        producer._in_transaction = False

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionalProducer, "commit_transaction", unmarked)
        with pytest.raises(Unavailable, match="doesn't end a transaction"):
            outputs.barrier().raised()
    assert outputs.values(LEDGER) == BEFORE[LEDGER]
    raised(outputs)
    assert outputs.values(LEDGER) == BEFORE[LEDGER] + AFTER[LEDGER]
    assert outputs.values(REPLIES) == BEFORE[REPLIES] + AFTER[REPLIES]


def test_the_mended_are_told_and_nothing_is_where_nothing_was_lost() -> None:
    outputs = Outputs()
    outputs.written(AFTER)
    outputs.end(REPLIES, DEAD_LETTERS, commit=True)
    barrier = outputs.barrier()
    barrier.raised()
    assert barrier.mended == {REPLIES: 1, DEAD_LETTERS: 1}
    again = outputs.barrier()
    again.raised()
    assert again.mended == {}


def test_what_is_no_record_halts_the_partition() -> None:
    outputs = Outputs()
    outputs.written({**AFTER, REPLIES: [b"no reply"]})
    outputs.end(REPLIES, commit=True)
    with pytest.raises(PartitionHalted, match="stands open in ledger-replies can't be judged"):
        outputs.barrier().raised()


def test_an_empty_partition_has_nothing_open() -> None:
    outputs = Outputs()
    for partition in outputs.broker.partitions.values():
        partition.records.clear()
    raised(outputs)
    assert [outputs.readable(name) for name in NAMES] == [[], [], []]
