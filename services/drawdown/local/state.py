"""What is running: one JSON file in the data folder, changed under one file lock."""

import contextlib
import fcntl
import json
import os
import signal
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Self

from drawdown.errors import TimedOut

_LOCK_WAIT_S = 900
"""Longer than the slowest first `up`, which downloads the broker while it holds the lock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A process that was started here and outlives its starter."""

    name: str
    pid: int
    identity: str
    """Tells this process from a later one with the same pid; see `processes.identity`."""
    port: int
    url: str = field(repr=False)
    """What clients connect to. The database's holds its password."""
    log: str
    stop_signal: int = signal.SIGTERM


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The services by name, and the port each had last, so that it can have it again."""

    services: Mapping[str, Service] = field(default_factory=dict)
    ports: Mapping[str, int] = field(default_factory=dict)

    def having(self, service: Service) -> Self:
        """This state with `service` in it."""
        return replace(
            self,
            services={**self.services, service.name: service},
            ports={**self.ports, service.name: service.port},
        )

    def without(self, name: str) -> Self:
        """This state without the service `name`; its port is remembered."""
        kept = {each: service for each, service in self.services.items() if each != name}
        return replace(self, services=kept)


def read(data_dir: Path) -> State:
    """The recorded state; an empty one where there is none or it was torn by a crash."""
    try:
        document = json.loads(_file(data_dir).read_text())
        services = (Service(**each) for each in document["services"])
        return State(services={each.name: each for each in services}, ports=document["ports"])
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return State()


def write(data_dir: Path, state: State) -> None:
    """Replace the recorded state, whole or not at all. Readable by its owner only."""
    document = {
        "services": [asdict(service) for service in state.services.values()],
        "ports": dict(state.ports),
    }
    written = _file(data_dir).with_suffix(".new")
    written.touch(mode=0o600)
    written.write_text(json.dumps(document, indent=2) + "\n")
    written.replace(_file(data_dir))


@contextlib.contextmanager
def locked(data_dir: Path) -> Iterator[None]:
    """Hold the data folder, making it if need be, so that starts and stops take turns.

    Raises `TimedOut` when another process has held it for a quarter of an hour.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    ignore = data_dir / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n")
    with (data_dir / "lock").open("a") as lock:
        _take(lock.fileno(), data_dir)
        yield


def _take(lock: int, data_dir: Path) -> None:
    deadline = time.monotonic() + _LOCK_WAIT_S
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise TimedOut(
                    f"another process has been starting or stopping {data_dir} for "
                    f"{_LOCK_WAIT_S // 60} minutes; stop it and try again"
                ) from None
        time.sleep(0.1)


def _file(data_dir: Path) -> Path:
    return data_dir / "state.json"


def environment(services: Mapping[str, Service]) -> dict[str, str]:
    """The environment in which a child process finds the running broker and database."""
    names = {"broker": "KAFKA_BOOTSTRAP_SERVERS", "database": "DATABASE_URL"}
    found = {names[name]: services[name].url for name in names if name in services}
    return {**os.environ, **found}
