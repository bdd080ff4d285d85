"""A partition's writer: what it commits, and what becomes of each failure."""

from collections.abc import Callable, Sequence
from typing import Any, cast

import pytest
from confluent_kafka import KafkaError, Producer

from drawdown.adapters.kafka.records import ConsumedRecord
from drawdown.domain.ledger import Ledger
from drawdown.domain.watermark import Watermark
from drawdown.ledger_processor.failures import Call, Kind, TransactionFailed
from drawdown.ledger_processor.outbox import Outbox
from drawdown.ledger_processor.output_ends import OutputEnds
from drawdown.ledger_processor.partition import LATE_S, PROOF_S, PartitionWriter
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
    """Reports deliveries: the first entry comes to stand at `end`, the others behind it."""

    def __init__(self, broker: ScriptedBroker, end: int) -> None:
        super().__init__(broker)
        self.end = end
        self._reports: list[tuple[Callable[[None, Delivered], None], int]] = []

    def produce_batch(self, topic: str, messages: list[dict[str, Any]], partition: int = -1) -> int:
        for place, message in enumerate(messages):
            if "callback" in message:
                self._reports.append((message["callback"], self.end + place))
        if topic == ENTRIES:
            self.end += len(messages) + 1
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
    """A writer of a ledger that was folded to an offset, and ends at one; what the broker says of
    its last stable offset is told by the test."""

    def __init__(self, *, end: int, folded_to: int) -> None:
        self.parts = Partition()
        self.producer = Reporting(self.parts.broker, end)
        self.producer.init_transactions()
        self.stable = folded_to
        self.asked = 0
        self.writer = PartitionWriter(
            load(),
            0,
            self.parts.decider,
            cast(Producer, self.producer),
            self.parts.threads,
            self.parts.clock,
            ends=OutputEnds({"ledger-entries": folded_to}, self.last_stable, self.parts.clock),
        )

    def last_stable(self, name: str) -> int:
        assert name == "ledger-entries"
        self.asked += 1
        return self.stable

    def commit(self, *values: bytes) -> None:
        """Commit entries; none: an input that wrote nothing."""
        if values:
            self.parts.decider.entries(*values)
        else:
            self.parts.decider.outbox.events += 1
        self.writer.begin(None)
        assert self.writer.finished() is not None


def test_entries_right_behind_what_was_folded_are_committed_one_transaction_after_the_other() -> (
    None
):
    ledger = Ending(end=40, folded_to=40)
    for values in ((b"a", b"b"), (b"c",), (b"d", b"e", b"f")):
        ledger.commit(*values)
    assert ledger.parts.broker.committed[ENTRIES] == [b"a", b"b", b"c", b"d", b"e", b"f"]
    assert ledger.asked == 0


@pytest.mark.parametrize("end", [39, 41, 46])
def test_nothing_is_committed_where_the_ledger_ends_elsewhere(end: int) -> None:
    ledger = Ending(end=end, folded_to=40)
    with pytest.raises(TransactionFailed, match="isn't where it was left") as raised:
        ledger.commit(b"a")
    assert raised.value.failure.kind is Kind.UNKNOWN
    assert ENTRIES not in ledger.parts.broker.committed


def test_a_transaction_without_entries_needs_no_end_if_none_were_committed() -> None:
    ledger = Ending(end=46, folded_to=40)
    ledger.commit()
    assert ledger.asked == 0


def test_a_transaction_without_entries_is_committed_once_the_broker_has_ended_those_before() -> (
    None
):
    ledger = Ending(end=40, folded_to=40)
    ledger.commit(b"a", b"b")
    ledger.stable = 43
    ledger.commit()
    assert ledger.asked == 1
    ledger.commit()
    assert ledger.asked == 1


def test_what_lost_its_marker_is_committed_with_the_records_that_follow() -> None:
    ledger = Ending(end=40, folded_to=40)
    ledger.commit(b"a", b"b")
    for values in ((b"c",), (b"d", b"e")):
        # No marker stands before these records either, and `a` is the first that is open.
        ledger.producer.end -= 1
        ledger.stable = 40
        ledger.commit(*values)
    ledger.commit(b"f")
    assert ledger.parts.broker.committed[ENTRIES] == [b"a", b"b", b"c", b"d", b"e", b"f"]
    assert ledger.asked == 2


def test_what_was_delivered_with_the_commit_only_is_proven_by_its_end() -> None:
    clock = Patience()
    ends = OutputEnds({ENTRIES: 40}, lambda _: 40, clock)
    assert ends.hold({})
    ends.committed({ENTRIES: 41})
    assert not ends.proven
    assert ends.hold({ENTRIES: 43})
    assert not ends.hold({ENTRIES: 42})


def test_so_is_what_a_late_marker_has_decided_meanwhile() -> None:
    ledger = Ending(end=40, folded_to=40)
    ledger.commit(b"a", b"b")
    ledger.producer.end -= 1
    ledger.stable = 44
    ledger.commit(b"c")
    assert ledger.parts.broker.committed[ENTRIES] == [b"a", b"b", b"c"]


@pytest.mark.parametrize("stable", [39, 41, 42])
def test_nothing_is_committed_where_more_than_a_marker_is_missing(stable: int) -> None:
    ledger = Ending(end=40, folded_to=40)
    ledger.commit(b"a", b"b")
    ledger.producer.end -= 1
    ledger.stable = stable
    with pytest.raises(TransactionFailed, match="isn't where it was left"):
        ledger.commit(b"c")
    assert ledger.parts.broker.committed[ENTRIES] == [b"a", b"b"]


def test_nothing_follows_a_transaction_whose_marker_is_missing() -> None:
    ledger = Ending(end=40, folded_to=40)
    ledger.commit(b"a", b"b")
    with pytest.raises(TransactionFailed, match="isn't where it was left"):
        ledger.commit()


def test_what_was_committed_last_is_proven_though_nothing_follows() -> None:
    ledger = Ending(end=40, folded_to=40)
    assert not ledger.writer.due(ledger.parts.clock.monotonic() + 10)
    ledger.commit(b"a")
    committed_at = ledger.parts.clock.monotonic()
    assert not ledger.writer.due(committed_at + PROOF_S / 2)
    assert ledger.writer.due(committed_at + PROOF_S)
    ledger.stable = 42
    ledger.writer.begin(None)
    assert ledger.writer.finished() is not None
    assert not ledger.writer.due(committed_at + 10)
