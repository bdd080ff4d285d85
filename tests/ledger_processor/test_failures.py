"""Every failure of a transaction call has a kind, and every kind one thing that is done."""

from collections.abc import Callable

import pytest
from confluent_kafka import KafkaError, KafkaException

from drawdown.adapters.kafka.consumer_failures import consumer_failure
from drawdown.errors import Refused, Unavailable
from drawdown.ledger_processor.calls import PAUSE_S, repeated
from drawdown.ledger_processor.failures import (
    HOPELESS,
    POLICY,
    Call,
    Kind,
    Remedy,
    TransactionFailed,
    judged,
)
from tests.ledger_processor.scripted import Patience, ScriptedBroker, ScriptedProducer, error

E = KafkaError
TIMED_OUT = error(E._TIMED_OUT, "retriable")
FENCED = (E._FENCED, E.PRODUCER_FENCED, E.INVALID_PRODUCER_EPOCH)
SUPERSEDED = (
    E.ILLEGAL_GENERATION,
    E.UNKNOWN_MEMBER_ID,
    E.STALE_MEMBER_EPOCH,
    E.FENCED_MEMBER_EPOCH,
    E.FENCED_INSTANCE_ID,
    E.GROUP_ID_NOT_FOUND,
)

# What librdkafka raises, with the flags that it sets, by call.
CASES = [
    (Call.INIT, TIMED_OUT, Kind.RETRIABLE),
    (Call.INIT, error(E.COORDINATOR_NOT_AVAILABLE, "retriable"), Kind.RETRIABLE),
    (Call.INIT, error(E.COORDINATOR_LOAD_IN_PROGRESS, "retriable"), Kind.RETRIABLE),
    (Call.INIT, error(E.CONCURRENT_TRANSACTIONS, "retriable"), Kind.RETRIABLE),
    (Call.INIT, error(E._ALL_BROKERS_DOWN, "retriable"), Kind.RETRIABLE),
    (Call.INIT, error(E.INVALID_TRANSACTION_TIMEOUT, "fatal"), Kind.HOPELESS),
    (Call.INIT, error(E._UNSUPPORTED_FEATURE, "fatal"), Kind.HOPELESS),
    (Call.INIT, error(E.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, "fatal"), Kind.HOPELESS),
    # When time is up, the client calls everything retriable.
    (Call.INIT, error(E.CLUSTER_AUTHORIZATION_FAILED, "retriable"), Kind.HOPELESS),
    (Call.INIT, error(E._AUTHENTICATION, "retriable"), Kind.HOPELESS),
    (Call.INIT, error(E._FENCED, "retriable"), Kind.FENCED),
    (Call.INIT, error(E._STATE), Kind.FATAL),
    (Call.BEGIN, error(E._STATE), Kind.FATAL),
    (Call.BEGIN, error(E._FATAL, "fatal"), Kind.FATAL),
    (Call.BEGIN, error(E._CONFLICT, "retriable"), Kind.ABORTABLE),
    (Call.BEGIN, error(E._PREV_IN_PROGRESS, "retriable"), Kind.ABORTABLE),
    (Call.PRODUCE, error(E._QUEUE_FULL), Kind.RETRIABLE),
    (Call.PRODUCE, error(E.MSG_SIZE_TOO_LARGE), Kind.HOPELESS),
    (Call.PRODUCE, error(E._STATE), Kind.FATAL),
    (Call.FLUSH, error(E._FENCED, "fatal"), Kind.FENCED),
    (Call.FLUSH, error(E._STATE, "retriable"), Kind.ABORTABLE),
    (Call.PRODUCE, error(E._UNKNOWN_PARTITION), Kind.FATAL),
    (Call.SEND_OFFSETS, error(E._STATE, "retriable"), Kind.RETRIABLE),
    (Call.SEND_OFFSETS, error(E.NOT_COORDINATOR, "retriable"), Kind.RETRIABLE),
    (Call.SEND_OFFSETS, error(E.COORDINATOR_NOT_AVAILABLE, "retriable"), Kind.RETRIABLE),
    (Call.SEND_OFFSETS, error(E._UNSUPPORTED_FEATURE, "retriable"), Kind.RETRIABLE),
    (Call.SEND_OFFSETS, TIMED_OUT, Kind.ABORTABLE),
    (Call.SEND_OFFSETS, error(E._TRANSPORT, "retriable"), Kind.ABORTABLE),
    (Call.SEND_OFFSETS, error(E._INCONSISTENT, "abort"), Kind.ABORTABLE),
    (Call.SEND_OFFSETS, error(E.INVALID_PRODUCER_ID_MAPPING, "fatal"), Kind.FATAL),
    (Call.SEND_OFFSETS, error(E.INVALID_TXN_STATE, "fatal"), Kind.FATAL),
    (Call.SEND_OFFSETS, error(E.UNKNOWN_PRODUCER_ID, "abort"), Kind.ABORTABLE),
    (Call.SEND_OFFSETS, error(E.GROUP_AUTHORIZATION_FAILED, "abort"), Kind.HOPELESS),
    (Call.SEND_OFFSETS, error(E.UNSUPPORTED_FOR_MESSAGE_FORMAT, "fatal"), Kind.HOPELESS),
    (Call.SEND_OFFSETS, error(E._INVALID_ARG), Kind.HOPELESS),
    (Call.COMMIT, TIMED_OUT, Kind.UNKNOWN),
    (Call.COMMIT, error(E._TRANSPORT, "retriable"), Kind.UNKNOWN),
    (Call.COMMIT, error(E.REQUEST_TIMED_OUT, "retriable"), Kind.UNKNOWN),
    (Call.COMMIT, error(E.NOT_COORDINATOR, "retriable"), Kind.UNKNOWN),
    (Call.COMMIT, error(E.CONCURRENT_TRANSACTIONS, "retriable"), Kind.UNKNOWN),
    (Call.COMMIT, error(E._STATE), Kind.UNKNOWN),
    # The client has no producer id or no coordinator just now: nothing was sent.
    (Call.COMMIT, error(E._STATE, "retriable"), Kind.RETRIABLE),
    (Call.COMMIT, error(E._UNSUPPORTED_FEATURE, "retriable"), Kind.RETRIABLE),
    (Call.COMMIT, error(E._INCONSISTENT, "abort"), Kind.ABORTABLE),
    (Call.COMMIT, error(E._TIMED_OUT, "abort"), Kind.ABORTABLE),
    (Call.COMMIT, error(E.NOT_ENOUGH_REPLICAS, "abort"), Kind.ABORTABLE),
    (Call.COMMIT, error(E.INVALID_PRODUCER_ID_MAPPING, "abort"), Kind.ABORTABLE),
    (Call.COMMIT, error(E.TRANSACTION_ABORTABLE, "abort"), Kind.ABORTABLE),
    (Call.COMMIT, error(E.TRANSACTION_COORDINATOR_FENCED, "abort"), Kind.ABORTABLE),
    (Call.COMMIT, error(E.INVALID_TXN_STATE, "fatal"), Kind.FATAL),
    (Call.COMMIT, error(E._FATAL, "fatal"), Kind.FATAL),
    # A record that the broker refused: the commit says so.
    (Call.COMMIT, error(E.MSG_SIZE_TOO_LARGE, "abort"), Kind.HOPELESS),
    (Call.COMMIT, error(E.INVALID_RECORD, "abort"), Kind.HOPELESS),
    (Call.COMMIT, error(E.TOPIC_AUTHORIZATION_FAILED, "abort"), Kind.HOPELESS),
    (Call.COMMIT, error(E.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, "fatal"), Kind.HOPELESS),
    *((call, error(code, "fatal"), Kind.FENCED) for call in Call for code in FENCED),
    *(
        (call, error(code, "abort"), Kind.SUPERSEDED)
        for call in (Call.SEND_OFFSETS, Call.COMMIT)
        for code in SUPERSEDED
    ),
]


def case_name(case: object) -> str:
    return f"{case.name()}" if isinstance(case, KafkaError) else str(case)


@pytest.mark.parametrize(("call", "raised", "kind"), CASES, ids=case_name)
def test_an_error_is_of_its_kind(call: Call, raised: KafkaError, kind: Kind) -> None:
    failure = judged(call, raised)
    assert failure.kind is kind
    assert failure.code == raised.name()


@pytest.mark.parametrize("call", Call)
@pytest.mark.parametrize("code", sorted(HOPELESS), ids=lambda code: KafkaError(code).name())
def test_what_is_hopeless_says_what_to_do(call: Call, code: int) -> None:
    failure = judged(call, error(code))
    assert failure.remedy is Remedy.HALT
    assert str(failure).endswith(HOPELESS[code])


def test_every_kind_has_one_remedy_and_its_reason() -> None:
    assert POLICY.keys() == set(Kind)
    assert {policy.remedy for policy in POLICY.values()} == set(Remedy)
    assert all(len(policy.reason) > 20 for policy in POLICY.values())


@pytest.mark.parametrize("code", [value for name, value in vars(E).items() if name.isupper()])
def test_a_commit_that_fails_without_a_flag_is_in_doubt_or_told_by_its_code(code: int) -> None:
    failure = judged(Call.COMMIT, error(code))
    assert failure.kind in (Kind.UNKNOWN, Kind.FENCED, Kind.SUPERSEDED, Kind.HOPELESS)


def initialized(broker: ScriptedBroker, clock: Patience) -> None:
    producer = ScriptedProducer(broker)
    repeated(0, Call.INIT, producer.init_transactions, clock=clock, within_s=10)


def test_a_retriable_call_is_made_again_until_it_succeeds() -> None:
    broker, clock = ScriptedBroker(), Patience()
    broker.tell(Call.INIT, *[TIMED_OUT] * 5)
    initialized(broker, clock)
    assert broker.epochs == {"ledger-0": 0}
    assert clock.now_s == pytest.approx(1_000 + 5 * PAUSE_S)


def test_a_retriable_call_ends_when_its_time_is_up() -> None:
    broker, clock = ScriptedBroker(), Patience()
    broker.tell(Call.INIT, *[TIMED_OUT] * 1_000)
    with pytest.raises(TransactionFailed, match="no time is left") as raised:
        initialized(broker, clock)
    assert raised.value.failure.remedy is Remedy.RECOVER
    assert 1_000 < clock.now_s <= 1_010


def test_what_time_runs_out_for_is_in_doubt_only_where_it_may_have_happened() -> None:
    clock = Patience()
    never = error(E._STATE, "retriable")
    for call, kind in ((Call.SEND_OFFSETS, Kind.ABORTABLE), (Call.COMMIT, Kind.UNKNOWN)):

        def step(_: float) -> None:
            raise KafkaException(never)

        with pytest.raises(TransactionFailed) as raised:
            repeated(0, call, step, clock=clock, within_s=1)
        assert raised.value.failure.kind is kind


def told_by_a_report(error: BaseException) -> Callable[[float], object]:
    """A call in which a report's callback returned while this error was pending."""

    def step(_: float) -> None:
        raise SystemError("a callback returned a result with an exception set") from error

    return step


def test_what_was_pending_in_a_report_is_judged() -> None:
    step = told_by_a_report(KafkaException(error(E._FENCED, "fatal")))
    with pytest.raises(TransactionFailed) as raised:
        repeated(0, Call.FLUSH, step, clock=Patience(), within_s=1)
    assert raised.value.failure.kind is Kind.FENCED


def test_a_fault_of_the_interpreter_is_no_failure_of_the_client() -> None:
    with pytest.raises(SystemError):
        repeated(0, Call.FLUSH, told_by_a_report(KeyError()), clock=Patience(), within_s=1)


def test_a_call_is_told_how_much_time_is_left() -> None:
    left: list[float] = []

    def step(seconds: float) -> None:
        left.append(seconds)
        if len(left) < 3:
            raise KafkaException(TIMED_OUT)

    repeated(0, Call.INIT, step, clock=Patience(), within_s=1)
    assert left == pytest.approx([1, 1 - PAUSE_S, 1 - 2 * PAUSE_S])


@pytest.mark.parametrize(
    ("said", "ends"),
    [
        (error(E.GROUP_AUTHORIZATION_FAILED), Refused),
        (error(E.TOPIC_AUTHORIZATION_FAILED), Refused),
        (error(E.FENCED_INSTANCE_ID, "fatal"), Unavailable),
        (error(E._FATAL, "fatal"), Unavailable),
        (error(E._ALL_BROKERS_DOWN), type(None)),
        (error(E._TRANSPORT), type(None)),
        (error(E._AUTHENTICATION), type(None)),
        (error(E._MAX_POLL_EXCEEDED), type(None)),
    ],
)
def test_a_consumer_ends_the_process_only_where_it_can_t_go_on(
    said: KafkaError, ends: type[object]
) -> None:
    assert isinstance(consumer_failure(said), ends)
