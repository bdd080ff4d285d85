"""Usage: a rated charge, drawn from lots in burn order, then as the policy says."""

from typing import Final, final

from drawdown.domain.accounts import Account, Lot
from drawdown.domain.drafts import Draft, Origin, allocation
from drawdown.domain.entries import Allocation, Charge, EntryFacts, RatedLine
from drawdown.domain.inputs import UsageEvent
from drawdown.domain.numbers import AMOUNT_MAX, ATTO_PER_MICRO
from drawdown.domain.settlement import after, settle, settle_due


@final
class Drawn:
    """What lots pay of a charge, in burn order; `free` is how much `available` falls by it."""

    def __init__(self, allocations: list[Allocation], amount: int, free: int) -> None:
        self.allocations: Final = allocations
        self.amount: Final = amount
        self.free: Final = free


def draw(account: Account, event: UsageEvent, recorded_at: int, amount: int) -> Drawn:
    """Draw `amount` micro-credits from the lots that apply to `event`, as far as they go."""
    allocations: list[Allocation] = []
    drawn, free = 0, 0
    grace_us = account.policy.grace_us
    for lot in account.live:
        if drawn == amount:
            break
        part = min(amount - drawn, lot.remaining - lot.reserved)
        if part > 0 and applies(lot, event, recorded_at, grace_us):
            allocations.append(allocation(lot, part))
            drawn += part
            if recorded_at < lot.expires_at:
                free += part
    return Drawn(allocations, drawn, free)


def applies(lot: Lot, event: UsageEvent, recorded_at: int, grace_us: int) -> bool:
    """Whether a lot pays for usage: effective, unexpired (but for the grace), in scope."""
    return (
        lot.effective_at <= recorded_at
        and event.occurred_at < lot.expires_at
        and recorded_at < lot.expires_at + grace_us
        and not lot.freezes
        and lot.pays_for(event.meter, event.properties)
    )


def charge_usage(
    account: Account,
    namespace: str,
    event: UsageEvent,
    recorded_at: int,
    rate_card: str,
    lines: list[RatedLine],
    total_atto: int,
) -> list[EntryFacts]:
    """The deduction of rated usage (`failed`: of 0), after what fell due before it.

    `total_atto` is the exact price in atto-credits, the account's residue not included. An empty
    list says that the charge would be out of range.
    """
    origin = usage_origin(event, recorded_at)
    if account.overdraft + account.debt == 0:
        draft = Draft(account, namespace, origin)
        return _deduct(account, draft, event, rate_card, lines, total_atto)
    due = settle_due(account, namespace, origin)
    settled = after(account, due)
    draft = Draft(settled, namespace, origin)
    charged = _deduct(settled, draft, event, rate_card, lines, total_atto)
    return due + charged if charged else []


def usage_origin(event: UsageEvent, recorded_at: int) -> Origin:
    """The origin of a decision about a usage event."""
    return Origin(
        cause="usage",
        cause_id=event.event_id,
        digest=event.digest,
        reason="",
        actor="",
        occurred_at=event.occurred_at,
        recorded_at=recorded_at,
    )


def _deduct(
    account: Account,
    draft: Draft,
    event: UsageEvent,
    rate_card: str,
    lines: list[RatedLine],
    total_atto: int,
) -> list[EntryFacts]:
    rated, residue = divmod(draft.residue + total_atto, ATTO_PER_MICRO)
    drawn = draw(account, event, draft.origin.recorded_at, rated)
    rest = rated - drawn.amount
    overdrawn, overage = 0, 0
    if rest:
        policy = account.policy
        if policy.overage_mode == "overdraft":
            overdrawn = max(0, min(rest, policy.overdraft_limit - draft.overdraft))
        elif policy.overage_mode == "overage":
            overage = rest
    amount = -(drawn.amount + overdrawn)
    if rated > AMOUNT_MAX or draft.overage_total + overage > AMOUNT_MAX:
        return []
    if draft.balance + amount < -AMOUNT_MAX:
        return []
    draft.residue = residue
    draft.free -= drawn.free
    draft.overdraft += overdrawn
    draft.overage_total += overage
    charge = Charge(
        meter=event.meter,
        status=event.status,
        properties=event.properties,
        rate_card=rate_card,
        lines=lines,
        rated=rated,
        overdrawn=overdrawn,
        overage=overage,
        uncovered=rest - overdrawn - overage,
        hold_id=event.hold_id,
        hold_ended=event.hold_id != "",
    )
    deducted = draft.entry(
        "deduction",
        amount=amount,
        effective_at=event.occurred_at,
        allocations=drawn.allocations,
        charge=charge,
    )
    return [deducted, *_settled_beside(account, draft, event)] if overdrawn else [deducted]


def _settled_beside(account: Account, draft: Draft, event: UsageEvent) -> list[EntryFacts]:
    """What lots that don't apply to `event` pay of the overdraft that it leaves.

    Usage may occur up to 5 minutes after it is recorded: a lot that expires in between is beyond
    its reach, and still usable.
    """
    recorded_at, grace_us = draft.origin.recorded_at, account.policy.grace_us
    beside = [lot for lot in account.live if not applies(lot, event, recorded_at, grace_us)]
    return settle(draft, beside, effective_at=recorded_at)
