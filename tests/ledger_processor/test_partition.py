"""A partition's writer: what it commits, and what becomes of each failure."""

from collections.abc import Callable, Sequence
from typing import Any, cast

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer

from drawdown.adapters.kafka.records import ConsumedRecord
from drawdown.domain.ledger import Ledger
from drawdown.domain.watermark import Watermark
from drawdown.ledger_processor.failures import Call, Kind, Remedy, TransactionFailed
from drawdown.ledger_processor.keeping import Keeper
from drawdown.ledger_processor.outbox import Outbox
from drawdown.ledger_processor.output_ends import OutputEnds
from drawdown.ledger_processor.partition import LATE_S, PartitionWriter
from drawdown.ledger_processor.stability import Stability
from drawdown.settings import Settings, load
from tests.ledger_processor.scripted import (
    Patience,
    ScriptedBroker,
    ScriptedProducer,
    Threads,
    Told,
    error,
)

ENTRIES = "live.ledger-entries"
REPLIES = "live.ledger-replies"


class Written:
    """A decider to whose outbox tests write."""

    def __init__(self) -> None:
        self.outbox = Outbox()
        self.watermark = Watermark()
        self.ledger = cast(Ledger, None)

    def entries(self, *values: bytes) -> None:
        """Records of the ledger, as of so many usage events."""
        self.outbox.entries.extend({"key": b"k", "value": value} for value in values)
        self.outbox.events += len(values)
        self.outbox.size_bytes += sum(map(len, values))
        self.outbox.next_usage_offset += len(values)

    def take(self) -> Outbox:
        outbox = self.outbox
        self.outbox = outbox.successor()
        return outbox

    def decide_usage(self, records: Sequence[ConsumedRecord], at_most_us: int) -> None:
        """Nothing is read here."""

    def decide_commands(self, records: Sequence[ConsumedRecord], at_most_us: int) -> None:
        """Nothing is read here."""


class Delivered:
    """A delivery report's record."""

    def __init__(self, offset: int) -> None:
        self._offset = offset

    def offset(self) -> int:
        return self._offset


class Reporting(ScriptedProducer):
    """Reports deliveries: what is produced comes to stand at the end of its topic."""

    def __init__(self, broker: ScriptedBroker, end: int) -> None:
        super().__init__(broker)
        self.ends = {ENTRIES: end, REPLIES: 0}
        self._reports: list[tuple[Callable[[None, Delivered], None], int]] = []

    def produce_batch(self, topic: str, messages: list[dict[str, Any]], partition: int = -1) -> int:
        for place, message in enumerate(messages):
            if "callback" in message:
                self._reports.append((message["callback"], self.ends[topic] + place))
        self.ends[topic] += len(messages) + 1
        return super().produce_batch(topic, messages, partition)

    def flush(self, timeout: float = -1) -> int:
        for report, offset in self._reports:
            report(None, Delivered(offset))
        self._reports.clear()
        return 0


class Partition:
    """A writer with its surroundings."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.broker = ScriptedBroker()
        self.clock = Patience()
        self.threads = Threads()
        self.decider = Written()
        self.producer = ScriptedProducer(self.broker)
        self.producer.init_transactions()
        self.writer = PartitionWriter(
            settings or load(),
            0,
            self.decider,
            cast(Producer, self.producer),
            self.threads,
            self.clock,
        )

    def commit(self, *values: bytes) -> None:
        """Write entries and commit them."""
        self.decider.entries(*values)
        self.writer.begin(None)
        assert self.writer.finished() is not None

    def failure(self, *values: bytes) -> Kind:
        """The kind of the failure that a commit ends with."""
        with pytest.raises(TransactionFailed) as raised:
            self.commit(*values)
        return raised.value.failure.kind


def test_what_is_decided_is_committed_with_its_positions() -> None:
    partition = Partition()
    partition.commit(b"1", b"2")
    partition.commit(b"3")
    assert partition.broker.committed == {ENTRIES: [b"1", b"2", b"3"]}
    assert partition.broker.offsets == {"live.usage-events": 2}
    assert not partition.writer.committing


@pytest.mark.parametrize(
    ("call", "told", "kind"),
    [
        (Call.BEGIN, error(KafkaError._STATE), Kind.FATAL),
        (Call.SEND_OFFSETS, error(KafkaError._TIMED_OUT, "retriable"), Kind.ABORTABLE),
        (Call.SEND_OFFSETS, error(KafkaError.ILLEGAL_GENERATION, "abort"), Kind.SUPERSEDED),
        (Call.SEND_OFFSETS, error(KafkaError.INVALID_TXN_STATE, "fatal"), Kind.FATAL),
        (Call.COMMIT, error(KafkaError._INCONSISTENT, "abort"), Kind.ABORTABLE),
        (Call.COMMIT, error(KafkaError._TIMED_OUT, "retriable"), Kind.UNKNOWN),
        (Call.COMMIT, error(KafkaError._FENCED, "fatal"), Kind.FENCED),
        (Call.COMMIT, error(KafkaError.MSG_SIZE_TOO_LARGE, "abort"), Kind.HOPELESS),
    ],
)
def test_a_failure_leaves_nothing_committed_and_says_its_kind(
    call: Call, told: KafkaError, kind: Kind
) -> None:
    partition = Partition()
    partition.broker.tell(call, told)
    assert partition.failure(b"1") is kind
    assert partition.broker.committed == {}
    assert partition.broker.offsets == {}


def test_a_commit_may_have_succeeded_though_it_failed() -> None:
    partition = Partition()
    partition.broker.tell(
        Call.COMMIT, Told(error(KafkaError._TIMED_OUT, "retriable"), committed=True)
    )
    assert partition.failure(b"1") is Kind.UNKNOWN
    assert partition.broker.committed == {ENTRIES: [b"1"]}


def test_a_commit_is_made_again_where_nothing_was_sent() -> None:
    partition = Partition()
    partition.broker.tell(Call.COMMIT, *[error(KafkaError._STATE, "retriable")] * 3)
    partition.commit(b"1")
    assert partition.broker.committed == {ENTRIES: [b"1"]}


def test_no_call_is_waited_for_longer_than_the_broker_keeps_the_transaction() -> None:
    partition = Partition(load(transaction_timeout_ms=2_000))
    partition.broker.tell(Call.SEND_OFFSETS, *[error(KafkaError._STATE, "retriable")] * 1_000)
    began_at = partition.clock.monotonic()
    assert partition.failure(b"1") is Kind.ABORTABLE
    assert partition.clock.monotonic() - began_at <= 2


def test_another_producer_of_the_id_fences_it() -> None:
    partition = Partition()
    ScriptedProducer(partition.broker).init_transactions()
    assert partition.failure(b"1") is Kind.FENCED
    assert partition.broker.committed == {}


@pytest.mark.parametrize("room", [1, 2, 5])
def test_a_full_queue_takes_the_rest_later_and_in_order(room: int) -> None:
    partition = Partition()
    partition.broker.queue_records = room
    values = [bytes([number]) for number in range(9)]
    partition.commit(*values)
    assert partition.broker.committed == {ENTRIES: values}


def test_a_queue_that_stays_full_loses_the_transaction_and_nothing_else() -> None:
    partition = Partition()
    partition.broker.queue_records = 0
    assert partition.failure(b"1", b"2") is Kind.ABORTABLE
    assert partition.broker.committed == {}


def test_a_record_that_the_client_refuses_is_not_left_out() -> None:
    partition = Partition()
    partition.broker.refused_record = error(KafkaError.MSG_SIZE_TOO_LARGE)
    assert partition.failure(b"1") is Kind.HOPELESS
    assert partition.broker.committed == {}


@pytest.mark.parametrize(
    ("limits", "values"),
    [
        ({"ledger_usage_batch": 3}, [b"x"] * 3),
        ({"ledger_outbox_kib": 64}, [b"x" * 33_000] * 2),
    ],
)
def test_an_outbox_at_its_bound_is_full_and_due(
    limits: dict[str, int], values: list[bytes]
) -> None:
    partition = Partition(load(**limits))
    full = []
    for value in values:
        partition.decider.entries(value)
        full.append(partition.writer.full)
    assert full == [False] * (len(values) - 1) + [True]
    assert partition.writer.due(partition.clock.monotonic())


def test_a_commit_under_way_is_waited_for_no_longer_than_asked() -> None:
    partition = Partition()
    partition.threads.slow = {"_commit"}
    partition.decider.entries(b"1")
    partition.writer.begin(None)
    assert partition.writer.finished() is None
    assert partition.writer.finished(within_s=0.01) is None
    partition.threads.catch_up()
    committed = partition.writer.finished()
    assert committed is not None
    assert committed.outbox.events == 1


def test_a_call_that_never_ends_is_given_up_when_its_time_is_up() -> None:
    partition = Partition(load(transaction_timeout_ms=2_000))
    partition.threads.slow = {"_commit"}
    partition.decider.entries(b"1")
    partition.writer.begin(None)
    partition.clock.sleep(2 + LATE_S)
    assert partition.writer.finished() is None
    partition.clock.sleep(0.1)
    with pytest.raises(TransactionFailed) as raised:
        partition.writer.finished()
    assert raised.value.failure.kind is Kind.UNKNOWN
    assert not partition.writer.committing


class Ending:
    """A writer of a ledger that was folded to an offset, and ends at one. Each commit has its
    markers at once, unless `stable` says what the broker says of an output."""

    def __init__(self, *, end: int = 40, folded_to: int = 40) -> None:
        self.parts = Partition()
        self.producer = Reporting(self.parts.broker, end)
        self.producer.init_transactions()
        self.stable: dict[str, Callable[[], int]] = {}
        self.asked: list[str] = []
        self.writer = PartitionWriter(
            load(),
            0,
            self.parts.decider,
            cast(Producer, self.producer),
            self.parts.threads,
            self.parts.clock,
            ends=OutputEnds(
                {"ledger-entries": folded_to, "ledger-replies": 0},
                Stability(self.last_stable, self.parts.clock),
            ),
        )

    def last_stable(self, names: Sequence[str]) -> list[int]:
        self.asked.append(" and ".join(names))
        return [
            self.stable[name]() if name in self.stable else self.producer.ends[f"live.{name}"]
            for name in names
        ]

    def commit(self, *values: bytes, replies: int = 0) -> None:
        """Commit entries and replies; none: an input that wrote nothing."""
        if values:
            self.parts.decider.entries(*values)
        else:
            self.parts.decider.outbox.events += 1
        answers = [{"key": b"k", "value": b"reply"}] * replies
        self.parts.decider.outbox.replies.extend(answers)
        self.writer.begin(None)
        assert self.writer.finished() is not None


def test_entries_right_behind_what_was_folded_are_committed_one_transaction_after_the_other() -> (
    None
):
    ledger = Ending()
    for values in ((b"a", b"b"), (b"c",), (), (b"d", b"e", b"f")):
        ledger.commit(*values)
    assert ledger.parts.broker.committed[ENTRIES] == [b"a", b"b", b"c", b"d", b"e", b"f"]
    assert ledger.asked == ["ledger-entries"] * 3


@pytest.mark.parametrize("end", [39, 41, 46])
def test_nothing_is_committed_where_the_ledger_ends_elsewhere(end: int) -> None:
    ledger = Ending(end=end)
    said = f"ledger-entries ended at 40, and what follows stands at {end}"
    with pytest.raises(TransactionFailed, match=said) as raised:
        ledger.commit(b"a")
    assert raised.value.failure.kind is Kind.UNKNOWN
    assert ENTRIES not in ledger.parts.broker.committed


def test_a_transaction_that_writes_nothing_needs_no_end() -> None:
    ledger = Ending(end=46)
    ledger.commit()
    assert ledger.asked == []


@pytest.mark.parametrize("stable", [39, 40, 42])
def test_a_commit_whose_marker_does_not_come_has_failed(stable: int) -> None:
    ledger = Ending()
    ledger.stable["ledger-entries"] = lambda: stable
    said = f"ledger-entries should be decided up to 43, and is up to {stable}"
    with pytest.raises(TransactionFailed, match=said) as raised:
        ledger.commit(b"a", b"b")
    assert raised.value.failure.kind is Kind.UNKNOWN
    assert raised.value.failure.remedy is Remedy.RECOVER


def test_so_has_one_whose_marker_does_not_come_in_one_of_its_outputs() -> None:
    ledger = Ending()
    ledger.commit(b"a", replies=1)
    assert ledger.asked == ["ledger-entries and ledger-replies"]
    ledger.stable["ledger-replies"] = lambda: 2
    said = "ledger-replies should be decided up to 5, and is up to 2"
    with pytest.raises(TransactionFailed, match=said):
        ledger.commit(b"b", b"c", replies=2)


class Saves:
    """Counts what is saved."""

    def __init__(self) -> None:
        self.written: list[object] = []

    def take(self, last_hash: bytes, decided: object) -> object:
        return object()

    def write(self, saving: object, last_offset: int) -> None:
        self.written.append(saving)

    def saved(self, saving: object) -> None:
        assert saving in self.written


def test_nothing_is_saved_that_is_not_seen_to_stand() -> None:
    ledger, saves = Ending(), Saves()
    ledger.writer._keeper = cast(Keeper, saves)
    ledger.commit(b"a")
    assert len(saves.written) == 1
    ledger.stable["ledger-entries"] = lambda: 42
    with pytest.raises(TransactionFailed, match="decided up to 44"):
        ledger.commit(b"b")
    assert len(saves.written) == 1


def test_markers_that_are_late_are_waited_for() -> None:
    ledger = Ending()
    clock = ledger.parts.clock
    came_at = clock.monotonic() + 1
    ledger.stable["ledger-entries"] = lambda: 42 if clock.monotonic() >= came_at else 40
    ledger.commit(b"a")
    assert came_at <= clock.monotonic() < came_at + 0.1


def test_a_broker_that_does_not_answer_is_waited_for_as_long_as_for_a_transaction() -> None:
    ledger = Ending()
    began_at = ledger.parts.clock.monotonic()

    def away() -> int:
        raise KafkaException(error(KafkaError._TRANSPORT, "retriable"))

    ledger.stable["ledger-entries"] = away
    with pytest.raises(TransactionFailed, match="no broker says whether ledger-entries"):
        ledger.commit(b"a")
    assert 30 <= ledger.parts.clock.monotonic() - began_at < 31
