"""Policies: what an account does at its limits. Versioned values, changed by `policy_changed`."""

from typing import Final, TypeVar, final

from drawdown.domain.entries import OverageMode, PolicyChange
from drawdown.domain.numbers import AMOUNT_MAX, DAY_US, MINUTE_US

_T = TypeVar("_T")

BURN_ORDERS: Final = ("default",)
BURN_ORDER_VERSION: Final = 1
"""Version of the burn order in `domain.burn_order`, stamped on each entry."""
DURATION_MAX_US: Final = 3_660 * DAY_US


@final
class Policy:
    """The values in force for one account. Credits in micro-credits, times in microseconds."""

    def __init__(
        self, *, overage_mode: OverageMode, overdraft_limit: int, grace_us: int, burn_order: str
    ) -> None:
        self.overage_mode: Final[OverageMode] = overage_mode
        self.overdraft_limit: Final = overdraft_limit
        self.grace_us: Final = grace_us
        self.burn_order: Final = burn_order


DEFAULT_POLICY: Final = Policy(
    overage_mode="hard_stop", overdraft_limit=0, grace_us=5 * MINUTE_US, burn_order="default"
)


def changed(policy: Policy, change: PolicyChange) -> Policy:
    """`policy` with the fields that `change` names; what it leaves out keeps its value."""
    return Policy(
        overage_mode=policy.overage_mode if change.overage_mode is None else change.overage_mode,
        overdraft_limit=policy.overdraft_limit
        if change.overdraft_limit is None
        else change.overdraft_limit,
        grace_us=policy.grace_us if change.grace_us is None else change.grace_us,
        burn_order=policy.burn_order if change.burn_order is None else change.burn_order,
    )


def merged(first: PolicyChange, then: PolicyChange) -> PolicyChange:
    """One change that does what `first` and then `then` do."""
    return PolicyChange(
        overage_mode=_later(first.overage_mode, then.overage_mode),
        overdraft_limit=_later(first.overdraft_limit, then.overdraft_limit),
        grace_us=_later(first.grace_us, then.grace_us),
        hold_life_us=_later(first.hold_life_us, then.hold_life_us),
        refund_grace_us=_later(first.refund_grace_us, then.refund_grace_us),
        burn_order=_later(first.burn_order, then.burn_order),
        breakage_method=_later(first.breakage_method, then.breakage_method),
        breakage_rate_pico=_later(first.breakage_rate_pico, then.breakage_rate_pico),
    )


def _later(first: _T | None, then: _T | None) -> _T | None:
    return first if then is None else then


def refusal(change: PolicyChange) -> str:
    """What is wrong with a change, as a sentence; empty if nothing is."""
    limit = change.overdraft_limit
    if limit is not None and not 0 <= limit <= AMOUNT_MAX:
        return f"overdraft_limit {limit} is outside 0–2⁶² micro-credits"
    for name, duration in (
        ("grace_us", change.grace_us),
        ("hold_life_us", change.hold_life_us),
        ("refund_grace_us", change.refund_grace_us),
    ):
        if duration is not None and not 0 <= duration <= DURATION_MAX_US:
            return f"{name} {duration} is outside 0–10 years"
    if change.burn_order is not None and change.burn_order not in BURN_ORDERS:
        return f"burn_order {change.burn_order!r} is none of {', '.join(BURN_ORDERS)}"
    if change.breakage_method is not None or change.breakage_rate_pico is not None:
        return "breakage policies aren't carried out by this version of the ledger"
    return ""
