"""The metrics of several workers as one scrape."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.exposition import start_http_server

from drawdown import metrics
from drawdown.settings import load
from drawdown.workers.scraping import Gathered

SETTINGS = load(namespace="test")


def endpoint(stack: ExitStack, worker: int, entries: int) -> int:
    """A worker's metrics, served; its port."""
    registry = CollectorRegistry()
    counter = Counter("made", "What it made.", ["worker", "of"], registry=registry)
    counter.labels(str(worker), 'a \\ and a " and a\nline').inc(entries)
    histogram = Histogram("took", "Time.", ["worker"], buckets=(1,), registry=registry)
    histogram.labels(str(worker)).observe(0.5)
    server, _ = start_http_server(0, "127.0.0.1", registry)
    stack.callback(server.server_close)
    stack.callback(server.shutdown)
    return int(server.server_port)


@pytest.fixture
def ports() -> Iterator[list[int]]:
    with ExitStack() as stack:
        yield [endpoint(stack, 1, 10), endpoint(stack, 2, 32)]


def scrape(ports: list[int]) -> str:
    registry = metrics.supervision(SETTINGS, "service", Gathered(lambda: ports))
    return generate_latest(registry).decode()


def test_each_workers_samples_stand_under_one_heading(ports: list[int]) -> None:
    lines = scrape(ports).splitlines()
    assert lines.count("# HELP made_total What it made.") == 1
    assert lines.count("# TYPE took histogram") == 1
    made = [line for line in lines if line.startswith("made_total")]
    assert [line.rpartition(" ")[2] for line in made] == ["10.0", "32.0"]
    assert all('of="a \\\\ and a \\" and a\\nline"' in line for line in made)
    assert 'took_bucket{le="1.0",worker="2"} 1.0' in lines


def test_what_the_supervisor_counts_stands_beside_them(ports: list[int]) -> None:
    metrics.WORKERS_RUNNING.set(2)
    expected = 'drawdown_workers_running{namespace="test",service="service"} 2.0'
    assert expected in scrape(ports).splitlines()


def test_one_that_doesnt_answer_is_left_out(ports: list[int]) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        found = scrape([closed.getsockname()[1], ports[1]])
    assert "made_total{of=" in found
    scraped = [line for line in found.splitlines() if line.startswith(("made_", "took_"))]
    assert not [line for line in scraped if 'worker="1"' in line]


def test_a_proxy_is_not_asked(ports: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    assert 'took_bucket{le="1.0",worker="1"}' in scrape(ports)


def test_a_worker_says_which_one_it_is() -> None:
    samples = [s for m in metrics.registry(SETTINGS, "s", worker=3).collect() for s in m.samples]
    assert {each.labels["worker"] for each in samples} == {"3"}
    alone = [s for m in metrics.registry(SETTINGS, "s").collect() for s in m.samples]
    assert not any("worker" in each.labels for each in alone)
