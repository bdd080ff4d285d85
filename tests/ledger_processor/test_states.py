"""Local state on disk: what is trusted of it, and what is rebuilt."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from drawdown.adapters.local_state.checkpoint import Checkpoint, Mark
from drawdown.adapters.local_state.rocks import RocksStore
from drawdown.adapters.local_state.snapshots import Snapshots
from drawdown.adapters.local_state.store import Row, Store
from drawdown.ledger_processor.states import DiskStates, State
from drawdown.settings import Settings, load
from tests.simulation.clock import MachineClock, Time

TOPIC = "test.ledger-entries"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load(
        namespace="test",
        state_dir=tmp_path / "state",
        state_snapshot_dir=tmp_path / "snapshots",
        state_snapshot_interval_s=1,
    )


@pytest.fixture
def states(settings: Settings) -> DiskStates:
    return DiskStates(settings, TOPIC, 4, MachineClock(Time()))


@pytest.fixture
def state(states: DiskStates) -> Iterator[State]:
    """Partition 1, with something saved."""
    opened = states.open(1)
    write(opened)
    yield opened
    opened.store.close()


def write(state: State, topic: str = TOPIC, partition: int = 1, seq: int = 9) -> None:
    """Save a row, and a checkpoint of an entry."""
    last = Mark(partition_seq=seq, offset=seq - 1)
    checkpoint = Checkpoint(
        topic=topic,
        partition=partition,
        last=last,
        last_hash=b"h",
        fold=last,
        decided={"usage_events": 4},
        closed_until=0,
    )
    put(state.store, (b"key", b"value"), checkpoint.row())


def put(store: Store, *rows: Row) -> None:
    batch = store.batch()
    for key, value in rows:
        batch.put(key, value)
    store.write(batch)


def folder_of(state: State) -> Path:
    assert isinstance(state.store, RocksStore)
    return state.store.folder


def test_what_was_saved_is_there_again(states: DiskStates) -> None:
    first = states.open(1)
    assert first.checkpoint is None
    write(first)
    first.store.close()
    again = states.open(1)
    assert again.checkpoint is not None
    assert again.checkpoint.decided == {"usage_events": 4}
    assert again.store.get(b"key") == b"value"
    again.store.close()


def test_a_directory_that_is_open_elsewhere_is_left_alone(states: DiskStates, state: State) -> None:
    other = states.open(1)
    assert other.checkpoint is None
    assert folder_of(other) != folder_of(state)
    other.store.close()


def test_a_directory_that_is_being_closed_is_waited_for(settings: Settings) -> None:
    class Closing(MachineClock):
        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            if self.monotonic() > before + 1:
                first.store.close()

    clock = Closing(Time())
    before = clock.monotonic()
    states = DiskStates(settings, TOPIC, 4, clock)
    first = states.open(1)
    write(first)
    again = states.open(1)
    assert folder_of(again) == folder_of(first)
    assert again.checkpoint is not None
    again.store.close()


@pytest.mark.parametrize(("topic", "partition"), [("other.ledger-entries", 1), (TOPIC, 2)])
def test_what_is_of_another_partition_is_rebuilt(
    states: DiskStates, topic: str, partition: int
) -> None:
    foreign = states.open(1)
    write(foreign, topic, partition)
    foreign.store.close()
    state = states.open(1)
    assert state.checkpoint is None
    assert state.store.get(b"key") is None
    state.store.close()


@pytest.mark.parametrize("name", ["CURRENT", "MANIFEST"])
def test_what_is_corrupt_is_rebuilt(states: DiskStates, name: str) -> None:
    first = states.open(1)
    write(first)
    first.store.close()
    [damaged, *_] = folder_of(first).glob(f"{name}*")
    damaged.write_bytes(b"no such thing")
    state = states.open(1)
    assert state.checkpoint is None
    write(state)
    state.store.close()


def test_rows_without_a_checkpoint_are_not_trusted(states: DiskStates) -> None:
    first = states.open(1)
    put(first.store, (b"key", b"value"))
    first.store.close()
    state = states.open(1)
    assert state.store.get(b"key") is None
    state.store.close()


def test_a_lost_disk_begins_with_the_newest_snapshot(
    states: DiskStates, state: State, tmp_path: Path
) -> None:
    made = Snapshots(states_folder(states), 0, tmp_path / "aside")
    for entries, value in ((9, b"value"), (10, b"newer"), (11, b"newer")):
        put(state.store, (b"key", value))
        made.make_if_due(state.store, entries)
        made.await_carried()
        assert not (tmp_path / "aside").exists()
    assert [each.name[-2:] for each in made.found()] == ["10", "11"]
    elsewhere = states.open(1)
    assert elsewhere.copied
    assert elsewhere.checkpoint is not None
    assert elsewhere.store.get(b"key") == b"newer"
    # A snapshot that turns out to be wrong isn't tried again.
    empty = states.replace(1, elsewhere, "it is of another ledger")
    assert not empty.copied
    assert empty.checkpoint is None
    empty.store.close()


def test_the_next_snapshot_is_due_an_interval_after_the_newest_whoever_made_it(
    state: State, tmp_path: Path
) -> None:
    folder = tmp_path / "snapshots"
    for entries, expected in ((9, 1), (10, 1)):
        made = Snapshots(folder, 3_600, tmp_path / "aside")
        made.make_if_due(state.store, entries)
        made.await_carried()
        assert len(made.found()) == expected
    two_hours_ago = time.time() - 7_200
    os.utime(made.found()[0], (two_hours_ago, two_hours_ago))
    made = Snapshots(folder, 3_600, tmp_path / "aside")
    made.make_if_due(state.store, 10)
    made.await_carried()
    assert len(made.found()) == 2


def states_folder(states: DiskStates) -> Path:
    found = states.snapshots(1)
    assert found is not None
    return found._folder


def test_a_snapshot_that_fails_is_no_harm(state: State, tmp_path: Path) -> None:
    occupied = tmp_path / "occupied"
    occupied.write_text("a file, and no folder")
    failing = Snapshots(occupied, 0, tmp_path / "aside")
    failing.make_if_due(state.store, 9)
    failing.await_carried()
    assert not (tmp_path / "aside").exists()
    Snapshots(tmp_path / "fine", 0, occupied / "aside").make_if_due(state.store, 9)
    assert not (tmp_path / "fine").exists()
    assert occupied.read_text() == "a file, and no folder"
    assert state.store.get(b"key") == b"value"
