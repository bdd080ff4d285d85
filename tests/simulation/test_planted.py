"""The simulator proves itself: each fault planted in the product is found, and soon."""

import pytest

from tests.simulation.planted import PLANTS, Plant
from tests.simulation.running import failure_of, first_failing

SEEDS = 1_000


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
def test_a_planted_fault_is_found(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)
    seed = first_failing(range(SEEDS))
    assert seed is not None, "no seed finds it"
    failure = failure_of(seed)
    assert failure is not None
    assert "Traceback" not in failure.reason, "the plant itself is broken"
