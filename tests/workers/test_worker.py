"""What a worker is told by its command line, and what it changes in its settings."""

import pytest

from drawdown.settings import load
from drawdown.workers.worker import Place, place


def test_a_service_that_is_told_nothing_is_no_worker() -> None:
    assert place("ledger_processor", []) is None


def test_a_worker_is_told_its_place() -> None:
    told = Place(2, 4)
    assert place("ledger_processor", [told.argument()]) == told


@pytest.mark.parametrize("argument", ["--worker=two", "--worker=1", "--workers", "start"])
def test_an_argument_that_there_isnt_ends_it(
    capsys: pytest.CaptureFixture[str], argument: str
) -> None:
    with pytest.raises(SystemExit) as left:
        place("ledger_processor", [argument])
    assert left.value.code == 2
    assert argument.partition("=")[0] in capsys.readouterr().err


def test_help_says_where_to_read_on(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        place("ledger_processor", ["--help"])
    assert left.value.code == 0
    assert "DRAWDOWN_" in capsys.readouterr().out


def test_workers_share_neither_a_name_in_the_group_nor_a_port() -> None:
    given = load(kafka_group_instance_id="pod-7", metrics_port=9400, metrics_host="0.0.0.0")
    first, second = (Place(number, 2).settings(given) for number in (1, 2))
    assert first.kafka_group_instance_id == "pod-7-1"
    assert second.kafka_group_instance_id == "pod-7-2"
    assert (first.metrics_port, first.metrics_host) == (0, "127.0.0.1")


def test_a_worker_without_a_name_gets_none() -> None:
    assert Place(1, 2).settings(load(kafka_group_instance_id="")).kafka_group_instance_id == ""
