"""Partitions on their way to be served: fenced and recovered in threads, while others go on.

A rebalance doesn't wait for an opening, and neither does a turn of the loop. One that failed is
tried again after a delay that doubles.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from random import Random
from typing import Final

from drawdown.backoff import Backoff
from drawdown.clock import Clock
from drawdown.ledger_processor.partition import PartitionWriter
from drawdown.ledger_processor.progress import Progress
from drawdown.settings import Settings

_FIRST_S: Final = 0.1
"""Most failures are over at once: a leader that moved, a connection that broke."""


class Start:
    """What opening a partition yields: its writer, and where its inputs go on."""

    def __init__(self, writer: PartitionWriter, usage_offset: int, command_offset: int) -> None:
        self.writer: Final = writer
        self.usage_offset: Final = usage_offset
        self.command_offset: Final = command_offset


OpenPartition = Callable[[int, Progress], Start]
"""Fences and recovers a partition, telling how far it is. Raises `TransactionFailed`,
`PartitionHalted`, or an error that passes."""


class _Opening:
    """One opening under way."""

    def __init__(self, future: Future[Start], progress: Progress) -> None:
        self.future: Final = future
        self._progress: Final = progress
        self.wanted = True

    def abandon(self) -> None:
        """What it yields won't be used."""
        self.wanted = False
        self._progress.abandon()

    def discard(self) -> None:
        """Close what it yielded, if anything."""
        if not self.future.cancelled() and self.future.exception() is None:
            self.future.result().writer.close()


class Openings:
    """Which partitions are to be opened and when, and those being opened.

    A partition is never opened twice at once, or one opening would fence the other. `chance` says
    by how much a delay is cut.
    """

    def __init__(
        self,
        settings: Settings,
        open_partition: OpenPartition,
        threads: Executor,
        clock: Clock,
        chance: Random,
    ) -> None:
        self._at_most: Final = settings.ledger_recoveries_max
        self._longest_s: Final = settings.recovery_delay_max_s
        self._open_partition: Final = open_partition
        self._threads: Final = threads
        self._clock: Final = clock
        self._chance: Final = chance
        self._due_at: Final[dict[int, float]] = {}
        self._running: Final[dict[int, _Opening]] = {}
        self._backoffs: Final[dict[int, Backoff]] = {}

    def __len__(self) -> int:
        return len(self._due_at.keys() | {n for n, each in self._running.items() if each.wanted})

    def ask(self, number: int, after_s: float = 0.0) -> None:
        """Open a partition, at once or in so many seconds."""
        self._due_at[number] = self._clock.monotonic() + after_s

    def ask_again(self, number: int) -> float:
        """Open it once more after a failure, a while later; in how many seconds."""
        backoff = self._backoffs.get(number)
        if backoff is None:
            backoff = Backoff(first_s=_FIRST_S, longest_s=self._longest_s, chance=self._chance)
            self._backoffs[number] = backoff
        delay_s = backoff.next_s()
        self.ask(number, delay_s)
        return delay_s

    def succeeded(self, number: int) -> None:
        """It commits again: the next failure is a first one."""
        self._backoffs.pop(number, None)

    def let_go(self, number: int) -> None:
        """It isn't wanted here any more."""
        self._due_at.pop(number, None)
        self._backoffs.pop(number, None)
        if number in self._running:
            self._running[number].abandon()

    def finished(self) -> Iterator[tuple[int, Callable[[], Start]]]:
        """Begin what is due; the openings that ended, each with what says how."""
        self._begin_due()
        for number in [n for n, each in self._running.items() if each.future.done()]:
            opening = self._running.pop(number)
            if opening.wanted:
                yield number, opening.future.result
            else:
                opening.discard()

    def close(self) -> None:
        """Leave off all of them."""
        self._due_at.clear()
        for opening in self._running.values():
            opening.abandon()

    def _begin_due(self) -> None:
        now = self._clock.monotonic()
        for number in sorted(number for number, at in self._due_at.items() if at <= now):
            if len(self._running) >= self._at_most:
                return
            if number not in self._running:
                del self._due_at[number]
                progress = Progress(number, self._clock)
                future = self._threads.submit(self._open_partition, number, progress)
                self._running[number] = _Opening(future, progress)
