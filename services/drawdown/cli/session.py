"""What every command begins with: the settings, with the addresses of what runs here."""

import time

from drawdown import settings
from drawdown.local.discovery import resolved
from drawdown.settings import Settings


def connected() -> Settings:
    """This process's settings, empty addresses filled from what `drawdown up` started."""
    return resolved(settings.current())


def now_us() -> int:
    """The wall clock, in UTC microseconds."""
    return time.time_ns() // 1_000
