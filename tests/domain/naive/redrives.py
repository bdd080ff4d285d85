"""Redrives: a rejected event decided anew."""

from collections.abc import Iterator

from drawdown.domain.inputs import RedriveRejected
from tests.domain.naive.partition import Partition
from tests.domain.naive.refused import Refused


def rejected_event(ledger: Partition, customer_id: str, event_id: str) -> Refused | None:
    """The last event of this id that was rejected."""
    for refused in reversed(ledger.refused):
        if (refused.used.customer_id, refused.used.event_id) == (customer_id, event_id):
            return refused
    return None


def refuse_redrive(
    ledger: Partition, customer_id: str, body: RedriveRejected, at: int
) -> Iterator[str]:
    rejected = rejected_event(ledger, customer_id, body.event_id)
    if rejected is None:
        yield "not_rejected"
    elif ledger.charge_of(customer_id, body.event_id, rejected.at) is not None:
        yield "already_charged"
    else:
        code, _ = ledger.judge(rejected.used, rejected.at, at, body.rate_card)
        if code:
            yield code
