"""What may go wrong with a transaction call, by its kind, and what is done about it.

`POLICY` is the whole of it: a kind, what is done, and why. `judged` says which kind an error is, by
the call that raised it, its code, and the three flags that librdkafka sets on errors of its
transactional calls (retriable, requires abort, fatal; its manual, «Transactional producer API»).
Three things differ from that manual, for the reasons in `design.md`, «Exactly once»:

- A transaction is never aborted to go on with its producer. The producer is thrown away, and the
  next one's `init_transactions` aborts what was left open under a new epoch.
- A timeout is never repeated: it has used up the time there was, and the request may still arrive.
- `TRANSACTION_COORDINATOR_FENCED` is the broker's affair (a coordinator that lost its office), not
  a fencing of this producer.

A failure to produce has no report of its own: librdkafka makes its code that of the commit.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from confluent_kafka import KafkaError

from drawdown.adapters.kafka.consumer_failures import PERMIT


class Call(StrEnum):
    """The calls of a transactional producer that are made here. Only a barrier is aborted; a flush
    fails only where the producer is lost."""

    INIT = "init_transactions"
    BEGIN = "begin_transaction"
    PRODUCE = "produce_batch"
    FLUSH = "flush"
    SEND_OFFSETS = "send_offsets_to_transaction"
    COMMIT = "commit_transaction"
    ABORT = "abort_transaction"


class Kind(StrEnum):
    """What an error says about the transaction and its producer."""

    RETRIABLE = "retriable"
    ABORTABLE = "abortable"
    FATAL = "fatal"
    UNKNOWN = "unknown outcome"
    FENCED = "fenced"
    SUPERSEDED = "superseded"
    HOPELESS = "hopeless"


class Remedy(StrEnum):
    """What is done about a failure."""

    REPEAT = "make the same call again, within its time"
    RECOVER = "throw producer and state away, and recover both from the ledger"
    STEP_BACK = "give the partition up until the group assigns it anew"
    STEP_ASIDE = "give the partition up, and recover it if the group still gives it to this member"
    HALT = "halt the partition"


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What is done about one kind of failure, and why that is right."""

    remedy: Remedy
    reason: str


POLICY: Final[Mapping[Kind, Policy]] = MappingProxyType(
    {
        Kind.RETRIABLE: Policy(
            remedy=Remedy.REPEAT,
            reason="nothing was sent, or no transaction is open: the call may be made again",
        ),
        Kind.ABORTABLE: Policy(
            remedy=Remedy.RECOVER,
            reason="the transaction is lost; an abort that arrives late could hit the next one of "
            "its epoch, so the epoch goes with it",
        ),
        Kind.FATAL: Policy(
            remedy=Remedy.RECOVER,
            reason="the producer can't be used any more; a new one can",
        ),
        Kind.UNKNOWN: Policy(
            remedy=Remedy.RECOVER,
            reason="it may be committed or not; only the ledger knows",
        ),
        Kind.FENCED: Policy(
            remedy=Remedy.STEP_BACK,
            reason="another one writes the partition; to fence it in turn would be a duel",
        ),
        Kind.SUPERSEDED: Policy(
            remedy=Remedy.STEP_ASIDE,
            reason="the group has moved on; whether it took the partition away, it says with the "
            "next heartbeat",
        ),
        Kind.HOPELESS: Policy(
            remedy=Remedy.HALT,
            reason="the same call will be refused again, until somebody changes something",
        ),
    }
)

_FENCED: Final = frozenset(
    (KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH)
)
_SUPERSEDED: Final = frozenset(
    (
        KafkaError.ILLEGAL_GENERATION,
        # A broker also says so where it can't verify the transaction (KIP-890).
        KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.STALE_MEMBER_EPOCH,
        KafkaError.FENCED_MEMBER_EPOCH,
        KafkaError.FENCED_INSTANCE_ID,
        KafkaError.GROUP_ID_NOT_FOUND,
        KafkaError.REBALANCE_IN_PROGRESS,
        KafkaError._ASSIGNMENT_LOST,
    )
)
_UPGRADE: Final = "the broker is too old or its transactions are off: Kafka 3.7 or later is needed"
_ENLARGE: Final = (
    "raise max.message.bytes of the ledger's topics to what schemas/topics says, then restart"
)
HOPELESS: Final[Mapping[int, str]] = MappingProxyType(
    {
        KafkaError.TOPIC_AUTHORIZATION_FAILED: PERMIT,
        KafkaError.GROUP_AUTHORIZATION_FAILED: PERMIT,
        KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED: PERMIT,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED: PERMIT,
        KafkaError.SASL_AUTHENTICATION_FAILED: "set KAFKA_SASL_* right, then restart",
        KafkaError._AUTHENTICATION: "set KAFKA_SASL_* and KAFKA_SSL_* right, then restart",
        KafkaError.UNSUPPORTED_VERSION: _UPGRADE,
        KafkaError.UNSUPPORTED_FOR_MESSAGE_FORMAT: _UPGRADE,
        KafkaError._UNSUPPORTED_FEATURE: _UPGRADE,
        KafkaError.INVALID_TRANSACTION_TIMEOUT: (
            "lower DRAWDOWN_TRANSACTION_TIMEOUT_MS to the broker's transaction.max.timeout.ms"
        ),
        KafkaError.MSG_SIZE_TOO_LARGE: _ENLARGE,
        KafkaError.RECORD_LIST_TOO_LARGE: _ENLARGE,
        KafkaError.INVALID_RECORD: "the broker refuses a record: compare the topics' settings with "
        "schemas/topics (a ledger topic can't be compacted), then restart",
        KafkaError.POLICY_VIOLATION: "a policy of the broker refuses the records: ask who set it",
        KafkaError._NOT_CONFIGURED: "the producer has no transactional id: a programmer's error",
        KafkaError._INVALID_ARG: "a programmer's error",
    }
)
"""Codes that no repetition mends, and what to do."""

_NOTHING_SENT: Final = frozenset((KafkaError._STATE, KafkaError._UNSUPPORTED_FEATURE))
"""With the retriable flag: the client has no producer id or no coordinator at the moment."""
_DOUBTFUL: Final = frozenset(
    (
        KafkaError._TIMED_OUT,
        KafkaError._TIMED_OUT_QUEUE,
        KafkaError._TRANSPORT,
        KafkaError.REQUEST_TIMED_OUT,
    )
)
"""The request may have arrived, or may still arrive."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """One failed call: its kind, the error's code by name, what was said, and what to do."""

    call: Call
    kind: Kind
    code: str
    said: str
    advice: str = ""

    @property
    def remedy(self) -> Remedy:
        """What is done about it."""
        return POLICY[self.kind].remedy

    def __str__(self) -> str:
        """For a log line or a halted partition."""
        text = f"{self.call}: {self.said} ({self.code}, {self.kind})"
        return f"{text}: {self.advice}" if self.advice else text


class TransactionFailed(Exception):
    """A transaction failed, or its outcome is unknown."""

    def __init__(self, partition: int, failure: Failure) -> None:
        super().__init__(f"partition {partition}: {failure}")
        self.partition: Final = partition
        self.failure: Final = failure


UNENDING: Final = Failure(
    call=Call.SEND_OFFSETS,
    kind=Kind.UNKNOWN,
    code="_TIMED_OUT",
    said="the client doesn't return from a call whose time is up",
)
"""The one call that was seen never to end."""


def moved(said: str) -> Failure:
    """Something stands in an output that nobody else may have written: the state isn't the
    ledger's, and the transaction is left."""
    return Failure(call=Call.PRODUCE, kind=Kind.UNKNOWN, code="_INCONSISTENT", said=said)


def unproven(said: str) -> Failure:
    """A transaction was committed, and doesn't stand: its markers are lost, or late."""
    return Failure(call=Call.COMMIT, kind=Kind.UNKNOWN, code="_INCONSISTENT", said=said)


def judged(call: Call, error: KafkaError) -> Failure:
    """What kind of failure an error of a call is."""
    kind = _kind(call, error)
    return Failure(
        call=call,
        kind=kind,
        code=error.name(),
        said=error.str(),
        advice=HOPELESS.get(error.code(), "") if kind is Kind.HOPELESS else "",
    )


def exhausted(failure: Failure) -> Failure:
    """A retriable failure for which there was no more time."""
    kind = Kind.UNKNOWN if failure.call is Call.COMMIT else Kind.ABORTABLE
    return Failure(
        call=failure.call, kind=kind, code=failure.code, said=f"{failure.said}; no time is left"
    )


def _kind(call: Call, error: KafkaError) -> Kind:
    code = error.code()
    if _repeatable(call, error):
        return Kind.RETRIABLE
    if code in _FENCED:
        return Kind.FENCED
    if code in _SUPERSEDED:
        return Kind.SUPERSEDED
    if code in HOPELESS:
        return Kind.HOPELESS
    if error.fatal():
        return Kind.FATAL
    if call is Call.COMMIT and not error.txn_requires_abort():
        # Not even that it failed is certain.
        return Kind.UNKNOWN
    if error.txn_requires_abort() or error.retriable():
        return Kind.ABORTABLE
    # What has no flag is a bug in the client, or in its use: librdkafka says to treat it as fatal.
    return Kind.FATAL


def _repeatable(call: Call, error: KafkaError) -> bool:
    """Whether librdkafka lets the same call be made again with nothing in doubt."""
    code = error.code()
    match call:
        case Call.INIT:
            # It goes on in the background and the next call resumes it; no transaction is open.
            # When time is up, the client sets the flag whatever it was that went wrong meanwhile.
            return error.retriable() and code not in _FENCED and code not in HOPELESS
        case Call.BEGIN | Call.FLUSH:
            return False
        case Call.PRODUCE:
            return code == KafkaError._QUEUE_FULL
        case Call.SEND_OFFSETS:
            return error.retriable() and code not in _DOUBTFUL
        case Call.COMMIT | Call.ABORT:
            return error.retriable() and code in _NOTHING_SENT
