"""How many cores this process may use, and how many workers that makes."""

import os
from pathlib import Path
from typing import Final

_QUOTA: Final = Path("/sys/fs/cgroup/cpu.max")
"""A container's share of time: microseconds, and of how many; `max` is no limit."""


def usable_cores(quota: Path = _QUOTA) -> int:
    """The cores that this process may run on, or the share that its container may take of them."""
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    try:
        share, period = quota.read_text().split()
        return max(1, min(cores, int(share) // int(period)))
    except (OSError, ValueError):
        return cores


def worker_count(asked: int, partitions: int) -> int:
    """As many workers as are asked for; for 0 one a core, but none without a partition."""
    return asked or max(1, min(usable_cores(), partitions))
