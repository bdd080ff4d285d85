"""How many workers a machine, or a container of it, gets."""

import os
from pathlib import Path

import pytest

from drawdown.workers import cores
from drawdown.workers.cores import usable_cores, worker_count

HERE = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        ("max 100000", HERE),
        ("100000 100000", 1),
        ("50000 100000", 1),
        ("6400000 100000", HERE),
        ("no limit", HERE),
        ("", HERE),
    ],
)
def test_a_container_has_its_share_of_the_cores(tmp_path: Path, limit: str, expected: int) -> None:
    (tmp_path / "cpu.max").write_text(limit)
    assert usable_cores(tmp_path / "cpu.max") == expected


def test_without_a_limit_all_cores_are_usable(tmp_path: Path) -> None:
    assert usable_cores(tmp_path / "no such file") == HERE


@pytest.mark.parametrize(
    ("asked", "partitions", "expected"), [(0, 64, 16), (0, 8, 8), (0, 0, 1), (3, 64, 3), (9, 2, 9)]
)
def test_there_is_a_worker_a_core_and_none_without_a_partition(
    monkeypatch: pytest.MonkeyPatch, asked: int, partitions: int, expected: int
) -> None:
    monkeypatch.setattr(cores, "usable_cores", lambda: 16)
    assert worker_count(asked, partitions) == expected
