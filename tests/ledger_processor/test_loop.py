"""The loop when things go wrong: one partition fails, the others go on, and nothing is lost."""

import pytest
from confluent_kafka import KafkaError

from drawdown.errors import Refused, Unavailable
from drawdown.ledger_processor.failures import Call, Kind
from drawdown.ledger_processor.loop import USAGE_CHUNK
from drawdown.ledger_processor.membership import FENCED_S
from drawdown.ledger_processor.partitions import ASIDE_S
from drawdown.metrics import PARTITIONS_HALTED, TRANSACTION_FAILURES
from tests.ledger_processor.processing import Process, labelled, numbered, serving
from tests.ledger_processor.scripted import Told, error

TIMED_OUT = error(KafkaError._TIMED_OUT, "retriable")
FENCED = error(KafkaError._FENCED, "fatal")
HOPELESS = error(KafkaError.TOPIC_AUTHORIZATION_FAILED, "abort")


def test_what_is_sent_is_committed_partition_by_partition() -> None:
    process = serving(3)
    for number in range(3):
        process.send(number, *numbered(1_000))
    process.run(3)
    assert [process.committed(number) for number in range(3)] == [numbered(1_000)] * 3


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (Call.BEGIN, Told(error(KafkaError._FATAL, "fatal"))),
        (Call.SEND_OFFSETS, Told(TIMED_OUT)),
        (Call.SEND_OFFSETS, Told(error(KafkaError.INVALID_PRODUCER_ID_MAPPING, "fatal"))),
        (Call.COMMIT, Told(error(KafkaError._INCONSISTENT, "abort"))),
        (Call.COMMIT, Told(TIMED_OUT)),
        (Call.COMMIT, Told(TIMED_OUT, committed=True)),
        (Call.COMMIT, Told(error(KafkaError.INVALID_TXN_STATE, "fatal"))),
    ],
)
@pytest.mark.parametrize("times", [1, 4])
def test_a_partition_that_fails_recovers_and_the_other_goes_on(
    call: Call, told: Told, times: int
) -> None:
    process = serving(2)
    process.brokers[0].tell(call, *[told] * times)
    process.send(0, *numbered(1_000))
    process.send(1, *numbered(1_000))
    process.run(5)
    assert process.committed(0) == process.committed(1) == numbered(1_000)
    assert process.opened.count(0) == 1 + times
    assert process.opened.count(1) == 1


def test_a_failure_is_counted_by_its_call_and_kind() -> None:
    before = labelled(TRANSACTION_FAILURES, "0", Call.COMMIT, Kind.UNKNOWN)
    process = serving(1)
    process.brokers[0].tell(Call.COMMIT, TIMED_OUT)
    process.send(0, b"1")
    process.run()
    assert labelled(TRANSACTION_FAILURES, "0", Call.COMMIT, Kind.UNKNOWN) == before + 1


def test_a_recovery_that_finds_no_broker_is_tried_until_it_does() -> None:
    process = Process(2)
    process.away = {0}
    process.give(0, 1)
    process.send(0, b"1")
    process.send(1, b"1")
    process.run(60)
    assert process.committed(1) == [b"1"]
    assert process.committed(0) == []
    process.away.clear()
    process.run(30)
    assert process.committed(0) == [b"1"]


def test_a_fenced_partition_is_left_alone_until_the_group_gives_it_anew() -> None:
    process = serving(2)
    process.brokers[0].tell(Call.COMMIT, FENCED)
    process.send(0, b"1")
    process.run(FENCED_S - 1)
    assert process.opened.count(0) == 1
    process.send(1, b"1")
    process.run(0.5)
    assert process.committed(1) == [b"1"]
    # Nobody owns it: the group is left and joined again, and gives everything anew.
    process.run(2)
    process.give(0, 1)
    process.run()
    assert (process.committed(0), process.committed(1)) == ([b"1"], [b"1"])


@pytest.mark.parametrize("taken", [False, True])
def test_a_superseded_partition_is_recovered_if_the_group_leaves_it_here(taken: bool) -> None:
    process = serving(1)
    process.brokers[0].tell(Call.SEND_OFFSETS, error(KafkaError.STALE_MEMBER_EPOCH, "abort"))
    process.send(0, b"1")
    process.run(ASIDE_S / 2)
    assert process.opened == [0]
    if taken:
        process.take(0)
    process.run(ASIDE_S)
    assert process.opened == ([0] if taken else [0, 0])
    assert process.committed(0) == ([] if taken else [b"1"])


def test_what_the_broker_refuses_halts_and_the_others_go_on() -> None:
    process = serving(2)
    process.brokers[0].tell(Call.COMMIT, HOPELESS)
    process.send(0, b"1")
    process.send(1, b"1")
    process.run(60)
    assert process.opened == [0, 1]
    assert (process.committed(0), process.committed(1)) == ([], [b"1"])
    assert labelled(PARTITIONS_HALTED, "0") == 1
    process.take(0)
    assert labelled(PARTITIONS_HALTED, "0") == 0


def test_the_process_ends_when_every_partition_is_refused() -> None:
    process = serving(2)
    process.brokers[0].tell(Call.COMMIT, HOPELESS)
    process.brokers[1].tell(Call.SEND_OFFSETS, HOPELESS)
    process.send(0, b"1")
    process.run()
    process.send(1, b"1")
    with pytest.raises(Refused, match="permission"):
        process.run()
    assert Refused.exit_code == 77


def test_the_process_ends_when_an_opening_is_refused_and_there_is_no_other() -> None:
    process = Process(1)
    refused = error(KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, "fatal")
    process.brokers[0].tell(Call.INIT, refused)
    process.give(0)
    with pytest.raises(Refused, match="init_transactions"):
        process.run()


def test_the_process_ends_when_the_group_s_client_can_t_go_on() -> None:
    process = serving(1)
    process.usage.errors.append(error(KafkaError._TRANSPORT))
    process.run()
    process.usage.errors.append(error(KafkaError.FENCED_INSTANCE_ID, "fatal"))
    with pytest.raises(Unavailable, match="group instance id"):
        process.run()


def test_a_rebalance_and_the_others_don_t_wait_for_an_opening() -> None:
    process = serving(2)
    process.take(0)
    process.threads.slow = {"open_partition"}
    process.give(0)
    process.send(0, b"1")
    process.send(1, b"1")
    process.run()
    assert process.committed(1) == [b"1"]
    assert 0 not in process.usage.positions
    process.threads.catch_up()
    process.run()
    assert process.committed(0) == [b"1"]


def test_a_partition_that_goes_while_it_is_opened_isn_t_served() -> None:
    process = Process(1)
    process.threads.slow = {"open_partition"}
    process.give(0)
    process.run(0.2)
    process.take(0)
    process.give(0)
    process.run(0.2)
    # The first opening leaves off where it tells of itself; only then the second begins.
    process.threads.catch_up()
    process.run(0.2)
    assert process.opened == []
    process.threads.catch_up()
    process.send(0, b"1")
    process.run()
    assert process.opened == [0]
    assert process.committed(0) == [b"1"]


def test_an_opening_that_ends_while_the_group_changes_is_made_again() -> None:
    process = serving(2)
    process.take(0)
    process.give(0)
    process.usage.changing = True
    process.run(0.3)
    process.usage.changing = False
    process.send(0, b"1")
    process.run()
    assert process.committed(0) == [b"1"]


def test_a_partition_that_fails_while_the_group_changes_goes_with_its_next_word() -> None:
    process = serving(1)
    process.brokers[0].tell(Call.COMMIT, FENCED)
    process.send(0, b"1")
    process.usage.changing = True
    process.run(0.3)
    process.usage.changing = False
    process.take(0)
    assert process.usage.positions == process.commands.positions == {}
    process.give(0)
    process.run()
    assert process.committed(0) == [b"1"]


def test_no_more_are_opened_at_once_than_allowed() -> None:
    process = Process(5, ledger_recoveries_max=2)
    process.threads.slow = {"open_partition"}
    process.give(*range(5))
    for opened in (2, 4, 5):
        process.run(0.2)
        process.threads.catch_up()
        assert len(process.opened) == opened


def test_more_partitions_than_a_process_may_have_wait_for_another_one() -> None:
    process = serving(3, ledger_partitions_max=2)
    process.send(2, b"1")
    process.run()
    assert process.opened == [0, 1]
    assert labelled(PARTITIONS_HALTED, "2") == 1


@pytest.mark.parametrize(
    "bound", [{"ledger_usage_batch": 1_000}, {"ledger_outbox_kib": 64}], ids=str
)
def test_a_slow_broker_slows_the_intake_and_loses_nothing(bound: dict[str, int]) -> None:
    size = 100
    process = serving(2, **bound)
    process.threads.slow = {"_commit"}
    process.send(0, *numbered(20_000, size))
    process.run(10)
    outbox = process.deciders[0].outbox
    chunk_bytes = USAGE_CHUNK * (size + 6)
    assert outbox.events <= process.settings.ledger_usage_batch + USAGE_CHUNK
    assert outbox.size_bytes <= process.settings.ledger_outbox_kib * 1_024 + chunk_bytes
    assert process.usage.positions[0] < 10_000
    assert process.usage.paused == process.commands.paused == {0}
    process.threads.slow.clear()
    process.threads.catch_up()
    process.run(20)
    assert process.committed(0) == numbered(20_000, size)
    assert not process.usage.paused


def test_a_partition_that_is_given_up_while_it_rests_is_read_when_it_comes_back() -> None:
    process = serving(1, ledger_usage_batch=10)
    process.threads.slow = {"_commit"}
    process.brokers[0].tell(Call.COMMIT, TIMED_OUT)
    process.send(0, *numbered(1_000))
    process.run()
    assert process.commands.paused == {0}
    process.threads.slow.clear()
    process.threads.catch_up()
    process.run(5)
    assert process.opened == [0, 0]
    assert process.committed(0) == numbered(1_000)


def test_a_slow_commit_of_one_partition_stops_no_other() -> None:
    process = serving(2, ledger_usage_batch=500)
    process.threads.slow = {"_commit"}
    process.send(0, *numbered(2_000))
    process.run()
    process.threads.slow.clear()
    process.send(1, *numbered(2_000))
    process.run(5)
    assert process.committed(1) == numbered(2_000)
    assert process.committed(0) == []
    process.threads.catch_up()
    process.run(5)
    assert process.committed(0) == numbered(2_000)


def test_a_rebalance_commits_what_is_decided() -> None:
    process = serving(2)
    process.send(0, *numbered(100))
    process.loop.turn()
    process.take(0)
    assert process.committed(0) == numbered(100)
    assert 0 not in process.usage.positions


def with_usage_that_waits() -> Process:
    """Ten records are decided, of which one is committed, and the others aren't due yet."""
    process = serving(1, commit_interval_ms=60_000)
    process.send(0, *numbered(1))
    process.run()
    process.send(0, *numbered(10)[1:])
    process.run()
    assert process.committed(0) == numbered(1)
    return process


def test_a_command_is_committed_at_once_with_the_usage_before_it() -> None:
    process = with_usage_that_waits()
    process.command(0, b"grant")
    process.run()
    assert process.committed(0) == numbered(10)


def test_a_rebalance_commits_what_was_not_due_yet() -> None:
    process = with_usage_that_waits()
    process.take(0)
    assert process.committed(0) == numbered(10)


def test_a_rebalance_waits_for_a_commit_no_longer_than_it_may() -> None:
    process = serving(2, rebalance_timeout_s=0.05)
    process.threads.slow = {"_commit"}
    process.send(0, *numbered(100))
    process.run()
    process.take(0)
    assert set(process.usage.positions) == {1}
    process.threads.slow.clear()
    process.give(0)
    process.run()
    process.threads.catch_up()
    process.run()
    # The commit that was given up came too late: it had been fenced.
    assert process.committed(0) == numbered(100)
