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
    pieces = [piece for name in compared.tables() for piece in compared.pieces(name)]
    # What consists of several pieces is the most: nobody should be left alone with it at the end.
    pieces.sort(key=lambda piece: not piece.ordered)
    seconds: dict[str, float] = dict.fromkeys(compared.tables(), 0.0)
    telling = threading.Lock()
    begun = 0

    def compare(piece: Piece) -> None:
        nonlocal begun
        with telling:
            tell(f"comparing {piece.table}", begun, len(pieces))
            begun += 1
        began_at = time.monotonic()
        with sessions.one() as connection:
            compared.piece(connection, piece)
        with telling:
            seconds[piece.table] += time.monotonic() - began_at

    with (
        _Sessions(settings, snapshot, min(workers, len(pieces))) as sessions,
        ThreadPoolExecutor(sessions.count, "compare") as pool,
    ):
        futures = [pool.submit(compare, piece) for piece in pieces]
        try:
            done, _ = wait(futures, return_when=FIRST_EXCEPTION)
            for future in done:
                future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            sessions.cancel()
            raise
    return seconds


class _Sessions:
    """Sessions of the database that see what the transaction of another one sees."""

    def __init__(self, settings: Settings, snapshot: Connection, count: int) -> None:
        self.count: Final = count
        self._settings = settings
        self._snapshot = snapshot
        self._open = ExitStack()
        self._all: list[Connection] = []
        self._idle: SimpleQueue[Connection] = SimpleQueue()

    def __enter__(self) -> "_Sessions":
        (name,) = schemas.one(self._snapshot, sql.SQL("SELECT pg_export_snapshot()"))
        see = sql.SQL("SET TRANSACTION SNAPSHOT {}").format(name)
        with ExitStack() as stack:
            for _ in range(self.count):
                connection = stack.enter_context(connect(self._settings, application="rebuild"))
                connection.execute(_SESSION)
                connection.commit()
                connection.isolation_level = IsolationLevel.REPEATABLE_READ
                connection.execute(see)
                self._all.append(connection)
                self._idle.put(connection)
            self._open = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @contextmanager
    def one(self) -> Iterator[Connection]:
        """One of them, for a while."""
        connection = self._idle.get()
        try:
            yield connection
        finally:
            self._idle.put(connection)

    def cancel(self) -> None:
        """End what each of them does."""
        for connection in self._all:
            connection.cancel_safe()
