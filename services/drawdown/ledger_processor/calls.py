"""Transaction calls, made again where that is safe."""

from collections.abc import Callable
from typing import Final

from drawdown.adapters.kafka.reports import CallRaised, error_of
from drawdown.clock import Clock
from drawdown.ledger_processor.failures import Call, Remedy, TransactionFailed, exhausted, judged

PAUSE_S: Final = 0.05
"""Between two tries: long beside a round trip to the broker, short beside any time limit."""
_LEAST_S: Final = 0.001
"""The client takes less than nothing for for ever."""


def repeated(
    partition: int, call: Call, step: Callable[[float], object], *, clock: Clock, within_s: float
) -> None:
    """Make a call, and again where that is safe, until it succeeds or its time is up.

    `step` makes it, and takes the seconds that are left. Raises `TransactionFailed`.
    """
    deadline = clock.monotonic() + within_s
    while True:
        try:
            step(max(_LEAST_S, deadline - clock.monotonic()))
            return
        except CallRaised as raised:
            failure = judged(call, error_of(raised))
        if failure.remedy is not Remedy.REPEAT:
            raise TransactionFailed(partition, failure)
        if clock.monotonic() + PAUSE_S >= deadline:
            raise TransactionFailed(partition, exhausted(failure))
        clock.sleep(PAUSE_S)
