"""The processes under test, restarted when they end, as a supervisor in production would."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

_RESTART_S: Final = 1.0
_LOOK_S: Final = 0.1
_STOP_S: Final = 60.0
_NUMBERS: Final = re.compile(r"\S*/\S*|\d+")
"""What differs from one time to the next: left out, so that reasons can be counted."""


class Member:
    """One process of a service. What it says goes to its log and tells which partitions it has."""

    def __init__(self, service: str, name: str, log: Path, environment: Mapping[str, str]) -> None:
        self.service: Final = service
        self.name: Final = name
        self.log: Final = log
        self.owned: set[int] = set()
        self.halted: dict[int, str] = {}
        self.said: Final[Counter[str]] = Counter()
        """How often each event was logged."""
        self.exits: Final[Counter[str]] = Counter()
        """How it ended by itself: exit code, and the reason that it gave."""
        self.down = False
        """Whether it is kept down, so that nobody restarts it."""
        self._environment = {**os.environ, **environment}
        self._process: subprocess.Popen[bytes] | None = None
        self._ended_at = 0.0
        self._reason = ""
        self._lock = threading.RLock()
        """Faults and the supervisor start and end it from different threads."""

    @property
    def pid(self) -> int:
        """Of the process that ran last."""
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether its process runs now."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it, unless it runs."""
        with self._lock:
            self.down = False
            if not self.running:
                self._spawn()

    def _spawn(self) -> None:
        self.owned, self.halted, self._reason = set(), {}, ""
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"drawdown.{self.service}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=self._environment,
        )
        assert self._process.stderr is not None
        arguments = (self._process.pid, self._process.stderr)
        threading.Thread(target=self._listen, args=arguments, daemon=True).start()

    def send(self, number: signal.Signals) -> None:
        """Send a signal, if it runs."""
        if self.running:
            assert self._process is not None
            self._process.send_signal(number)

    def ask_to_end(self) -> None:
        """Send SIGTERM, and let nobody restart it; `end` or `running` tell the rest."""
        with self._lock:
            self.down = True
            self.send(signal.SIGTERM)

    def end(self, number: signal.Signals = signal.SIGKILL) -> set[int]:
        """End it and keep it down; the partitions it had."""
        with self._lock:
            self.down = True
            owned = set(self.owned)
            if self._process is not None:
                self.send(number)
                try:
                    self._process.wait(_STOP_S)
                except subprocess.TimeoutExpired:
                    self.send(signal.SIGKILL)
                    self._process.wait(_STOP_S)
            self.owned = set()
            return owned

    def see_to(self, now: float) -> None:
        """Restart it a moment after it ended by itself."""
        with self._lock:
            if self.down or self.running:
                return
            assert self._process is not None
            if not self._ended_at:
                self._ended_at = now
                self.owned = set()
                code = self._process.returncode
                self.exits[f"{self.service} {code} {self._reason}".strip()] += 1
            elif now - self._ended_at >= _RESTART_S:
                self._ended_at = 0.0
                self._spawn()

    def tail(self, lines: int = 40) -> str:
        """The last lines of its log."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(f"  {line}" for line in text.splitlines()[-lines:])

    def _listen(self, pid: int, pipe: IO[bytes]) -> None:
        with self.log.open("ab") as log, pipe:
            log.write(f"-- process {pid}\n".encode())
            for line in pipe:
                log.write(line)
                log.flush()
                if line.startswith(b"{") and pid == self.pid:
                    # One that was killed may leave half a line.
                    with suppress(json.JSONDecodeError):
                        self._heed(json.loads(line))

    def _heed(self, said: dict[str, object]) -> None:
        event, partition = str(said["event"]), said.get("partition")
        self.said[event] += 1
        if event == "ended":
            self._reason = _NUMBERS.sub("…", str(said.get("reason")))
        if not isinstance(partition, int):
            return
        if event == "partition_opened":
            self.owned.add(partition)
            self.halted.pop(partition, None)
        elif event == "partition_given_up":
            self.owned.discard(partition)
        elif event == "partition_halted":
            self.halted[partition] = str(said.get("reason"))


class Supervisor:
    """Sees to it that members that end by themselves run again. A context manager."""

    def __init__(self, members: list[Member]) -> None:
        self._members = members
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)

    def __enter__(self) -> "Supervisor":
        for each in self._members:
            each.start()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join(10)
        for each in self._members:
            each.end()

    def _run(self) -> None:
        while not self._stopping.wait(_LOOK_S):
            now = time.monotonic()
            for each in self._members:
                each.see_to(now)
