"""The ledger says what an independent, deliberately naive model says, entry by entry."""

from hypothesis import HealthCheck, given, settings

from tests.domain.agreement import assert_agree
from tests.domain.streams import Recorded, streams


@settings(
    deadline=None, derandomize=True, max_examples=150, suppress_health_check=list(HealthCheck)
)
@given(streams())
def test_the_ledger_says_what_the_naive_model_says(stream: list[Recorded]) -> None:
    assert_agree(stream)
