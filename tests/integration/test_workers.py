"""A ledger processor of two workers: one group, one endpoint, one end."""

import os
import signal
from pathlib import Path
from urllib.request import urlopen

import pytest
from tests.domain.building import card
from tests.integration.processors import (
    Processor,
    deductions,
    prepare,
    processing,
    wait_for_deductions,
    wait_for_log,
)
from tests.integration.test_ledger_processor import send, usage
from tests.workers.watching import is_alive, until

from drawdown.settings import Settings

pytestmark = pytest.mark.integration

WITHIN_S = 60.0
CUSTOMERS = [f"customer {number}" for number in range(40)]


@pytest.fixture(autouse=True)
def prepared(settings: Settings) -> None:
    """Topics, and a card of one credit a token that is in force very soon."""
    prepare(settings, lambda soon_us: card(effective_from=soon_us))


def workers(processor: Processor) -> dict[int, int]:
    """The process of each worker that was started last."""
    return {each["worker"]: each["process"] for each in processor.logged("worker_started")}


def started(processor: Processor) -> set[int]:
    """The workers that serve."""
    return {each["worker"] for each in processor.logged("started") if "worker" in each}


def wait_until_shared(processor: Processor) -> None:
    """Wait until each of the two has opened its half."""
    until(
        lambda: (
            {each["worker"] for each in processor.logged("partition_opened")} == {1, 2}
            and processor.owned() == set(range(8))
        ),
        WITHIN_S,
    )


def test_one_is_killed_and_the_others_go_on(settings: Settings, tmp_path: Path) -> None:
    with processing(settings, tmp_path / "log", DRAWDOWN_LEDGER_WORKERS="2") as processor:
        wait_until_shared(processor)
        send(settings, [usage(f"before {each}", each) for each in CUSTOMERS])
        wait_for_deductions(settings, 40)
        os.kill(workers(processor)[1], signal.SIGKILL)
        send(settings, [usage(f"after {each}", each) for each in CUSTOMERS])
        wait_for_deductions(settings, 80)
        until(lambda: len(processor.logged("worker_started")) == 3, WITHIN_S)
        assert processor.stop() == 0
        assert not any(is_alive(process) for process in workers(processor).values())
    assert len({each.facts.cause_id for each in deductions(settings)}) == 80
    # A partition that moves from worker to worker finds its state: none is begun beside it.
    assert not list((settings.data_dir / "state").glob("*@*"))


def test_one_endpoint_shows_all(settings: Settings, tmp_path: Path) -> None:
    with processing(settings, tmp_path / "log", DRAWDOWN_LEDGER_WORKERS="2") as processor:
        wait_until_shared(processor)
        [port] = [each["metrics_port"] for each in processor.logged("started") if "workers" in each]
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            shown = answer.read().decode().splitlines()
    stamp = f'{{namespace="{settings.namespace}",service="ledger_processor"'
    assert f"drawdown_workers_running{stamp}}} 2.0" in shown
    owned = [f'drawdown_partitions_owned{stamp},worker="{number}"}} 4.0' for number in (1, 2)]
    assert set(owned) <= set(shown)


def test_none_is_left_behind_when_the_one_that_started_them_is_killed(
    settings: Settings, tmp_path: Path
) -> None:
    with processing(settings, tmp_path / "log", DRAWDOWN_LEDGER_WORKERS="2") as processor:
        wait_for_log(processor, "partition_opened")
        left = workers(processor)
        # Until then the signal ends one before it can say so.
        until(lambda: started(processor) == set(left), WITHIN_S)
        processor.stop(signal.SIGKILL)
        until(lambda: not any(is_alive(process) for process in left.values()), WITHIN_S)
        assert {each.get("worker") for each in processor.logged("stopped")} == set(left)
