"""Waiting for what other processes do."""

import os
from collections.abc import Callable

from drawdown.local import processes

WITHIN_S = 20.0


def until(condition: Callable[[], bool], within_s: float = WITHIN_S) -> None:
    """Wait for a condition; a failure if it doesn't come true in time."""
    assert processes.wait_until(condition, timeout_s=within_s, every_s=0.02)


def is_alive(process: int) -> bool:
    """Whether there is such a process, ended or not; nobody's child is waited for."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
