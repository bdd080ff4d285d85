"""`drawdown up`, `down` and `status`: the embedded broker and database as a whole."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from drawdown.errors import LocalSetupFailed
from drawdown.local import ports, processes, state
from drawdown.local.broker import Broker
from drawdown.local.database import Database
from drawdown.local.state import Service

_ATTEMPTS = 3
"""A port that was free when it was chosen may be taken a moment later."""
_PORT_TAKEN = ("Address already in use", "Address in use")


class Engine(Protocol):
    """What can be brought up: a `Broker` or a `Database`."""

    name: str

    def prepare(self) -> None: ...
    def spawn(self, port: int) -> Service: ...
    def await_ready(self, service: Service) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """Where the broker and the database are, and which processes of ours run."""

    kafka_bootstrap_servers: str
    database_url: str = field(repr=False)
    """It may hold a password."""
    services: tuple[Service, ...]
    """The embedded ones and Drawdown's own, those that run."""


def up(data_dir: Path, *, kafka_bootstrap_servers: str = "", database_url: str = "") -> Stack:
    """Start the broker and the database, or find them running; return when both answer.

    An address that is given is used instead, and nothing is started for it. Raises
    `LocalSetupFailed` with what is missing.
    """
    data_dir = data_dir.absolute()
    wanted: list[Engine] = []
    if not kafka_bootstrap_servers:
        wanted.append(broker(data_dir))
    if not database_url:
        wanted.append(database(data_dir))
    ensure(data_dir, wanted)
    return _stack(data_dir, kafka_bootstrap_servers, database_url)


def down(data_dir: Path) -> tuple[Service, ...]:
    """Stop every recorded process, the services before what they use; return those stopped.

    The data stay. Harmless when nothing runs.
    """
    data_dir = data_dir.absolute()
    if not data_dir.exists():
        return ()
    stopped = []
    with state.locked(data_dir):
        known = state.read(data_dir)
        engines = (Broker.name, Database.name)
        for service in sorted(known.services.values(), key=lambda each: each.name in engines):
            if processes.is_running(service):
                processes.stop(service)
                stopped.append(service)
            known = known.without(service.name)
            state.write(data_dir, known)
    return tuple(stopped)


def status(data_dir: Path, *, kafka_bootstrap_servers: str = "", database_url: str = "") -> Stack:
    """What runs now; an address is empty where nothing is given and nothing runs."""
    return _stack(data_dir.absolute(), kafka_bootstrap_servers, database_url)


def broker(data_dir: Path) -> Broker:
    """The broker that lives in `data_dir`."""
    return Broker(data_dir / "broker", log=data_dir / "logs" / "broker.log")


def database(data_dir: Path) -> Database:
    """The database that lives in `data_dir`."""
    return Database(data_dir / "database", log=data_dir / "logs" / "database.log")


def ensure(data_dir: Path, wanted: list[Engine]) -> None:
    """Start those of `wanted` that don't run, and wait for all of them.

    All are started before any is waited for, so that their starts overlap.
    """
    try:
        with state.locked(data_dir):
            running = [_running(data_dir, engine) for engine in wanted]
            started = [
                found or _start(data_dir, engine)
                for engine, found in zip(wanted, running, strict=True)
            ]
            for engine, found, service in zip(wanted, running, started, strict=True):
                _await_ready(data_dir, engine, service, was_running=found is not None)
    except OSError as error:
        raise LocalSetupFailed(f"can't start in {data_dir}: {error}") from error


def _running(data_dir: Path, engine: Engine) -> Service | None:
    service = state.read(data_dir).services.get(engine.name)
    return service if service is not None and processes.is_running(service) else None


def _start(data_dir: Path, engine: Engine, *, another_port: bool = False) -> Service:
    engine.prepare()
    known = state.read(data_dir)
    service = engine.spawn(ports.choose(0 if another_port else known.ports.get(engine.name, 0)))
    # At once, so that whatever happens to this process, the next one knows what it left behind.
    state.write(data_dir, known.having(service))
    return service


def _await_ready(data_dir: Path, engine: Engine, service: Service, *, was_running: bool) -> None:
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            engine.await_ready(service)
        except LocalSetupFailed:
            taken = any(words in processes.tail(service.log, 50) for words in _PORT_TAKEN)
            # One that ran and is gone was being killed when it was found.
            again = not processes.is_running(service) and (taken or was_running)
            if attempt == _ATTEMPTS or not again:
                raise
            service, was_running = _start(data_dir, engine, another_port=taken), False
        else:
            return


def _stack(data_dir: Path, kafka_bootstrap_servers: str, database_url: str) -> Stack:
    known = state.read(data_dir)
    running = tuple(each for each in known.services.values() if processes.is_running(each))
    urls = {each.name: each.url for each in running}
    return Stack(
        kafka_bootstrap_servers=kafka_bootstrap_servers or urls.get(Broker.name, ""),
        database_url=database_url or urls.get(Database.name, ""),
        services=running,
    )


__all__ = ("Stack", "broker", "database", "down", "ensure", "status", "up")
