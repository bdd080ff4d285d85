"""All rows compared in one snapshot: several pieces side by side, each by a session of its own."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from queue import SimpleQueue
from typing import Final

from psycopg import IsolationLevel, sql

from drawdown.adapters.postgres import schemas
from drawdown.adapters.postgres.connections import Connection, connect
from drawdown.projection.rebuild.borrowing import borrowed
from drawdown.projection.rebuild.differences import Comparing, Piece
from drawdown.settings import Settings

_SESSION: Final = """
SET work_mem TO '64MB';
SET jit TO off
"""
"""What is joined by hashes is large, and few rows differ: there is little to compile for."""


def compare_all(
    settings: Settings,
    snapshot: Connection,
    compared: Comparing,
    *,
    workers: int,
    tell: Callable[[str, int, int], None],
) -> dict[str, float]:
    """Compare every table as the transaction of `snapshot` sees it; how many seconds each took.

    `tell` is told which table is compared now, by any thread, one at a time.
    """
    pieces = [piece for name in compared.tables() for piece in compared.pieces(snapshot, name)]
    # What consists of several pieces is the most: nobody should be left alone with it at the end.
    pieces.sort(key=lambda piece: not piece.ordered)
    seconds: dict[str, float] = dict.fromkeys(compared.tables(), 0.0)
    telling = threading.Lock()
    idle: SimpleQueue[Connection] = SimpleQueue()
    begun = 0

    def compare(piece: Piece) -> None:
        nonlocal begun
        with telling:
            tell(f"comparing {piece.table}", begun, len(pieces))
            begun += 1
        began_at = time.monotonic()
        with borrowed(idle) as connection:
            compared.piece(connection, piece)
        with telling:
            seconds[piece.table] += time.monotonic() - began_at

    count = min(workers, len(pieces))
    with (
        _sessions(settings, snapshot, count) as sessions,
        ThreadPoolExecutor(count, "compare") as pool,
    ):
        for each in sessions:
            idle.put(each)
        futures = [pool.submit(compare, piece) for piece in pieces]
        try:
            done, _ = wait(futures, return_when=FIRST_EXCEPTION)
            for future in done:
                future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for each in sessions:
                each.cancel_safe()
            raise
    return seconds


@contextmanager
def _sessions(settings: Settings, snapshot: Connection, count: int) -> Iterator[list[Connection]]:
    """Sessions of the database that see what the transaction of `snapshot` sees."""
    (name,) = schemas.one(snapshot, sql.SQL("SELECT pg_export_snapshot()"))
    with ExitStack() as stack:
        sessions = []
        for _ in range(count):
            session = stack.enter_context(connect(settings, application="rebuild"))
            session.execute(_SESSION)
            session.commit()
            session.isolation_level = IsolationLevel.REPEATABLE_READ
            session.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(name))
            sessions.append(session)
        yield sessions
