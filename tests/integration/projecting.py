"""Projectors that run in a thread, and what they wrote."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from drawdown.adapters.postgres.connections import connect, translated
from drawdown.balance_projector.__main__ import build
from drawdown.projection.loop import Projector
from drawdown.projection.service import assemble
from drawdown.settings import Settings

WITHIN_S = 60.0


def balance_projector(settings: Settings) -> Projector:
    """The projector as its process builds it."""
    return assemble(settings, "balance_projector", build(settings))


@contextmanager
def running(projector: Projector) -> Iterator[Projector]:
    """Run a projector meanwhile; what it raises is raised at the end."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            projector.run()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run, name="projector")
    thread.start()
    try:
        yield projector
    finally:
        projector.stop()
        thread.join(WITHIN_S)
        assert not thread.is_alive(), "the projector doesn't stop"
    if raised:
        raise raised[0]


def await_true(condition: Callable[[], bool], what: str) -> None:
    """Wait until it holds; fail with `what` if it doesn't in time."""
    deadline = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < deadline, f"not within {WITHIN_S} s: {what}"
        time.sleep(0.05)


def rows(settings: Settings, statement: str) -> list[tuple[object, ...]]:
    """What a query in the balance projection's schema gives."""
    schema = settings.database_schema("balance")
    with translated(), connect(settings, application="test", schema=schema) as connection:
        return connection.execute(statement.encode()).fetchall()


def positions(settings: Settings) -> dict[object, object]:
    """The last entry projected, by partition; those begun."""
    found = rows(settings, "SELECT partition, partition_seq FROM position WHERE partition_seq > 0")
    return {row[0]: row[1] for row in found}
