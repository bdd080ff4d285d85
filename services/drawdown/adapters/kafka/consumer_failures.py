"""What a consumer says in a record's stead, and when nothing else is right than to end."""

from typing import Final

from confluent_kafka import KafkaError

from drawdown.errors import DrawdownError, Refused, Unavailable

PERMIT: Final = "give this process the broker's permission (see README «Permissions»), restart it"
_FORBIDDEN: Final = frozenset(
    (
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    )
)


def consumer_failure(error: KafkaError) -> DrawdownError | None:
    """What ends the process, if a consumer that says so can never hand out a record again.

    Everything else the client mends by itself.
    """
    if error.code() in _FORBIDDEN:
        return Refused(f"a consumer: {error.str()} ({error.name()}): {PERMIT}")
    if error.code() == KafkaError.FENCED_INSTANCE_ID:
        return Unavailable(
            "another process has joined the group with this one's group instance id: stop one"
        )
    if error.fatal():
        return Unavailable(f"the broker client gave up: {error.str()} ({error.name()})")
    return None
