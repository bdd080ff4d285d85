"""The site: brokers, database, proxies before them, and the processes that use them."""

import glob
import os
import resource
import shutil
import signal
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import Final, Self

from drawdown.adapters.kafka.topics import create_topics, ledger_partitions
from drawdown.errors import LocalSetupFailed
from drawdown.local import ports, processes, stack
from drawdown.local.state import Service
from drawdown.settings import Settings, load
from tests.chaos.cluster import Cluster
from tests.chaos.members import Member, Supervisor
from tests.chaos.proxy import Link, Proxies

PROCESSOR: Final = "ledger_processor"
PROJECTOR: Final = "balance_projector"
OTHER_PROJECTORS: Final = ("expiration_projector", "revenue_projector")
"""One process of each: the loop is the same, and several of one fight over partitions already."""
_DISK_BYTES: Final = 2 * 1024 * 1024 * 1024
"""More than the state of some five million entries takes: only a fault fills it."""
_DATABASE_TRIES: Final = 5


def faketime_library() -> str:
    """libfaketime for programs with threads; empty where it isn't installed."""
    found = sorted(glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1"))
    return found[0] if found else ""


class Disk:
    """The folder of one processor's local state: a small file system of its own where root may
    mount one, else a folder whose processes are forbidden to write."""

    def __init__(self, folder: Path) -> None:
        self.folder: Final = folder
        folder.mkdir(parents=True)
        self.mounted: Final = _mount(folder)
        self._filler = folder / "filler"

    def fill(self, pid: int) -> None:
        """Let nothing more be written."""
        if not self.mounted:
            _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, hard))
            return
        with self._filler.open("wb", buffering=0) as filler:
            block = bytes(1024 * 1024)
            try:
                while True:
                    filler.write(block)
            except OSError:
                return

    def free(self, pid: int) -> None:
        """Let it be written again."""
        self._filler.unlink(missing_ok=True)
        if not self.mounted and Path(f"/proc/{pid}").exists():
            _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))

    def lose(self) -> None:
        """Delete all that is on it."""
        for each in self.folder.iterdir():
            shutil.rmtree(each) if each.is_dir() else each.unlink()

    def close(self) -> None:
        """Give it back."""
        if self.mounted:
            subprocess.run(["umount", "--lazy", str(self.folder)], check=False)


def _mount(folder: Path) -> bool:
    if os.geteuid() != 0 or shutil.which("mount") is None:
        return False
    command = ["mount", "-t", "tmpfs", "-o", f"size={_DISK_BYTES}", "drawdown", str(folder)]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


class Clock:
    """The time of day as one process sees it; it can be stepped where libfaketime is installed."""

    def __init__(self, file: Path) -> None:
        self.library: Final = faketime_library()
        self._file = file
        self.step(0)

    def step(self, seconds: int) -> None:
        """Show a time so many seconds later (or earlier) than it is."""
        self._file.write_text(f"{seconds:+d}s\n")

    def environment(self) -> dict[str, str]:
        """What makes a process see it; nothing without the library."""
        if not self.library:
            return {}
        return {
            "LD_PRELOAD": self.library,
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",
            # Waits and timeouts are counted by the monotonic clock, which nobody steps.
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }


class Site:
    """All of it, started and stopped as a context manager.

    `direct` is how the test's own clients see it, past the proxies.
    """

    def __init__(
        self, folder: Path, namespace: str, *, brokers: int, members: int, faked_clock: bool
    ) -> None:
        self._faked_clock = faked_clock
        self._folder = folder
        self._namespace = namespace
        self._brokers = brokers
        self._size = members
        self._opened = ExitStack()
        self.disks: dict[str, Disk] = {}
        self.processors: list[Member] = []
        self.projectors: list[Member] = []

    def __enter__(self) -> Self:
        try:
            self._open()
        except BaseException:
            self._opened.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def _open(self) -> None:
        self._folder.mkdir(parents=True)
        proxies = self._opened.enter_context(Proxies())
        self.broker_links: list[Link] = []

        def front(behind: int) -> int:
            link = proxies.to(behind)
            self.broker_links.append(link)
            return link.front

        self.cluster = Cluster(self._folder, self._brokers, front)
        self._opened.callback(self.cluster.close)
        self.cluster.start()
        self._start_database(proxies)
        self.direct: Settings = load(
            namespace=self._namespace,
            kafka_bootstrap_servers=self.cluster.direct,
            database_url=self._database.url,
            data_dir=self._folder / "data",
        )
        create_topics(self.direct)
        self.partitions = ledger_partitions(self.direct)
        if self._brokers > 1:
            self.cluster.await_in_sync()
        self.clock = Clock(self._folder / "clock")
        for number in range(1, self._size + 1):
            self.processors.append(self._member(PROCESSOR, number))
            self.projectors.append(self._member(PROJECTOR, number))
        self.projectors += [self._member(service, 1) for service in OTHER_PROJECTORS]
        self._opened.enter_context(Supervisor(self.members))

    @property
    def members(self) -> list[Member]:
        """Every process under test."""
        return [*self.processors, *self.projectors]

    def _member(self, service: str, number: int) -> Member:
        name = f"{service}-{number}"
        environment = {
            "DRAWDOWN_NAMESPACE": self._namespace,
            "KAFKA_BOOTSTRAP_SERVERS": self.cluster.proxied,
            "DATABASE_URL": self._proxied_url,
            "DRAWDOWN_RATE_CARD_LEAD_S": "0",
            # SIGABRT then shows where each thread stands.
            "PYTHONFAULTHANDLER": "1",
        }
        if service == PROCESSOR:
            disk = self.disks[name] = Disk(self._folder / "state" / name)
            self._opened.callback(disk.close)
            environment["DRAWDOWN_DATA_DIR"] = str(disk.folder)
            # A fault strikes one process, and the pause of a partition is its.
            environment["DRAWDOWN_LEDGER_WORKERS"] = "1"
            environment["DRAWDOWN_TRANSACTION_TIMEOUT_MS"] = "10000"
            if number == 1 and self._faked_clock:
                environment |= self.clock.environment()
        logs = self._folder / "logs"
        logs.mkdir(exist_ok=True)
        return Member(service, name, logs / f"{name}.log", environment)

    # ---- The database.

    def _start_database(self, proxies: Proxies) -> None:
        self._engine = stack.database(self._folder / "database")
        self._engine.prepare()
        self._database = self._spawn_database(ports.choose())
        self._opened.callback(lambda: processes.stop(self._database))
        self._engine.await_ready(self._database)
        self.database_link = proxies.to(self._database.port)
        before, _, after = self._database.url.rpartition(f":{self._database.port}/")
        self._proxied_url = f"{before}:{self.database_link.front}/{after}"

    def _spawn_database(self, port: int) -> Service:
        return self._engine.spawn(port)

    def kill_database(self) -> None:
        """End its first process without warning; its sessions end by themselves."""
        os.kill(self._database.pid, signal.SIGKILL)
        gone = self._database
        processes.wait_until(lambda: not processes.is_running(gone), timeout_s=10)

    def restart_database(self) -> None:
        """Start it again where it was; at first its memory may still be held by what ends, and
        what it has to recover may take longer than a start is waited for."""
        for attempt in range(1, _DATABASE_TRIES + 1):
            if not processes.is_running(self._database):
                self._engine.prepare()
                self._database = self._spawn_database(self._database.port)
            try:
                self._engine.await_ready(self._database)
                return
            except LocalSetupFailed:
                if attempt == _DATABASE_TRIES:
                    raise
