"""Fixtures: a real broker and a real database for the session, a namespace for each test.

Embedded by default; with `--containers` they are containers of a Docker engine. Either they are
there or the test fails with the reason: nothing is skipped.
"""

import gc
import itertools
import secrets
import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from drawdown.adapters.kafka.clients import transactional_producer
from drawdown.errors import LocalSetupFailed
from drawdown.local import ports, processes, stack, state
from drawdown.local.broker import Broker, serves
from drawdown.local.database import Database, accepts
from drawdown.settings import Settings, load

_WITHIN_S = 60.0

_KAFKA_IMAGE = "apache/kafka:4.3.1"
_POSTGRES_IMAGE = "postgres:18"
_CONTAINER_READY_S = 120

_session = secrets.token_hex(3)
_count = itertools.count(1)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--containers",
        action="store_true",
        help="run the broker and the database as containers instead of embedded",
    )


@pytest.fixture(scope="session")
def services_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The data folder of this session's embedded services; stopped and removed at its end."""
    folder = tmp_path_factory.mktemp("services")
    yield folder
    stack.down(folder)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def broker(request: pytest.FixtureRequest, services_dir: Path) -> Iterator[str]:
    """Bootstrap servers of a Kafka broker that this session alone uses."""
    if request.config.getoption("--containers"):
        with _kafka_container() as address:
            yield address
        return
    engine = stack.broker(services_dir)
    stack.ensure(services_dir, [engine])
    yield state.read(services_dir).services[Broker.name].url


@pytest.fixture(scope="session")
def database(request: pytest.FixtureRequest, services_dir: Path) -> Iterator[str]:
    """URL of a Postgres database that this session alone uses."""
    if request.config.getoption("--containers"):
        with _postgres_container() as url:
            yield url
        return
    engine = stack.database(services_dir)
    stack.ensure(services_dir, [engine])
    yield state.read(services_dir).services[Database.name].url


@pytest.fixture
def namespace() -> str:
    """A namespace that no other test has used: topics, groups and schemas of its own."""
    return f"t{_session}-{next(_count)}"


@pytest.fixture
def settings(namespace: str, broker: str, database: str, tmp_path: Path) -> Settings:
    """Settings of a deployment of this test's own, on the session's broker and database."""
    return load(
        namespace=namespace,
        kafka_bootstrap_servers=broker,
        database_url=database,
        data_dir=tmp_path / "data",
    )


@pytest.fixture
def producer(settings: Settings) -> Iterator[Producer]:
    """Writes to the ledger in the place of a processor."""
    made = transactional_producer(settings, f"{settings.namespace}-test")
    made.init_transactions(_WITHIN_S)
    yield made
    made.flush(_WITHIN_S)


@contextmanager
def _kafka_container() -> Iterator[str]:
    port = ports.choose()
    address = f"{ports.LOOPBACK}:{port}"
    listener = "CONTROLLER://localhost:9093,PLAINTEXT://0.0.0.0"
    environment = {
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_LISTENERS": f"{listener}:{port}",
        "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://{address}",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
    }
    with _container(_KAFKA_IMAGE, environment, inside=port, outside=port):
        _await(lambda: serves(address), _KAFKA_IMAGE)
        yield address


@contextmanager
def _postgres_container() -> Iterator[str]:
    port, password = ports.choose(), secrets.token_urlsafe(12)
    environment = {
        "POSTGRES_USER": "drawdown",
        "POSTGRES_PASSWORD": password,
        "POSTGRES_DB": "drawdown",
    }
    url = f"postgresql://drawdown:{password}@{ports.LOOPBACK}:{port}/drawdown"
    with _container(_POSTGRES_IMAGE, environment, inside=5432, outside=port):
        _await(lambda: accepts(url), _POSTGRES_IMAGE)
        yield url


@contextmanager
def _container(
    image: str, environment: dict[str, str], *, inside: int, outside: int
) -> Iterator[None]:
    from testcontainers.core.container import DockerContainer

    if wrong := _docker_engine_refuses():
        raise LocalSetupFailed(f"--containers needs a Docker engine: {wrong}")
    container: Any = DockerContainer(image).with_bind_ports(inside, outside)
    for name, value in environment.items():
        container.with_env(name, value)
    with container:
        yield


def _docker_engine_refuses() -> str:
    """Why no Docker engine answers; empty if one does."""
    import docker  # type: ignore[import-untyped]

    wrong = ""
    try:
        docker.from_env().close()
    except docker.errors.DockerException as error:
        wrong = str(error)
    with warnings.catch_warnings():
        # The client leaves the socket open on which nobody answered.
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
    return wrong


def _await(ready: Callable[[], bool], image: str) -> None:
    if not processes.wait_until(ready, timeout_s=_CONTAINER_READY_S, every_s=0.5):
        raise LocalSetupFailed(f"{image} wasn't ready after {_CONTAINER_READY_S} s")
