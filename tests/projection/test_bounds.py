"""A projector takes no more than it can write, whatever the database does, and loses nothing."""

from collections.abc import Callable
from typing import cast

import pytest
from confluent_kafka import Consumer, KafkaError, Message

from drawdown.adapters.avro.wire import Wire
from drawdown.adapters.postgres.memory import MemoryProjectionStore
from drawdown.adapters.postgres.store import Batch, Position
from drawdown.errors import Refused, Unavailable
from drawdown.projection.loop import GATHER_S, LINGER_S, Projector
from drawdown.projection.portions import portions
from drawdown.settings import load
from tests.ledger_processor.scripted import Patience, ScriptedConsumer, ScriptedOffsets, error
from tests.plugins.sealed_ledger import SealedLedger

SETTINGS = load(namespace="bounds")
LEDGER = SealedLedger(SETTINGS)
LEDGER.live(["acme", "zenith"], 60)
HASHES = [entry.hash for entry in LEDGER.entries]
BATCH = 20


class Database(MemoryProjectionStore):
    """A store that may be slow, and tells how much each transaction wrote."""

    def __init__(self, clock: Patience) -> None:
        super().__init__()
        self.transactions: list[int] = []
        self.slow_s = 0.0
        self.before_write: Callable[[], None] = lambda: None
        self._clock = clock

    def write(self, position: Position, batch: Batch) -> Position:
        self.before_write()
        self._clock.sleep(self.slow_s)
        after = super().write(position, batch)
        self.transactions.append(after.partition_seq - position.partition_seq)
        return after


class Projecting:
    """A projector over one partition of a told ledger."""

    def __init__(self, *, batch_bytes: int = 1_000_000) -> None:
        self.clock = Patience()
        self.database = Database(self.clock)
        records = [
            Message(partition=0, offset=offset, value=value)
            for offset, value in enumerate(LEDGER.values)
        ]
        self.consumer = ScriptedConsumer({0: records})
        self.projector = Projector(
            consumer=cast(Consumer, self.consumer),
            topic="entries",
            store=self.database,
            decode=Wire(SETTINGS).decode_entry,
            offsets=ScriptedOffsets({}, self.consumer.log),
            batch=BATCH,
            batch_bytes=batch_bytes,
            clock=self.clock,
        )
        self.projector.join()
        self.consumer.rebalance("on_assign", 0)

    def run(self, turns: int) -> None:
        """So many turns, a second apart."""
        for _ in range(turns):
            self.projector.turn()
            self.clock.sleep(1)

    def written(self) -> list[bytes]:
        """The hashes of the entries that the database has."""
        return [entry.hash for entry in self.database.rows]

    def read_ahead(self) -> int:
        """How many records were taken from the log and aren't written."""
        return self.consumer.positions.get(0, 0) - len(self.database.rows)


def sized(*sizes: int) -> list[Message]:
    return [Message(value=b"x" * size) for size in sizes]


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ((), []),
        ((1, 2, 3), [3]),
        ((5, 5, 5), [2, 1]),
        ((11, 1, 11), [1, 1, 1]),
        ((10, 10), [1, 1]),
    ],
)
def test_a_portion_has_its_bytes_at_most_or_one_record(
    sizes: tuple[int, ...], expected: list[int]
) -> None:
    records = sized(*sizes)
    found = list(portions(records, 10))
    assert [len(each) for each in found] == expected
    assert [each for portion in found for each in portion] == records


def test_a_record_without_a_value_has_no_bytes() -> None:
    assert [len(each) for each in portions([Message(), *sized(10)], 10)] == [2]


@pytest.mark.parametrize("batch_bytes", [1, 2_000, 1_000_000])
def test_a_transaction_writes_no_more_than_its_bounds(batch_bytes: int) -> None:
    projecting = Projecting(batch_bytes=batch_bytes)
    projecting.run(len(LEDGER.values))
    assert projecting.written() == HASHES
    largest = max(map(len, LEDGER.values))
    sizes = [len(value) for value in LEDGER.values]
    for count in projecting.database.transactions:
        written, sizes = sizes[:count], sizes[count:]
        assert count <= BATCH
        assert sum(written) <= max(batch_bytes, largest)


def test_a_slow_database_slows_the_intake() -> None:
    projecting = Projecting()
    projecting.database.slow_s = 100
    ahead: list[int] = []
    projecting.database.before_write = lambda: ahead.append(projecting.read_ahead())
    projecting.run(len(LEDGER.values))
    assert projecting.written() == HASHES
    assert max(ahead) <= BATCH


def test_while_the_database_is_away_nothing_is_read_and_nothing_is_lost() -> None:
    projecting = Projecting()
    projecting.run(3)
    written = len(projecting.database.rows)
    assert 0 < written < len(LEDGER.entries)
    projecting.database.away = True
    projecting.run(50)
    assert projecting.consumer.positions == {}
    assert len(projecting.database.rows) == written
    projecting.database.away = False
    projecting.run(50)
    assert projecting.written() == HASHES


def test_what_follows_a_gap_isn_t_taken_for_the_gap_read_again() -> None:
    projecting = Projecting(batch_bytes=1)
    missing = projecting.consumer.log[0].pop(5)
    projecting.run(1)
    assert projecting.projector.halted == {}
    projecting.consumer.log[0].insert(5, missing)
    projecting.run(50)
    assert projecting.written() == HASHES


@pytest.mark.parametrize(
    ("said", "ends"),
    [
        (error(KafkaError.GROUP_AUTHORIZATION_FAILED), Refused),
        (error(KafkaError.FENCED_INSTANCE_ID, "fatal"), Unavailable),
    ],
)
def test_a_client_that_can_t_go_on_ends_the_process_and_another_error_doesn_t(
    said: KafkaError, ends: type[Exception]
) -> None:
    projecting = Projecting()
    projecting.consumer.errors.append(error(KafkaError._TRANSPORT))
    projecting.run(1)
    projecting.consumer.errors.append(said)
    with pytest.raises(ends):
        projecting.run(1)


@pytest.mark.parametrize(("slow_s", "fills_s"), [(0.01, LINGER_S), (0.1, 0.1), (9.0, GATHER_S)])
def test_a_batch_fills_as_long_as_the_one_before_took_to_write(
    monkeypatch: pytest.MonkeyPatch, slow_s: float, fills_s: float
) -> None:
    projecting, waits = Projecting(), list[float]()
    consume = projecting.consumer.consume

    def watched(at_most: int, timeout: float) -> list[Message]:
        waits.append(timeout)
        return consume(at_most, timeout)

    monkeypatch.setattr(projecting.consumer, "consume", watched)
    projecting.run(1)
    projecting.database.slow_s = slow_s
    projecting.run(1)
    projecting.database.slow_s = 0.0
    projecting.run(1)
    assert waits == [LINGER_S, LINGER_S, pytest.approx(fills_s)]
