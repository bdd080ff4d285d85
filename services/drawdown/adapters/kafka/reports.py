"""What a producer's call raises while it takes delivery reports.

When a producer is lost (a fatal error, such as being fenced), the client raises that from `poll`,
`flush` or `commit_transaction`. If a report comes in the same call, its callback runs while that
error is already pending, so that Python raises `SystemError` with the error as its cause.
"""

from typing import Final

from confluent_kafka import KafkaError, KafkaException

CallRaised: Final = (KafkaException, SystemError)


def error_of(raised: Exception) -> KafkaError:
    """The client's error behind what a call raised; whatever else is raised again."""
    cause = raised if isinstance(raised, KafkaException) else raised.__cause__
    if not isinstance(cause, KafkaException):
        raise raised
    error: KafkaError = cause.args[0]
    return error
