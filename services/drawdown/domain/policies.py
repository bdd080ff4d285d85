"""Policies: what an account does at its limits. Versioned values, changed by `policy_changed`."""

from typing import Final, TypeVar, final

from drawdown.domain.burn_order import BURN_ORDERS, burn_order_version
from drawdown.domain.currencies import places_of
from drawdown.domain.entries import (
    OverageMode,
    PolicyChange,
    RecurringGrant,
    Rollover,
)
from drawdown.domain.numbers import AMOUNT_MAX, DAY_US, MINUTE_US, PICO

_T = TypeVar("_T")

DURATION_MAX_US: Final = 3_660 * DAY_US
BREAKAGE_METHODS: Final = ("remote", "proportional")
_EVERY_MAX: Final = 1_000
_ANCHOR_MAX_US: Final = 200 * 366 * DAY_US


@final
class Policy:
    """The values in force for one account. Credits in micro-credits, times in microseconds."""

    def __init__(
        self,
        *,
        overage_mode: OverageMode,
        overdraft_limit: int,
        grace_us: int,
        hold_life_us: int,
        refund_grace_us: int,
        burn_order: str,
        recurring: RecurringGrant | None,
        rollover: Rollover | None,
    ) -> None:
        self.overage_mode: Final[OverageMode] = overage_mode
        self.overdraft_limit: Final = overdraft_limit
        self.grace_us: Final = grace_us
        self.hold_life_us: Final = hold_life_us
        self.refund_grace_us: Final = refund_grace_us
        self.burn_order: Final = burn_order
        self.burn_order_version: Final = burn_order_version(burn_order)
        self.recurring: Final = recurring
        self.rollover: Final = rollover


DEFAULT_POLICY: Final = Policy(
    overage_mode="hard_stop",
    overdraft_limit=0,
    grace_us=5 * MINUTE_US,
    hold_life_us=DAY_US,
    refund_grace_us=30 * DAY_US,
    burn_order="default",
    recurring=None,
    rollover=None,
)
NO_CHANGE: Final = PolicyChange()
"""Of an account that goes by its partition's policy."""


def changed(policy: Policy, change: PolicyChange) -> Policy:
    """`policy` with the fields that `change` names; what it leaves out keeps its value."""
    mode = change.overage_mode
    limit, grace = change.overdraft_limit, change.grace_us
    life, refund_grace = change.hold_life_us, change.refund_grace_us
    return Policy(
        overage_mode=policy.overage_mode if mode is None else mode,
        overdraft_limit=policy.overdraft_limit if limit is None else limit,
        grace_us=policy.grace_us if grace is None else grace,
        hold_life_us=policy.hold_life_us if life is None else life,
        refund_grace_us=policy.refund_grace_us if refund_grace is None else refund_grace,
        burn_order=policy.burn_order if change.burn_order is None else change.burn_order,
        recurring=policy.recurring if change.recurring is None else change.recurring,
        rollover=policy.rollover if change.rollover is None else change.rollover,
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
        recurring=_later(first.recurring, then.recurring),
        rollover=_later(first.rollover, then.rollover),
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
    if change.breakage_method is not None and change.breakage_method not in BREAKAGE_METHODS:
        return f"breakage_method {change.breakage_method!r} is none of remote, proportional"
    rate = change.breakage_rate_pico
    if rate is not None and not 0 <= rate <= PICO:
        return f"breakage_rate_pico {rate} is outside 0–10¹²"
    return _recurring_refusal(change.recurring) or _rollover_refusal(change.rollover)


def _recurring_refusal(grant: RecurringGrant | None) -> str:
    if grant is None:
        return ""
    if not 0 <= grant.amount <= AMOUNT_MAX:
        return f"recurring: amount {grant.amount} is outside 0–2⁶² micro-credits"
    if not 1 <= grant.every <= _EVERY_MAX:
        return f"recurring: every {grant.every} is outside 1–{_EVERY_MAX}"
    if not 0 <= grant.anchor <= _ANCHOR_MAX_US:
        return f"recurring: anchor {grant.anchor} is outside 1970–2169"
    if grant.life_us is not None and not 0 < grant.life_us <= DURATION_MAX_US:
        return f"recurring: life_us {grant.life_us} is outside 0–10 years"
    if not 0 <= grant.price_minor <= AMOUNT_MAX:
        return f"recurring: price_minor {grant.price_minor} is negative or too much"
    if (grant.price_minor or grant.currency) and places_of(grant.currency) is None:
        return f"recurring: {grant.currency!r} is no ISO 4217 currency"
    if grant.price_minor and grant.kind == "promotional":
        return "recurring: promotional credits have no price"
    return ""


def _rollover_refusal(rollover: Rollover | None) -> str:
    if rollover is None:
        return ""
    if not 0 <= rollover.share_pico <= PICO:
        return f"rollover: share_pico {rollover.share_pico} is outside 0–10¹²"
    for name, amount in (("minimum", rollover.minimum), ("maximum", rollover.maximum)):
        if amount is not None and not 0 <= amount <= AMOUNT_MAX:
            return f"rollover: {name} {amount} is outside 0–2⁶² micro-credits"
    if not 0 < rollover.life_us <= DURATION_MAX_US:
        return f"rollover: life_us {rollover.life_us} is outside 0–10 years"
    return ""
