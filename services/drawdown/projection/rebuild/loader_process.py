"""A loader in a process of its own: several share neither an interpreter nor its lock.

The two ends of a pipe are all that it shares with its starter, and it ends when the other one is
gone, however that went: at the latest when it has written what it was writing.
"""

import signal
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Final

from drawdown.errors import DrawdownError, FatalError, Unavailable
from drawdown.garbage import collect_rarely
from drawdown.projection.projection import Build
from drawdown.projection.rebuild.loader import Loader
from drawdown.settings import Settings

_GRACE_S: Final = 30.0
"""Within this a loader has finished its transaction."""


@dataclass(frozen=True, slots=True)
class _Wrote:
    entries: int


@dataclass(frozen=True, slots=True)
class _Reached:
    partition_seq: int


class ProcessLoader:
    """The same as a `Loader`; one `load` at a time, and none after one that raised."""

    def __init__(self, settings: Settings, build: Build, schema: str) -> None:
        context = get_context("spawn")
        self._pipe, its_end = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(its_end, settings, build, schema), name="loader", daemon=True
        )
        self._process.start()
        its_end.close()

    def close(self) -> None:
        """Let the process finish its transaction, and end it."""
        self._pipe.close()
        self._process.join(_GRACE_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def load(self, partition: int, target: int, note: Callable[[int], None]) -> int:
        """As that of a `Loader`. Raises `Unavailable` too where the process was killed, and
        `FatalError` where it ended with an error that it wrote to the standard error output."""
        try:
            self._pipe.send((partition, target))
            while True:
                said = self._pipe.recv()
                if isinstance(said, _Reached):
                    return said.partition_seq
                if isinstance(said, DrawdownError):
                    raise said
                note(said.entries)
        except (EOFError, OSError) as error:
            self._process.join(_GRACE_S)
            code = self._process.exitcode
            if code is None or code < 0:
                raise Unavailable(
                    f"the process that loaded partition {partition} was killed; run it again, it "
                    "goes on where the rows stand"
                ) from error
            raise FatalError(
                f"the process that loaded partition {partition} ended with {code}, and said why"
            ) from error


def _serve(pipe: Connection, settings: Settings, build: Build, schema: str) -> None:
    """Load what the other end asks for, until there is none."""
    # Who interrupts means the starter, which lets this finish its transaction.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    collect_rarely()
    with closing(Loader(settings, build, schema)) as loader:
        try:
            while True:
                partition, target = pipe.recv()
                _answer(pipe, loader, partition, target)
        except (EOFError, OSError):
            return


def _answer(pipe: Connection, loader: Loader, partition: int, target: int) -> None:
    try:
        reached = loader.load(partition, target, lambda entries: pipe.send(_Wrote(entries)))
    except DrawdownError as error:
        pipe.send(error)
    else:
        pipe.send(_Reached(reached))
