"""Processes that outlive their starter: spawn, recognise, stop; and Drawdown's own services.

A process is recognised by its pid and its start time, so that a pid that the system has given
to somebody else is never signalled.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from drawdown.errors import LocalSetupFailed
from drawdown.local import ports, state
from drawdown.local.state import Service

_TERMINATE_S = 30
"""A broker syncs its logs and a processor finishes its transaction well within this."""
_KILL_S = 10


def wait_until(condition: Callable[[], bool], *, timeout_s: float, every_s: float = 0.05) -> bool:
    """Wait for `condition`; whether it came true within `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(every_s)
    return True


def identity(pid: int) -> str | None:
    """When process `pid` started, in the system's own words; None if there is no such process."""
    # One that was started here and has ended stays a zombie until it is waited for.
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return None if Path("/proc/self").exists() else _identity_by_ps(pid)
    except ProcessLookupError:
        return None
    return None if words[0] in "ZX" else words[19]


def _identity_by_ps(pid: int) -> str | None:
    shown = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    status, _, started = shown.stdout.strip().partition(" ")
    return started.strip() if status and not status.startswith("Z") else None


def is_running(service: Service) -> bool:
    """Whether the very process that was recorded still runs."""
    return identity(service.pid) == service.identity


def tail(log: str | Path, lines: int = 5) -> str:
    """The last lines of a log, indented, for an error message."""
    try:
        text = Path(log).read_text(errors="replace")
    except FileNotFoundError:
        text = ""
    last = [line for line in text.splitlines() if line.strip()][-lines:]
    return "\n".join(f"  {line}" for line in last) or "  (it said nothing)"


def spawn(
    name: str,
    command: Sequence[str],
    *,
    log: Path,
    port: int,
    url: str = "",
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stop_signal: int = signal.SIGTERM,
) -> Service:
    """Start `command` in a session of its own, so that a Ctrl-C here doesn't reach it.

    The log of its previous run is kept beside it as `….log.1`.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists():
        log.replace(log.with_name(f"{log.name}.1"))
    with log.open("wb") as output:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=env,
            cwd=cwd,
            start_new_session=True,
        )
    # Disowned: it is to outlive this process, which `Popen` would warn of; `identity` waits for it.
    child.returncode = 0
    return Service(
        name=name,
        pid=child.pid,
        identity=identity(child.pid) or "gone",
        port=port,
        url=url,
        log=str(log),
        stop_signal=stop_signal,
    )


def stop(service: Service) -> None:
    """Ask the process to end, wait, insist; harmless if it has ended.

    Raises `LocalSetupFailed` if even SIGKILL doesn't end it.
    """
    for number, patience_s in ((service.stop_signal, _TERMINATE_S), (signal.SIGKILL, _KILL_S)):
        if not is_running(service):
            break
        try:
            os.kill(service.pid, number)
        except ProcessLookupError:
            break
        if wait_until(lambda: not is_running(service), timeout_s=patience_s):
            break
    else:
        raise LocalSetupFailed(f"{service.name} (process {service.pid}) can't be stopped")


def start(
    data_dir: Path,
    name: str,
    *,
    module: str = "",
    env: Mapping[str, str] | None = None,
    metrics_port: int = 0,
    ready_within_s: float = 60,
) -> Service:
    """Start a Drawdown service, `python -m drawdown.<name>` or `module`, and record it.

    It gets the running broker's and database's addresses, `env` on top of them, and a metrics
    port (a free one if 0); it is ready when that port answers. `name` may carry a suffix, such as
    `ledger_processor-2`, to run a service twice. One that runs already is returned as it is.
    Raises `LocalSetupFailed` with its last log lines when it ends or isn't ready in time.
    """
    data_dir = data_dir.absolute()
    with state.locked(data_dir):
        known = state.read(data_dir)
        service = known.services.get(name)
        if service is None or not is_running(service):
            port = ports.choose(metrics_port or known.ports.get(name, 0))
            given = {**state.environment(known.services), **(env or {})}
            service = spawn(
                name,
                [sys.executable, "-m", module or f"drawdown.{name.partition('-')[0]}"],
                log=data_dir / "logs" / f"{name}.log",
                port=port,
                url=f"http://{ports.LOOPBACK}:{port}/metrics",
                env={**given, "DRAWDOWN_METRICS_PORT": str(port)},
            )
            state.write(data_dir, known.having(service))
    await_ready(service, lambda: ports.answers(service.port), within_s=ready_within_s)
    return service


def await_ready(service: Service, ready: Callable[[], bool], *, within_s: float) -> None:
    """Wait until `ready()`; raise `LocalSetupFailed` if the process ends or takes too long."""
    if not wait_until(lambda: not is_running(service) or ready(), timeout_s=within_s):
        what = f"wasn't ready after {within_s:.0f} s"
    elif not is_running(service):
        what = "ended while it was starting"
    else:
        return
    raise LocalSetupFailed(
        f"{service.name} {what}; its last lines in {service.log}:\n{tail(service.log)}"
    )


def stop_named(data_dir: Path, name: str) -> None:
    """Stop a recorded service and forget it; harmless if there is none of that name."""
    with state.locked(data_dir):
        known = state.read(data_dir)
        if service := known.services.get(name):
            stop(service)
            state.write(data_dir, known.without(name))
