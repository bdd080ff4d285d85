"""The rows of the expiration projection are the ledger's fold, whatever the batches."""

import secrets
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from drawdown.domain.entries import PARTITION_CUSTOMER
from drawdown.domain.inputs import UsageEvent
from drawdown.settings import load
from tests.domain.building import World
from tests.domain.streams import Recorded, streams
from tests.expiration_projector.written import Written
from tests.integration.told import SCENARIOS, ToldLedger

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def written(database: str) -> Written:
    settings = load(namespace=f"rows-{secrets.token_hex(3)}", database_url=database)
    return Written(settings, zone="America/New_York")


@pytest.mark.parametrize("name", sorted(path.stem for path in SCENARIOS.glob("*.yaml")))
def test_every_scenario_shows_as_it_folds(written: Written, name: str) -> None:
    told = ToldLedger(written.settings, name)
    if not told.entries:
        return
    for batch in (1, 7):
        written.write(told.entries, batch=batch)
        assert written.differences(told.entries, told.accounts()) == [], f"batches of {batch}"


def decided(stream: list[Recorded], *, overtaking: bool) -> World:
    """A world that has decided a stream: as it was recorded, or with commands that were read before
    the usage that was recorded just before them."""
    world = World()
    order = list(stream)
    if overtaking:
        for before, after in pairwise(range(len(order))):
            usage, command = order[before].given, order[after].given
            if isinstance(usage, UsageEvent) and not isinstance(command, UsageEvent):
                order[before], order[after] = order[after], order[before]
    read = {True: order[0].at, False: order[0].at}
    for each in order:
        read[isinstance(each.given, UsageEvent)] = each.at
        world.decide(each.given, each.at, watermark=min(read.values()))
    return world


@examples(
    deadline=None,
    derandomize=True,
    max_examples=60,
    suppress_health_check=list(HealthCheck),
)
@given(stream=streams(), overtaking=st.booleans(), batch=st.sampled_from([1, 2, 5, 1_000]))
def test_random_ledgers_show_as_they_fold(
    written: Written, stream: list[Recorded], overtaking: bool, batch: int
) -> None:
    world = decided(stream, overtaking=overtaking)
    accounts = [each for each in world.ledger.accounts() if each.customer_id != PARTITION_CUSTOMER]
    written.write(world.log, batch=batch)
    assert written.differences(world.log, accounts) == []
