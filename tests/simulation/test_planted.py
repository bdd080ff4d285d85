"""The simulator proves itself: each fault planted in the product is found, and soon."""

import pytest

from tests.simulation.planted import PLANTS, Plant
from tests.simulation.running import first_failing

SEEDS = 1_000


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
def test_a_planted_fault_is_found(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)
    assert first_failing(range(SEEDS)) is not None, "no seed finds it"
