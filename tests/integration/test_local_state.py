"""The embedded services' bookkeeping: state file, pids, ports, errors. No broker is started."""

import json
import os
import signal
import socket
import sys
import threading
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from drawdown.errors import LocalSetupFailed
from drawdown.local import discovery, extra, jars, ports, processes, stack, state
from drawdown.local.state import Service, State
from drawdown.settings import load

SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "print('deaf', flush=True); time.sleep(600)",
]


def recorded(**changes: object) -> Service:
    service = Service(name="broker", pid=1, identity="never", port=5, url="u", log="l")
    return replace(service, **changes)  # type: ignore[arg-type]


def has_ended(service: Service) -> bool:
    return not processes.is_running(service)


def test_state_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    written = State().having(recorded()).having(recorded(name="database", port=6))
    state.write(tmp_path, written)
    assert state.read(tmp_path) == written
    assert (tmp_path / "state.json").stat().st_mode & 0o077 == 0


def test_the_port_of_a_stopped_service_is_remembered() -> None:
    stopped = State().having(recorded(port=1234)).without("broker")
    assert stopped.services == {}
    assert stopped.ports == {"broker": 1234}


@pytest.mark.parametrize("torn", ["", "{", "[]", '{"services": [{}], "ports": {}}'])
def test_a_torn_state_file_counts_as_none(tmp_path: Path, torn: str) -> None:
    (tmp_path / "state.json").write_text(torn)
    assert state.read(tmp_path) == State()


def test_the_data_folder_ignores_itself(tmp_path: Path) -> None:
    with state.locked(tmp_path / "new"):
        assert (tmp_path / "new" / ".gitignore").read_text() == "*\n"


def test_the_lock_admits_one_at_a_time(tmp_path: Path) -> None:
    entered = threading.Event()

    def enter() -> None:
        with state.locked(tmp_path):
            entered.set()

    second = threading.Thread(target=enter)
    with state.locked(tmp_path):
        second.start()
        assert not entered.wait(0.3)
    assert entered.wait(10), "the second never got the lock that the first gave back"
    second.join()


def test_a_process_is_not_taken_for_another_with_its_pid() -> None:
    me = os.getpid()
    identity = processes.identity(me)
    assert identity is not None
    assert processes.is_running(recorded(pid=me, identity=identity))
    assert not processes.is_running(recorded(pid=me, identity=identity + "0"))


def test_a_process_of_somebody_else_is_never_signalled() -> None:
    processes.stop(recorded(pid=os.getpid(), identity="another"))


def test_a_spawned_process_runs_until_it_is_stopped(tmp_path: Path) -> None:
    service = processes.spawn("sleeper", SLEEPER, log=tmp_path / "log", port=0)
    assert processes.is_running(service)
    processes.stop(service)
    assert not processes.is_running(service)
    processes.stop(service)


def test_a_process_deaf_to_sigterm_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "_TERMINATE_S", 0.2)
    service = processes.spawn("stubborn", STUBBORN, log=tmp_path / "log", port=0)
    assert processes.wait_until(lambda: "deaf" in processes.tail(service.log), timeout_s=30)
    processes.stop(service)
    assert not processes.is_running(service)


def test_down_forgets_a_process_that_was_killed(tmp_path: Path) -> None:
    service = processes.spawn("sleeper", SLEEPER, log=tmp_path / "log", port=7)
    state.write(tmp_path, State().having(service))
    os.kill(service.pid, signal.SIGKILL)
    assert processes.wait_until(lambda: not processes.is_running(service), timeout_s=10)
    assert stack.status(tmp_path).services == ()
    assert stack.down(tmp_path) == ()
    assert state.read(tmp_path) == State(ports={"sleeper": 7})


def test_down_where_nothing_ever_ran_leaves_no_trace(tmp_path: Path) -> None:
    assert stack.down(tmp_path / "none") == ()
    assert not (tmp_path / "none").exists()


def test_the_log_of_the_previous_run_is_kept(tmp_path: Path) -> None:
    log = tmp_path / "log"
    for word in ("first", "second"):
        speaker = [sys.executable, "-c", f"print('{word}')"]
        ended = partial(has_ended, processes.spawn("speaker", speaker, log=log, port=0))
        assert processes.wait_until(ended, timeout_s=30)
    assert processes.tail(log) == "  second"
    assert processes.tail(tmp_path / "log.1") == "  first"


def test_a_start_that_fails_shows_the_last_log_lines(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "raise SystemExit('disk on fire')"]
    service = processes.spawn("doomed", command, log=tmp_path / "log", port=0)
    with pytest.raises(LocalSetupFailed, match=r"(?s)doomed ended while .* disk on fire"):
        processes.await_ready(service, lambda: False, within_s=30)


def test_a_service_starts_once_and_is_stopped_by_name(tmp_path: Path) -> None:
    server = tmp_path / "metrics_server.py"
    server.write_text(
        "import http.server, os\n"
        "address = ('127.0.0.1', int(os.environ['DRAWDOWN_METRICS_PORT']))\n"
        "http.server.HTTPServer(address, http.server.BaseHTTPRequestHandler).serve_forever()\n"
    )
    data_dir, env = tmp_path / "data", {"PYTHONPATH": str(tmp_path)}

    def start() -> Service:
        return processes.start(data_dir, "server-2", module="metrics_server", env=env)

    service = start()
    assert start() == service
    assert stack.status(data_dir).services == (service,)
    processes.stop_named(data_dir, "server-2")
    assert stack.status(data_dir).services == ()
    assert not processes.is_running(service)


def test_a_free_preferred_port_is_taken_and_a_busy_one_is_not() -> None:
    preferred = ports.choose()
    assert ports.choose(preferred) == preferred
    with socket.create_server((ports.LOOPBACK, preferred)):
        assert ports.choose(preferred) != preferred
        assert ports.answers(preferred)
    assert not ports.answers(preferred)


def test_a_port_is_none_that_a_connection_may_have_a_moment_later() -> None:
    # Linux gives connections those from 32,768 on, others from 49,152 on.
    assert max(ports.choose() for _ in range(50)) < 32_768


def test_a_missing_extra_says_how_to_install_it() -> None:
    for look_up in (extra.load, extra.folder):
        with pytest.raises(LocalSetupFailed, match=r"pip install 'drawdown\[local\]'"):
            look_up("no_such_module_anywhere")


def test_without_network_one_line_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"):
        monkeypatch.setenv(name, f"http://{ports.LOOPBACK}:{ports.choose()}")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("M2_REPO", str(tmp_path / "maven"))
    monkeypatch.setenv("JGO_CACHE_DIR", str(tmp_path / "jgo"))
    with pytest.raises(LocalSetupFailed) as raised:
        jars.class_path()
    assert str(raised.value) == (
        f"could not fetch {jars.KAFKA}: no network, and not cached in {tmp_path / 'maven'}; "
        "connect once, or set KAFKA_BOOTSTRAP_SERVERS"
    )


def test_a_mirror_comes_from_the_users_maven_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert jars.mirror() == {}
    (tmp_path / ".m2").mkdir()
    (tmp_path / ".m2" / "settings.xml").write_text(
        '<settings xmlns="urn:maven"><mirrors><mirror><id>own</id><mirrorOf>central</mirrorOf>'
        "<url>http://mirror.invalid/maven/</url></mirror></mirrors></settings>"
    )
    assert jars.mirror() == {"central": "http://mirror.invalid/maven"}


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LocalSetupFailed, match=r"can't start in .*file"):
        stack.up(tmp_path / "file" / "data")


def test_given_addresses_are_used_and_nothing_is_started(tmp_path: Path) -> None:
    found = stack.up(tmp_path, kafka_bootstrap_servers="kafka:9092", database_url="postgresql:///x")
    assert (found.kafka_bootstrap_servers, found.database_url) == ("kafka:9092", "postgresql:///x")
    assert found.services == ()


def test_settings_are_completed_by_what_runs(tmp_path: Path) -> None:
    empty = load(kafka_bootstrap_servers="", database_url="", data_dir=tmp_path)
    identity = processes.identity(os.getpid())
    me = recorded(pid=os.getpid(), identity=identity, url="127.0.0.1:5")
    state.write(tmp_path, State().having(me))
    assert json.loads((tmp_path / "state.json").read_text())["ports"] == {"broker": 5}
    given = empty.model_copy(update={"database_url": "postgresql:///x"})
    found = discovery.resolved(given)
    assert found.kafka_bootstrap_servers == "127.0.0.1:5"
    assert found.database_url == "postgresql:///x"
