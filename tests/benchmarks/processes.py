"""The measured processes, and how far what they commit has come."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import ConsumerGroupState, IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin._listoffsets import OffsetSpec

from drawdown.adapters.kafka.clients import admin
from drawdown.adapters.kafka.topics import ledger_partitions
from drawdown.settings import Settings

_READY_S = 120.0
_STALLED_S = 90.0
_SAMPLE_S = 0.02


@contextmanager
def running(settings: Settings, module: str, log: Path, **options: str) -> Iterator[None]:
    """`python -m module`, its output in `log`; stopped at the end."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *module.split()],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment(settings), **options},
        )
    try:
        yield
        assert process.poll() is None, f"{module} ended with {process.poll()}; see {log}"
    except AssertionError as error:
        code = process.poll()
        error.add_note(f"{module} {'runs' if code is None else f'ended with {code}'}; see {log}")
        raise
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def environment(settings: Settings) -> dict[str, str]:
    """What tells a process which ledger it is about."""
    return {
        "DRAWDOWN_NAMESPACE": settings.namespace,
        "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "DATABASE_URL": settings.database_url,
        "DRAWDOWN_DATA_DIR": str(settings.data_dir),
    }


def await_assigned(settings: Settings, group: str, members: int = 1) -> None:
    """Wait until so many processes of a group share all partitions evenly."""
    client, partitions = admin(settings), ledger_partitions(settings)

    def assigned() -> bool:
        try:
            found = client.describe_consumer_groups([group], request_timeout=5)[group].result(10)
        except (KafkaException, TimeoutError):
            return False  # On a new broker the groups' coordinator is still coming up.
        shares = [len(each.assignment.topic_partitions) for each in found.members]
        return (
            found.state == ConsumerGroupState.STABLE
            and len(shares) == members
            and sum(shares) == partitions
            and max(shares) - min(shares) <= 1
        )

    until(assigned, f"{members} members of {group} that share {partitions} partitions")
    # The group knows its assignment a moment before the member acts on it.
    time.sleep(2)


def until(condition: Callable[[], bool], what: str, within_s: float = _READY_S) -> None:
    """Wait for a condition, and say what was waited for when it doesn't come."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"waited {within_s:.0f} s in vain for {what}"
        time.sleep(0.1)


class Log:
    """The committed end of a topic, summed over its partitions."""

    def __init__(self, settings: Settings, name: str) -> None:
        self._client = admin(settings)
        topic = settings.topic(name)
        self._latest = {
            TopicPartition(topic, number): OffsetSpec.latest()  # type: ignore[no-untyped-call]
            for number in range(ledger_partitions(settings))
        }

    def end(self) -> int:
        """Committed offsets; a transaction's marker takes one too."""
        futures = self._client.list_offsets(
            self._latest, isolation_level=IsolationLevel.READ_COMMITTED
        )
        return sum(future.result(30).offset for future in futures.values())


@dataclass(frozen=True, slots=True)
class Run:
    """How many records were committed between the first and the last commit that was seen."""

    records: int
    seconds: float

    @property
    def rate(self) -> float:
        """Records a second."""
        return self.records / self.seconds


def timed(end: Callable[[], int], records: int, start: int | None = None) -> Run:
    """Watch a count grow by `records`, from the first growth that is seen to the last.

    `start` is where it stood; None: it can't have grown yet.

    The first growth marks the start and doesn't count. Markers of transactions do: one in some
    thousands of records, alike on both sides of a ratio.
    """
    start = last = end() if start is None else start
    target, first, first_at = start + records, 0, 0.0
    moved_at = time.monotonic()
    while last < target:
        time.sleep(_SAMPLE_S)
        now, seen = time.monotonic(), end()
        if seen > last:
            last, moved_at = seen, now
            first, first_at = (first, first_at) if first else (seen, now)
        assert now - moved_at < _STALLED_S, f"stalled at {last - start} of {records} records"
    assert moved_at > first_at, f"{records} records are too few to be timed"
    return Run(last - first, moved_at - first_at)
