"""The worker's side: which one it is, that it is ready, and that it ends when nobody watches it.

Its standard input stays open as long as its supervisor runs; on its standard output it writes the
port of its metrics, once it serves.
"""

import argparse
import os
import signal
import sys
import time
from dataclasses import dataclass
from threading import Thread
from typing import Final

from drawdown.errors import Unavailable
from drawdown.settings import Settings

_GRACE_S: Final = 45.0
"""A processor finishes its transactions well within this."""
LOOPBACK: Final = "127.0.0.1"
"""Where a worker's metrics are, for its supervisor alone."""


@dataclass(frozen=True, slots=True)
class Place:
    """The worker of this number, from 1, of so many."""

    number: int
    of: int

    def settings(self, settings: Settings) -> Settings:
        """A worker's settings: its supervisor alone has the name and the port that were given."""
        given = settings.kafka_group_instance_id
        return settings.model_copy(
            update={
                "kafka_group_instance_id": f"{given}-{self.number}" if given else "",
                "metrics_host": LOOPBACK,
                "metrics_port": 0,
            }
        )

    def argument(self) -> str:
        """What tells a process its place on its command line."""
        return f"--worker={self.number}/{self.of}"


def place(service: str, arguments: list[str]) -> Place | None:
    """This process's place by its command line; None: it is no worker.

    Raises `SystemExit` where the command line can't be understood, or asks for help.
    """
    parser = argparse.ArgumentParser(
        prog=service,
        description="A service of Drawdown. Environment variables (DRAWDOWN_…) tell it what to "
        f"do: see services/drawdown/{service}/README.md.",
    )
    parser.add_argument("--worker", type=_place, metavar="N/OF", help=argparse.SUPPRESS)
    found: Place | None = parser.parse_args(arguments).worker
    return found


def _place(text: str) -> Place:
    number, _, of = text.partition("/")
    return Place(int(number), int(of))


def follow_supervisor() -> None:
    """End as on SIGTERM when the supervisor is gone, however it went."""
    Thread(target=_follow, name="supervisor", daemon=True).start()


def tell_ready(port: int) -> None:
    """Tell the supervisor where this worker's metrics are."""
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()


def _follow() -> None:
    while os.read(sys.stdin.fileno(), 1_024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE_S)
    os._exit(Unavailable.exit_code)
