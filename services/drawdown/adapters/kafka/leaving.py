"""Leaves a group within bounds.

A client that lost its coordinator and never hears of it again waits for it without an end when it
is closed (librdkafka 2.16): the process that wanted a new client would keep the deaf one for ever.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Final, Protocol

import structlog

from drawdown.adapters.kafka.clients import SESSION_TIMEOUT_MS

LEAVE_S: Final = SESSION_TIMEOUT_MS / 1_000
"""After that the group has given up a member that is silent, so that nothing is won by waiting."""


class Member(Protocol):
    """`confluent_kafka.Consumer` is one."""

    def close(self) -> None: ...


def leave(member: Member, within_s: float = LEAVE_S) -> None:
    """Close a client. One that takes longer is left to the process's end, in its thread."""
    threads = ThreadPoolExecutor(1, "leaving")
    closing = threads.submit(member.close)
    threads.shutdown(wait=False)
    try:
        closing.result(within_s)
    except TimeoutError:
        structlog.get_logger().warning("not_left", seconds=within_s)
