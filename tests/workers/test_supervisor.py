"""Workers that are killed, fail, or are asked to end; real processes of a few lines each."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from drawdown.clock import SYSTEM
from drawdown.errors import FatalError, RetryableError, UsageError
from drawdown.workers.supervisor import Supervisor
from tests.workers.watching import WITHIN_S, is_alive, until

SERVES = """
import os, pathlib, signal, sys
from drawdown.workers import worker
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
worker.follow_supervisor()
[folder, argument] = sys.argv[1:]
worker.tell_ready(1_000 + os.getpid() % 60_000)
pathlib.Path(folder, argument.replace("/", "-")).write_text(str(os.getpid()))
while True:
    signal.pause()
"""
FAILS = "import sys; sys.exit({})"


class Running:
    """A supervisor in a thread, and what became of it."""

    def __init__(self, folder: Path, program: str, workers: int = 2) -> None:
        self.folder = folder
        self.became_ready = 0
        self.code: int | None = None
        command = [sys.executable, "-c", program, str(folder)]
        self.supervisor = Supervisor(command, workers, SYSTEM)
        self.thread = Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        self.code = self.supervisor.run(self._ready)

    def _ready(self) -> None:
        self.became_ready += 1

    def process(self, number: int, *, other_than: int = 0) -> int:
        """The process of a worker, once it has said so."""
        file = self.folder / f"--worker={number}-{len(self.supervisor.workers)}"
        until(lambda: file.exists() and int(file.read_text() or 0) not in (0, other_than))
        return int(file.read_text())

    def end(self) -> int | None:
        self.supervisor.stop()
        self.thread.join(WITHIN_S)
        return self.code


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    started = Running(tmp_path, SERVES)
    yield started
    started.end()


def test_all_serve_and_end_when_asked(running: Running) -> None:
    processes = [running.process(1), running.process(2)]
    until(lambda: running.became_ready == 1)
    ports = {worker.port for worker in running.supervisor.workers}
    assert ports == {1_000 + process % 60_000 for process in processes}
    assert running.end() == 0
    assert not any(is_alive(process) for process in processes)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_one_that_was_ended_is_started_again_and_the_others_go_on(
    running: Running, number: signal.Signals
) -> None:
    first, second = running.process(1), running.process(2)
    until(lambda: running.became_ready == 1)
    os.kill(first, number)
    running.process(1, other_than=first)
    assert running.process(2) == second
    assert is_alive(second)
    assert running.end() == 0
    assert running.became_ready == 1


@pytest.mark.parametrize("error", [UsageError, FatalError, RetryableError])
def test_one_that_fails_before_it_ever_served_ends_all(
    tmp_path: Path, error: type[UsageError | FatalError | RetryableError]
) -> None:
    failing = Running(tmp_path, FAILS.format(error.exit_code))
    failing.thread.join(WITHIN_S)
    assert (failing.code, failing.became_ready) == (error.exit_code, 0)


def test_one_that_fails_for_good_later_ends_all(tmp_path: Path) -> None:
    served_once = SERVES.replace("lambda *_: os._exit(0)", "lambda *_: os._exit(77)")
    started = Running(tmp_path, served_once)
    first, second = started.process(1), started.process(2)
    until(lambda: started.became_ready == 1)
    os.kill(first, signal.SIGTERM)
    started.thread.join(WITHIN_S)
    assert started.code == 77
    assert not is_alive(second)


def test_one_that_is_killed_before_it_ever_served_may_be_tried_again(tmp_path: Path) -> None:
    killed = Running(tmp_path, "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    killed.thread.join(WITHIN_S)
    assert killed.code == RetryableError.exit_code


def test_a_delay_grows_while_one_ends_again_and_again(running: Running) -> None:
    worker = running.supervisor.workers[0]
    assert worker.start_again() < worker.start_again() < worker.start_again()


def test_workers_end_when_their_supervisor_is_killed(tmp_path: Path) -> None:
    program = f"""
import sys
from drawdown.clock import SYSTEM
from drawdown.workers.supervisor import Supervisor
command = [sys.executable, "-c", {SERVES!r}, {str(tmp_path)!r}]
Supervisor(command, 2, SYSTEM).run(lambda: None)
"""
    supervisor = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.DEVNULL)
    files = [tmp_path / f"--worker={number}-2" for number in (1, 2)]
    until(lambda: all(file.exists() and file.read_text() for file in files))
    supervisor.kill()
    supervisor.wait(WITHIN_S)
    processes = [int(file.read_text()) for file in files]
    until(lambda: not any(is_alive(process) for process in processes))
