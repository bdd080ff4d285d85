"""Usage: a rated charge, drawn from lots in burn order, then as the policy says."""

from typing import Final, final

from mypy_extensions import mypyc_attr

from drawdown.domain.accounts import Account
from drawdown.domain.drafts import Draft, Origin, allocation
from drawdown.domain.entries import (
    Allocation,
    Charge,
    EntryDetails,
    EntryFacts,
)
from drawdown.domain.holds import Hold
from drawdown.domain.inputs import UsageEvent
from drawdown.domain.lots import Lot
from drawdown.domain.numbers import AMOUNT_MAX, ATTO_PER_MICRO
from drawdown.domain.rating import FREE, Price


@mypyc_attr(acyclic=True, free_list_len=1)
@final
class Drawn:
    """What lots pay of a charge, in the order they are drawn.

    `free` is how much the free credits of usable lots fall by it, `reserved` how much was.
    """

    def __init__(
        self, allocations: list[Allocation], amount: int, free: int, reserved: int
    ) -> None:
        self.allocations: Final = allocations
        self.amount: Final = amount
        self.free: Final = free
        self.reserved: Final = reserved


def draw(account: Account, event: UsageEvent, at: int, amount: int, hold: Hold | None) -> Drawn:
    """Up to `amount` of the lots that `event` may draw on: the hold's reservations first."""
    allocations: list[Allocation] = []
    drawn, free, reserved = 0, 0, 0
    if hold is not None:
        for lot_id, held in hold.reservations.items():
            if drawn == amount:
                break
            part = min(amount - drawn, held)
            allocations.append(allocation(account.lots[lot_id], part, reserved=True))
            drawn += part
        reserved = drawn
    if drawn < amount:
        grace_us = account.policy.grace_us
        for lot in account.paying.paying_for(event.meter, event.properties, at):
            if not applies(lot, event.occurred_at, at, grace_us):
                continue
            part = min(amount - drawn, lot.remaining - lot.reserved)
            before = 0 if hold is None else _taken(allocations, lot.lot_id)
            allocations.append(allocation(lot, part, before=before))
            drawn += part
            if at < lot.expires_at:
                free += part
            if drawn == amount:
                break
    return Drawn(allocations, drawn, free, reserved)


def applies(lot: Lot, occurred_at: int, recorded_at: int, grace_us: int) -> bool:
    """Whether a lot that isn't frozen pays for usage of then: effective, unexpired but for the
    grace."""
    return (
        lot.effective_at <= recorded_at
        and occurred_at < lot.expires_at
        and recorded_at - grace_us < lot.expires_at
    )


def _taken(allocations: list[Allocation], lot_id: str) -> int:
    return sum([each.amount for each in allocations if each.lot_id == lot_id])


def plain_charge(
    account: Account,
    namespace: str,
    event: UsageEvent,
    recorded_at: int,
    price: Price,
    charged_before: bool,
) -> EntryFacts | None:
    """The deduction of usage that lots pay alone: nothing due, nothing owed, no hold, no month.

    None: it isn't that plain, and `charge` must look at it.
    """
    exact = account.residue + price.total_atto
    rated, residue = exact // ATTO_PER_MICRO, exact % ATTO_PER_MICRO
    drawn = draw(account, event, recorded_at, rated, None)
    rest = rated - drawn.amount
    if rest and (account.policy.overage_mode != "hard_stop" or rated > AMOUNT_MAX):
        return None
    return EntryFacts(
        namespace=namespace,
        customer_id=account.customer_id,
        unit=account.unit,
        account_seq=account.account_seq + 1,
        type="deduction",
        amount=-drawn.amount,
        balance=account.balance - drawn.amount,
        held=account.held,
        available=account.free_at(recorded_at) - drawn.free,
        overdraft=0,
        debt=0,
        overage_total=account.overage_total,
        residue=residue,
        allocations=drawn.allocations,
        charge=Charge(
            meter=event.meter,
            status=event.status,
            properties=event.properties,
            rate_card=price.rate_card,
            lines=price.lines,
            rated=rated,
            overdrawn=0,
            overage=0,
            uncovered=rest,
            hold_id="",
            hold_ended=False,
            charged_before=charged_before,
        ),
        cause="usage",
        cause_id=event.event_id,
        cause_digest=event.digest,
        burn_order_version=account.policy.burn_order_version,
        reason="",
        actor="",
        occurred_at=event.occurred_at,
        recorded_at=recorded_at,
        effective_at=event.occurred_at,
        details=None,
    )


def charge(
    draft: Draft,
    event: UsageEvent,
    price: Price,
    hold: Hold | None,
    charged_before: bool,
    first_recorded_at: int | None = None,
) -> bool:
    """Book the deduction of usage; `hold` is the open hold that it names, if any.

    `charged_before` says whether an event of its id was, `first_recorded_at` when a redriven event
    was recorded first.

    False: the charge would be out of range, and nothing is booked.
    """
    account = draft.account
    exact = account.residue + price.total_atto
    rated, residue = exact // ATTO_PER_MICRO, exact % ATTO_PER_MICRO
    paid = _pay(account, event, draft.at, rated, hold)
    if not paid.in_range(account):
        return False
    draft.book(
        "deduction",
        amount=paid.amount,
        effective_at=event.occurred_at,
        allocations=paid.drawn.allocations,
        charge=_charge(event, price, paid, hold, charged_before),
        details=_details(draft, event, price, paid, hold, first_recorded_at),
        held=-paid.drawn.reserved,
        overdraft=paid.overdrawn,
        overage=paid.overage,
        residue=residue,
        origin=draft.origin.of_event(event.occurred_at),
    )
    return True


def capture_credits(draft: Draft, hold: Hold, amount: int) -> bool:
    """Book the capture of an amount of credits from a hold, more than it holds included.

    False: it would be out of range, and nothing is booked.
    """
    account, at = draft.account, draft.at
    event = UsageEvent(
        event_id="",
        customer_id=account.customer_id,
        unit=account.unit,
        meter=hold.meter,
        occurred_at=at,
        status="succeeded",
        properties=hold.properties,
        quantities={},
        hold_id=hold.hold_id,
        hold_final=False,
        digest=b"",
    )
    paid = _pay(account, event, at, amount, hold)
    if not paid.in_range(account):
        return False
    draft.book(
        "hold_captured",
        amount=paid.amount,
        allocations=paid.drawn.allocations,
        charge=_charge(event, FREE, paid, hold, charged_before=False),
        details=_details(draft, event, FREE, paid, hold),
        held=-paid.drawn.reserved,
        overdraft=paid.overdrawn,
        overage=paid.overage,
    )
    return True


@final
class _Paid:
    """How a charge is paid: by lots, by overdraft (of the hold's room: `room`), by a bill, not."""

    def __init__(
        self, drawn: Drawn, rated: int, *, room: int, overdrawn: int, overage: int
    ) -> None:
        self.drawn: Final = drawn
        self.rated: Final = rated
        self.room: Final = room
        self.overdrawn: Final = overdrawn
        self.overage: Final = overage
        self.amount: Final = -(drawn.amount + overdrawn)
        self.uncovered: Final = rated - drawn.amount - overdrawn - overage

    def in_range(self, account: Account) -> bool:
        return (
            self.rated <= AMOUNT_MAX
            and account.overage_total + self.overage <= AMOUNT_MAX
            and account.balance + self.amount >= -AMOUNT_MAX
        )


def _pay(account: Account, event: UsageEvent, at: int, rated: int, hold: Hold | None) -> _Paid:
    drawn = draw(account, event, at, rated, hold)
    rest = rated - drawn.amount
    room = 0 if hold is None else min(rest, hold.reserved_room)
    rest -= room
    more, overage = 0, 0
    if rest and not account.frozen:
        policy = account.policy
        if policy.overage_mode == "overdraft":
            left = policy.overdraft_limit - account.overdraft - account.reserved_room
            more = max(0, min(rest, left))
        elif policy.overage_mode == "overage":
            overage = rest
    return _Paid(drawn, rated, room=room, overdrawn=room + more, overage=overage)


def _charge(
    event: UsageEvent, price: Price, paid: _Paid, hold: Hold | None, charged_before: bool
) -> Charge:
    return Charge(
        meter=event.meter,
        status=event.status,
        properties=event.properties,
        rate_card=price.rate_card,
        lines=price.lines,
        rated=paid.rated,
        overdrawn=paid.overdrawn,
        overage=paid.overage,
        uncovered=paid.uncovered,
        hold_id=event.hold_id,
        hold_ended=event.hold_id != "" and hold is None,
        charged_before=charged_before,
    )


def _details(
    draft: Draft,
    event: UsageEvent,
    price: Price,
    paid: _Paid,
    hold: Hold | None,
    first_recorded_at: int | None = None,
) -> EntryDetails | None:
    by_command = draft.origin.cause == "command" and event.event_id != ""
    if hold is None and not by_command and not price.month_totals:
        return None
    return EntryDetails(
        hold=None if hold is None else hold.after(-paid.drawn.reserved, -paid.room),
        month_totals=price.month_totals,
        reserved_room=-paid.room,
        event_id=event.event_id if by_command else "",
        event_digest=event.digest if by_command else b"",
        first_recorded_at=first_recorded_at,
    )


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
