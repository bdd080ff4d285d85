"""Hold ends: what a hold gives back, and what then befalls it (`rulings.md` 17, 18, 31, 32)."""

from drawdown.domain.bookings import expire
from drawdown.domain.drafts import Draft, Origin, allocation, unreleased
from drawdown.domain.entries import EntryDetails
from drawdown.domain.holds import Hold, HoldStatus
from drawdown.domain.lot_changes import indebted
from drawdown.domain.lots import Lot


def end_hold(
    draft: Draft,
    hold: Hold,
    status: HoldStatus,
    at: int,
    captured: dict[str, int],
    origin: Origin | None = None,
) -> None:
    """Release or expire an open hold at `at` (µs): the rest, be it 0, goes back to its lots, and
    what can't stay there follows. `captured` is what the decision captured of it before, by lot.
    """
    account = draft.account
    returned = dict(hold.reservations)
    draft.book(
        "hold_released" if status == "released" else "hold_expired",
        effective_at=at,
        allocations=[
            unreleased(account.lots[lot_id], amount, reserved=True)
            for lot_id, amount in returned.items()
        ],
        details=EntryDetails(
            hold=hold.after(-hold.reserved, -hold.reserved_room, state=status),
            reserved_room=-hold.reserved_room,
        ),
        held=-hold.reserved,
        origin=origin,
    )
    for lot_id in _in_order(captured, returned):
        meet_fate(
            draft, lot_id, returned.get(lot_id, 0), captured.get(lot_id, 0), at, origin=origin
        )


def _in_order(captured: dict[str, int], returned: dict[str, int]) -> list[str]:
    """Lots in the order of their reservation: a capture takes them from the first on."""
    return list(dict.fromkeys([*captured, *returned]))


def meet_fate(
    draft: Draft,
    lot_id: str,
    returned: int,
    captured: int,
    at: int,
    origin: Origin | None = None,
) -> None:
    """Book what befalls credits that a hold returned to a lot, or captured of it, at `at` (µs):
    clawback, else void, else expiration, else nothing."""
    lot = draft.account.lots[lot_id]
    origin = draft.origin.due() if origin is None else origin
    if lot.clawed:
        _claw_back(draft, lot, returned, captured, at, origin)
    elif returned == 0:
        return
    elif lot.closed:
        draft.book(
            "void",
            amount=-returned,
            effective_at=at,
            allocations=[allocation(lot, returned)],
            origin=origin,
        )
    elif lot.expires_at <= at and not lot.freezes:
        expire(draft, lot, returned, origin)


def _claw_back(
    draft: Draft, lot: Lot, returned: int, captured: int, at: int, origin: Origin
) -> None:
    draft.book(
        "clawback",
        amount=-(returned + captured),
        effective_at=at,
        allocations=[allocation(lot, returned)] if returned else [],
        details=EntryDetails(lot_changes=[indebted(lot, lot.debt + captured)]),
        debt=captured,
        origin=origin,
    )
