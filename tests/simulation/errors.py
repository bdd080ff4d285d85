"""The errors that the simulated clients raise: librdkafka's own values."""

from confluent_kafka import KafkaError, KafkaException

FENCED = KafkaError._FENCED
BAD_EPOCH = KafkaError.INVALID_PRODUCER_EPOCH
TIMED_OUT = KafkaError._TIMED_OUT
STATE = KafkaError._STATE


class Killed(BaseException):
    """The process that makes a call is dead: nothing of it may run on, and nothing catches it."""


def failure(
    code: int,
    reason: str = "",
    *,
    fatal: bool = False,
    retriable: bool = False,
    abort: bool = False,
) -> KafkaException:
    """An exception of a client; `abort`: the transaction must be aborted."""
    return KafkaException(KafkaError(code, reason or None, fatal, retriable, abort))


def fenced() -> KafkaException:
    """Another producer has the transactional id."""
    return failure(FENCED, "a newer producer has this transactional id", fatal=True)
