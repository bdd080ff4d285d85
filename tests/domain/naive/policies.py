"""The policy that is in force for an account, and the moments of recurring grants."""

from calendar import monthrange
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from drawdown.domain.entries import PolicyChange, RecurringGrant, Rollover
from tests.domain.naive.booked import DAY, MINUTE

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(kw_only=True)
class Policy:
    """Every field, with what holds where nobody set it."""

    mode: str = "hard_stop"
    limit: int = 0
    grace: int = 5 * MINUTE
    hold_life: int = DAY
    refund_grace: int = 30 * DAY
    recurring: RecurringGrant | None = None
    recurring_since: int = 0
    rollover: Rollover | None = None


def policy_after(changes: Iterable[tuple[PolicyChange, int]]) -> Policy:
    """Changes in the order in which they count, each with its time."""
    policy = Policy()
    for change, at in changes:
        policy.mode = change.overage_mode or policy.mode
        if change.overdraft_limit is not None:
            policy.limit = change.overdraft_limit
        if change.grace_us is not None:
            policy.grace = change.grace_us
        if change.hold_life_us is not None:
            policy.hold_life = change.hold_life_us
        if change.refund_grace_us is not None:
            policy.refund_grace = change.refund_grace_us
        if change.recurring is not None:
            policy.recurring, policy.recurring_since = change.recurring, at
        policy.rollover = change.rollover or policy.rollover
    return policy


def moments(recurring: RecurringGrant) -> Iterator[int]:
    """The starts of its periods, from the anchor on, without end."""
    anchor, number = moment_of(recurring.anchor), 0
    while True:
        yield micros_of(_later(anchor, recurring.period, number * recurring.every))
        number += 1


def _later(anchor: datetime, period: str, number: int) -> datetime:
    if period in ("day", "week"):
        return anchor + timedelta(days=number * (7 if period == "week" else 1))
    months = anchor.month - 1 + number * (12 if period == "year" else 1)
    year, month = anchor.year + months // 12, months % 12 + 1
    return anchor.replace(year=year, month=month, day=min(anchor.day, monthrange(year, month)[1]))


def moment_of(micros: int) -> datetime:
    return EPOCH + timedelta(microseconds=micros)


def micros_of(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)
