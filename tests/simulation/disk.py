"""Disks: what a machine keeps of its processes' local state, whatever becomes of them."""

from typing import Final

from drawdown.adapters.local_state.checkpoint import read_checkpoint
from drawdown.adapters.local_state.store import Batch, MemoryStore
from drawdown.errors import StateUnreadable, StateUnwritable
from drawdown.ledger_processor.states import State
from tests.simulation.link import Link

CUSTOMERS_MAX: Final = 2
"""So few in memory that most are read from the disk again."""
DIRECTORIES_MAX: Final = 4
Rows = dict[bytes, bytes]


class Disk:
    """One machine's directories, by partition and number."""

    def __init__(self) -> None:
        self.directories: dict[tuple[int, int], Rows] = {}
        self._copy: dict[tuple[int, int], Rows] = {}

    def lose(self) -> None:
        """The machine gets a new, empty one."""
        self.directories = {}

    def copy(self) -> None:
        """Make a copy, for `restore`."""
        self._copy = {place: dict(rows) for place, rows in self.directories.items()}

    def restore(self) -> None:
        """Go back to the last copy, be it empty."""
        self.directories = {place: dict(rows) for place, rows in self._copy.items()}

    def swap(self) -> None:
        """What stands in one partition's directory is the other's."""
        self.directories = {(1 - at, n): rows for (at, n), rows in self.directories.items()}


class SimulatedStore(MemoryStore):
    """A directory that a process has open."""

    def __init__(self, states: "SimulatedStates", place: tuple[int, int], rows: Rows) -> None:
        super().__init__(rows)
        self.place: Final = place
        self._states: Final = states
        self._closed = False

    def write(self, batch: Batch) -> None:
        """Put a batch's rows, all of them or none."""
        effect = self._states.link.call("save")
        if self._closed or effect == "refuse":
            raise StateUnwritable("the disk is full" if effect else "it is closed")
        super().write(batch)
        if effect:
            raise StateUnwritable("the disk is full")

    def close(self) -> None:
        """Give it up."""
        self._closed = True
        self._states.opened.discard(self.place)


class SimulatedStates:
    """The local states of one process, on its machine's disk."""

    customers_max: Final = CUSTOMERS_MAX

    def __init__(self, disk: Disk, link: Link, topic: str) -> None:
        self.link = link
        self.opened: set[tuple[int, int]] = set()
        self._disk = disk
        self._topic = topic

    def open(self, partition: int) -> State | None:
        """The first of the partition's directories that isn't open."""
        self.link.call("open")
        for number in range(DIRECTORIES_MAX):
            place = (partition, number)
            if place not in self.opened:
                return self._opened(place)
        raise StateUnwritable("all of its directories are in use")

    def replace(self, partition: int, state: State, reason: str) -> State:
        """Delete what stands there, and begin with nothing."""
        store = state.store
        assert isinstance(store, SimulatedStore)
        store.close()
        self._disk.directories[store.place] = {}
        return self._opened(store.place)

    def snapshots(self, partition: int) -> None:
        """None are made."""

    def _opened(self, place: tuple[int, int]) -> State:
        rows = self._disk.directories.setdefault(place, {})
        store = SimulatedStore(self, place, rows)
        self.opened.add(place)
        try:
            return State(store=store, checkpoint=read_checkpoint(store, self._topic, place[0]))
        except StateUnreadable as error:
            return self.replace(place[0], State(store=store, checkpoint=None), str(error))
