"""Starts workers, starts those that end again, and ends with them."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Final, NoReturn

import structlog

from drawdown import metrics
from drawdown.backoff import Backoff
from drawdown.clock import SYSTEM, Clock
from drawdown.errors import RetryableError
from drawdown.settings import Settings
from drawdown.workers.scraping import Gathered
from drawdown.workers.worker import Place

_POLL_S: Final = 0.1
_STEADY_S: Final = 60.0
"""One that has served for so long ended by something new."""
_PORT_DIGITS: Final = 5

_log = structlog.get_logger()


class Worker:
    """One worker process after the other, of one place."""

    def __init__(self, command: Sequence[str], place: Place, clock: Clock) -> None:
        self.number: Final = place.number
        self.ready = False
        """Whether one of this place has ever served."""
        self._command: Final = [*command, place.argument()]
        self._clock: Final = clock
        self._backoff: Final = Backoff()
        self._process: subprocess.Popen[bytes] | None = None
        self._said = b""
        self._started_at = 0.0
        self._due_at = 0.0

    @property
    def port(self) -> int:
        """Where its metrics are; 0: it doesn't serve, or not yet."""
        port, said_all, _ = self._said.partition(b"\n")
        return int(port) if said_all and self._process is not None else 0

    @property
    def running(self) -> bool:
        """Whether there is a process."""
        return self._process is not None

    def start_if_due(self) -> None:
        """Start a process where there is none, unless it is to wait."""
        if self._process is not None or self._clock.monotonic() < self._due_at:
            return
        self._said, self._started_at = b"", self._clock.monotonic()
        # What it reads ends with this process, so that it can't be left behind.
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._process.stdout is not None
        os.set_blocking(self._process.stdout.fileno(), False)
        _log.info("worker_started", worker=self.number, process=self._process.pid)

    def ended(self) -> int | None:
        """Listen to it; the code it ended with, once (a signal's number, negative), else None."""
        if self._process is None:
            return None
        assert self._process.stdout is not None
        assert self._process.stdin is not None
        while said := self._process.stdout.read(1_024):
            self._said = (self._said + said)[: _PORT_DIGITS + 1]
        self.ready = self.ready or self.port > 0
        code = self._process.poll()
        if code is not None:
            self._process.stdout.close()
            self._process.stdin.close()
            self._process = None
        return code

    def start_again(self) -> float:
        """Start it again in a while; in how many seconds."""
        if self._clock.monotonic() - self._started_at > _STEADY_S:
            self._backoff.over()
        delay_s = self._backoff.next_s()
        self._due_at = self._clock.monotonic() + delay_s
        return delay_s

    def terminate(self) -> None:
        """Ask it to end."""
        if self._process is not None:
            self._process.terminate()


class Supervisor:
    """Runs so many workers of a command until `stop`, or until one ends that can't be helped."""

    def __init__(self, command: Sequence[str], workers: int, clock: Clock) -> None:
        self.workers: Final = [
            Worker(command, Place(number, workers), clock) for number in range(1, workers + 1)
        ]
        self._clock: Final = clock
        self._stopping = False
        self._told = False
        self._code = 0

    def stop(self) -> None:
        """End all of them; safe to call from a signal handler."""
        self._stopping = True

    def run(self, ready: Callable[[], None]) -> int:
        """Run until all have ended; the exit code. `ready` is called once all of them serve.

        A worker that was killed, or ended with an error that passes, is started again, the others
        going on meanwhile. Any other error ends all, and so does one before it ever served, so that
        who starts the service learns of it.
        """
        waiting: Callable[[], None] | None = ready
        while True:
            for worker in self.workers:
                if not self._stopping:
                    worker.start_if_due()
                code = worker.ended()
                if code is not None:
                    self._take_leave(worker, code)
            running = sum(worker.running for worker in self.workers)
            metrics.WORKERS_RUNNING.set(running)
            if self._stopping:
                self._tell()
                if running == 0:
                    return self._code
            elif waiting is not None and all(worker.port for worker in self.workers):
                waiting()
                waiting = None
            self._clock.sleep(_POLL_S)

    def _take_leave(self, worker: Worker, code: int) -> None:
        if self._stopping:
            # One that is killed before it can heed SIGTERM has nothing to finish.
            self._code = self._code or max(0, code)
            return
        passes = code in (0, RetryableError.exit_code) or code < 0
        if passes and worker.ready:
            again_s = round(worker.start_again(), 3)
            metrics.WORKER_RESTARTS.labels(str(worker.number)).inc()
            _log.warning("worker_ended", worker=worker.number, code=code, again_in_s=again_s)
            return
        _log.error("worker_ended", worker=worker.number, code=code)
        self._code = code if code > 0 else RetryableError.exit_code
        self._stopping = True

    def _tell(self) -> None:
        if not self._told:
            self._told = True
            for worker in self.workers:
                worker.terminate()


def supervise(settings: Settings, service: str, module: str, workers: int) -> NoReturn:
    """Run a service, `python -m module`, as so many workers until SIGTERM or SIGINT.

    Ends by `SystemExit`. Raises `InvalidSetting` where the metrics' port is taken.
    """
    supervisor = Supervisor([sys.executable, "-m", module], workers, SYSTEM)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: supervisor.stop())
    gathered = Gathered(lambda: [each.port for each in supervisor.workers if each.port])
    scrape = metrics.supervision(settings, service, gathered)

    def ready() -> None:
        port = metrics.serve(settings, scrape)
        _log.info("started", workers=workers, metrics_port=port)

    code = supervisor.run(ready)
    _log.info("stopped")
    sys.exit(code)
