"""A projection built anew beside the live one, compared with it, and put in its place.

1. Take the lock of rebuilds. Where a killed run has swapped already, only drop what it replaced.
2. Find or make the shadow schema, without the indexes that no write needs; empty, or with the rows
   of a schema that is begun with.
3. Load each partition to where the live rows stand, and build what those indexes have of it; load
   again until few entries are left.
4. Build the rest of those indexes; then load what has come since.
5. Hold the live projectors for a moment, load to the very entry at which they stand, and take a
   snapshot. Compare all rows in it, while everybody goes on.
6. Refuse to go on where anything differs, unless told; what was built stays.
7. Load on. Keep vacuums away, hold the projectors again, load to where they stand, compare what
   changed since, and swap the two schemas in the same transaction.
8. Drop the old rows.

A run that was killed leaves a position with its rows, and a note of what is to be done; the next
goes on from there. Nothing is published: the topics have it already.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from psycopg import IsolationLevel, errors

from drawdown.adapters.kafka.topics import partition_count
from drawdown.adapters.postgres import schemas
from drawdown.adapters.postgres.connections import Connection, connect
from drawdown.adapters.topics import LEDGER
from drawdown.errors import Unavailable, UsageError
from drawdown.projection.projection import Build, Projection
from drawdown.projection.rebuild import shadow
from drawdown.projection.rebuild.differences import Comparing, Difference
from drawdown.projection.rebuild.late_indexes import LateIndexes
from drawdown.projection.rebuild.loading import Loading, Shortfall
from drawdown.projection.rebuild.positions import left_to, positions
from drawdown.projection.rebuild.shadow import Names, Note
from drawdown.projection.rebuild.side_by_side import compare_all
from drawdown.projection.rebuild.standing import alone, drop_old, names_of
from drawdown.projection.rebuild.swapping import Readers, held, read_for_long, swap, unvacuumed
from drawdown.settings import Settings

_NEAR: Final = 5_000
"""So few entries are loaded while the projectors are held; about one transaction of theirs."""
_ROUNDS_MAX: Final = 20
"""After so many rounds the live projectors are simply faster, and are held for longer."""
_SWAP_WITHIN_S: Final = 600.0
"""How long a gap between readers is waited for."""
_AGAIN_S: Final = 2.0
_BRIEF_S: Final = 1.0
"""A table whose rows don't say when they changed is compared again before the swap if that took
no longer: projectors wait meanwhile."""
_READ_OLD_S: Final = 60
"""How long readers that still look at the old rows are waited for before those are dropped."""

Tell = Callable[[str, int, int], None]
"""What is being done, how much of it is done, and of how much; of 0: nobody knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to rebuild."""

    workers: int
    """Partitions loaded side by side."""
    processes_from: int = 100_000
    """Entries yet to be loaded from which on each of the workers, if there are several, is a
    process; for fewer it isn't worth starting them."""
    late_indexes: tuple[str, ...] = ()
    """Indexes that no write of the projection needs."""
    begin_with: str = ""
    """The schema whose rows are begun with; empty: none, so that all entries are loaded."""
    accept_differences: bool = False
    keep_old: bool = False
    swap: bool = True
    """False: compare, and leave what was built for a later run."""
    differences_named: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of it."""

    projection: str
    swapped: bool
    resumed: bool
    """Whether it went on with what an earlier run had built."""
    entries: int
    """Entries in the rebuilt rows, and how many of them this run loaded."""
    loaded: int
    load_seconds: float
    rows_compared: int
    difference_count: int
    differences: tuple[Difference, ...]
    old_schema: str
    """Where the rows are that were live before; empty: dropped, or still live."""

    @property
    def entries_per_second(self) -> float:
        """The rate of loading."""
        return self.loaded / self.load_seconds if self.load_seconds else 0.0

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "projection": self.projection,
            "swapped": self.swapped,
            "resumed": self.resumed,
            "entries": self.entries,
            "loaded": self.loaded,
            "load_seconds": round(self.load_seconds, 3),
            "entries_per_second": round(self.entries_per_second, 1),
            "rows_compared": self.rows_compared,
            "difference_count": self.difference_count,
            "differences": [each.document() for each in self.differences],
            "old_schema": self.old_schema,
        }


def rebuild(settings: Settings, build: Build, options: Options, tell: Tell) -> Outcome:
    """Rebuild a projection, or go on with it.

    Rows that differ are in the outcome, which then hasn't swapped unless told to. Raises
    `UsageError` where the projection has no live rows, those of `begin_with` can't be begun with,
    or views of other schemas would be left with the old ones; `Unavailable` where another rebuild
    is at work, the broker or the database doesn't answer, or readers leave no gap; and what a
    projector raises for a faulty ledger.
    """
    projection = build(settings)
    with alone(settings, projection.name) as connection:
        return _Rebuild(settings, build, projection, options, tell, connection).run()


class _Rebuild:
    """One run."""

    def __init__(
        self,
        settings: Settings,
        build: Build,
        projection: Projection,
        options: Options,
        tell: Tell,
        connection: Connection,
    ) -> None:
        self._settings = settings
        self._build = build
        self._projection = projection
        self._options = options
        self._tell = tell
        self._connection = connection
        self._names: Final[Names] = names_of(settings, projection.name)
        self._partitions: Final = partition_count(settings, LEDGER)
        self._counting = threading.Lock()
        self._loaded = 0
        self._total = 0
        self._entries = 0
        self._load_seconds = 0.0
        self._rows = 0
        self._count = 0
        self._differences: list[Difference] = []
        self._swapped = False
        self._old = ""

    def run(self) -> Outcome:
        names, connection = self._names, self._connection
        if not schemas.exists(connection, names.live):
            raise UsageError(
                f"{self._projection.name} has no live rows in namespace "
                f"{self._settings.namespace}: nothing to rebuild; start its projector"
            )
        if self._was_swapped():
            self._swapped, self._entries = True, sum(self._live().values())
            self._drop_old()
            return self._outcome(resumed=True)
        self._refuse_views()
        resumed = shadow.read_note(connection, names.shadow) is not None
        late = self._options.late_indexes
        if self._options.begin_with and not resumed:
            self._tell("copying rows", 0, 0)
        note = shadow.prepare(
            self._settings, connection, names, self._projection, late, self._options.begin_with
        )
        with Loading(
            self._settings,
            self._build,
            schema=names.shadow,
            workers=self._options.workers,
            processes=self._is_much(),
            wrote=self._wrote,
        ) as loading:
            self._fill(loading, note)
            brief, since = self._compare(loading)
            if not self._count or self._options.accept_differences:
                self._swap(loading, brief, since)
        return self._outcome(resumed=resumed)

    def _was_swapped(self) -> bool:
        note = shadow.read_note(self._connection, self._names.old)
        return note is not None and note.swapped and not note.keep_old

    def _refuse_views(self) -> None:
        views = schemas.views_elsewhere(self._connection, self._names.live)
        if views and not self._options.keep_old:
            raise UsageError(
                f"views of other schemas read {self._names.live}: {', '.join(views)}. They would "
                "follow the old rows: with --keep-old these stay until the views are made anew"
            )

    # ---- Loading.

    def _is_much(self) -> bool:
        left = left_to(self._connection, self._names.shadow, self._live())
        return self._options.workers > 1 and left >= self._options.processes_from

    def _fill(self, loading: Loading, note: Note) -> None:
        self._come_near(loading, LateIndexes(self._settings, note.late_indexes))
        self._tell("building indexes", 0, 0)
        shadow.build_indexes(self._connection, self._names, note)
        schemas.copy_grants(self._connection, self._names.live, self._names.shadow)
        self._come_near(loading)

    def _come_near(self, loading: Loading, indexes: LateIndexes | None = None) -> None:
        """Load until the live rows are near; they move on meanwhile."""
        for _ in range(_ROUNDS_MAX):
            targets = self._live()
            left = left_to(self._connection, self._names.shadow, targets)
            self._total = self._loaded + left
            if not left or self._load(loading, targets, indexes) or left <= _NEAR:
                return
            indexes = None

    def _load(
        self, loading: Loading, targets: dict[int, int], indexes: LateIndexes | None = None
    ) -> list[Shortfall]:
        began_at = time.monotonic()
        existing = self._partitions
        gone = [Shortfall(each, seq, 0) for each, seq in targets.items() if each >= existing]
        try:
            there = {each: seq for each, seq in targets.items() if each < existing}
            return loading.load(there, indexes) + gone
        finally:
            self._load_seconds += time.monotonic() - began_at

    def _wrote(self, entries: int) -> None:
        with self._counting:
            self._loaded += entries
            self._tell("loading", self._loaded, max(self._loaded, self._total))

    def _live(self) -> dict[int, int]:
        return positions(self._connection, self._names.live)

    def _built(self) -> int:
        return sum(positions(self._connection, self._names.shadow).values())

    # ---- Comparing.

    def _compare(self, loading: Loading) -> tuple[list[str], dict[int, int]]:
        """Compare all; the tables that can be compared again at once, and where they stood."""
        self._tell("waiting for the projectors", 0, 0)
        with connect(self._settings, application="rebuild") as snapshot:
            snapshot.isolation_level = IsolationLevel.REPEATABLE_READ
            with held(self._connection, self._names.live):
                self._load(loading, self._live())
                # The first statement takes the snapshot, in which both stand at one entry.
                since = dict.fromkeys(range(self._partitions), 0)
                since |= positions(snapshot, self._names.live)
            compared = self._comparing(snapshot)
            compared.forms()
            seconds = compare_all(
                self._settings,
                snapshot,
                compared,
                workers=self._options.workers,
                tell=self._tell,
            )
            snapshot.rollback()
        self._add(compared)
        brief = [
            name
            for name in compared.tables()
            if compared.has_versions(name)
            or (seconds[name] < _BRIEF_S and not compared.differing[name])
        ]
        return brief, since

    def _comparing(self, connection: Connection) -> Comparing:
        at_most = self._options.differences_named - len(self._differences)
        return Comparing(connection, self._names, at_most=max(0, at_most))

    def _add(self, compared: Comparing) -> None:
        self._rows += compared.rows
        self._count += compared.count
        self._differences += compared.named

    # ---- Swapping.

    def _swap(self, loading: Loading, brief: list[str], since: dict[int, int]) -> None:
        if not self._options.swap:
            return
        if schemas.exists(self._connection, self._names.old):
            drop_old(self._connection, self._names.old)
        deadline = time.monotonic() + _SWAP_WITHIN_S
        while not self._swapped:
            self._come_near(loading)
            self._tell("swapping", 0, 0)
            try:
                if read_for_long(self._connection, self._names.live):
                    raise Readers
                if not self._try_swap(loading, brief, since):
                    return
            except Readers:
                if time.monotonic() > deadline:
                    raise Unavailable(
                        f"readers of {self._names.live}, or a vacuum, left no gap for "
                        f"{_SWAP_WITHIN_S:g} s; run it again, it goes on where it stands"
                    ) from None
                time.sleep(_AGAIN_S)
        self._drop_old()

    def _try_swap(self, loading: Loading, brief: list[str], since: dict[int, int]) -> bool:
        """Swap, if what changed since differs no more than is accepted."""
        accepted, live = self._options.accept_differences, self._names.live
        with unvacuumed(self._connection, live), held(self._connection, live):
            short = self._load(loading, self._live())
            compared = self._comparing(self._connection)
            for name in brief:
                compared.table(self._connection, name, since)
            if not compared.count or accepted:
                anew = bool(self._count or compared.count or short)
                self._entries = self._built()
                keep_old = self._options.keep_old
                swap(self._connection, self._names, keep_old=keep_old, anew=anew)
                self._swapped = True
        self._add(compared)
        return self._swapped

    def _drop_old(self) -> None:
        self._old = self._names.old
        if self._options.keep_old:
            return
        self._tell("dropping the old rows", 0, 0)
        self._connection.execute(f"SET lock_timeout TO '{_READ_OLD_S}s'")
        try:
            drop_old(self._connection, self._names.old)
        except errors.LockNotAvailable as error:
            raise Unavailable(
                f"it is swapped, but somebody still reads the old rows; run it again to drop "
                f"{self._names.old}"
            ) from error
        self._old = ""

    def _outcome(self, *, resumed: bool) -> Outcome:
        return Outcome(
            projection=self._projection.name,
            swapped=self._swapped,
            resumed=resumed,
            entries=self._entries if self._swapped else self._built(),
            loaded=self._loaded,
            load_seconds=self._load_seconds,
            rows_compared=self._rows,
            difference_count=self._count,
            differences=tuple(self._differences),
            old_schema=self._old,
        )
