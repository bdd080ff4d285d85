"""Processes of one group come, go and are restarted under load; each event is charged once.

Both group protocols, and static membership, on a real broker.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from tests.domain.building import card
from tests.domain.building import usage as built_usage
from tests.integration.processors import (
    Processor,
    deductions,
    entries,
    prepare,
    processing,
    wait_for_deductions,
)

from drawdown.adapters.kafka.usage import UsageSender
from drawdown.settings import Settings

pytestmark = [pytest.mark.integration, pytest.mark.long]

PARTITIONS = set(range(8))
PROTOCOLS = ["classic", "consumer"]
WITHIN_S = 60.0
EVERY_S = 0.004


class Load:
    """Usage of forty customers, sent steadily meanwhile."""

    def __init__(self, settings: Settings) -> None:
        self.sent: list[str] = []
        self._settings = settings
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="load")

    @contextmanager
    def offered(self) -> Iterator[None]:
        self._thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            self._thread.join(WITHIN_S)

    def _run(self) -> None:
        with UsageSender(self._settings) as sender:
            while not self._stopping.wait(EVERY_S):
                number = len(self.sent)
                # A little later than now, when the rate card is in force.
                occurred_at = time.time_ns() // 1_000 + 5_000_000
                customer_id = f"customer {number % 40}"
                event = built_usage(f"e{number}", customer_id=customer_id, occurred_at=occurred_at)
                sender.send(event)
                sender.poll(0)
                self.sent.append(event.event_id)


@pytest.fixture(autouse=True)
def prepared(settings: Settings) -> None:
    """Topics, and a card of one credit a token that is in force very soon."""
    prepare(settings, lambda soon_us: card(effective_from=soon_us))


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < deadline, f"not within {WITHIN_S} s: {what}"
        time.sleep(0.1)


def wait_for_shares(*processors: Processor) -> None:
    """Wait until these share all partitions, each at least one."""

    def shared() -> bool:
        shares = [each.owned() for each in processors]
        served = [partition for share in shares for partition in share]
        return all(shares) and sorted(served) == sorted(PARTITIONS)

    wait_until(shared, f"{len(processors)} processes share the partitions")


def all_charged_once(settings: Settings, sent: list[str]) -> None:
    """Wait until all that was sent is charged; nothing twice, nothing missing, no gap."""
    wait_for_deductions(settings, len(sent))
    charged = [entry.facts.cause_id for entry in deductions(settings)]
    assert sorted(charged) == sorted(sent)
    by_partition: dict[int, list[int]] = {}
    for entry in entries(settings):
        by_partition.setdefault(entry.source_partition, []).append(entry.partition_seq)
    for sequence in by_partition.values():
        assert sequence == list(range(1, len(sequence) + 1))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_one_then_four_then_two_charge_each_event_once(
    settings: Settings, tmp_path: Path, protocol: str
) -> None:
    load = Load(settings)
    with ExitStack() as running:

        def another(name: str) -> Processor:
            return running.enter_context(
                processing(settings, tmp_path / name, DRAWDOWN_KAFKA_GROUP_PROTOCOL=protocol)
            )

        first = another("1")
        wait_for_shares(first)
        with load.offered():
            others = [another(name) for name in ("2", "3", "4")]
            wait_for_shares(first, *others)
            assert [first.stop(), others[0].stop()] == [0, 0]
            wait_for_shares(*others[1:])
        all_charged_once(settings, load.sent)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_restart_of_a_static_member_moves_no_partition_of_another(
    settings: Settings, tmp_path: Path, protocol: str
) -> None:
    load = Load(settings)
    with ExitStack() as running:

        def member(name: str, log: str) -> Processor:
            return running.enter_context(
                processing(
                    settings,
                    tmp_path / log,
                    DRAWDOWN_KAFKA_GROUP_PROTOCOL=protocol,
                    DRAWDOWN_KAFKA_GROUP_INSTANCE_ID=name,
                )
            )

        stays, restarts = member("stays", "stays"), member("restarts", "before")
        wait_for_shares(stays, restarts)
        shares = (stays.owned(), restarts.owned())
        said = stays.log.read_text()
        with load.offered():
            assert restarts.stop() == 0
            again = member("restarts", "after")
            wait_for_shares(stays, again)
            assert (stays.owned(), again.owned()) == shares
        moved = stays.log.read_text().removeprefix(said)
        assert "partition_opened" not in moved
        assert "partition_given_up" not in moved
        all_charged_once(settings, load.sent)
