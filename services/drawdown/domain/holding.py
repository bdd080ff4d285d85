"""Holding: what the commands about holds come to (`domain.md`, «Holds»)."""

from collections.abc import Container
from typing import Final

from drawdown.domain.accounts import Account
from drawdown.domain.codes import PRECEDENCE
from drawdown.domain.drafts import Draft, unreleased
from drawdown.domain.entries import Allocation, EntryDetails, HoldState
from drawdown.domain.hold_ends import end_hold, meet_fate
from drawdown.domain.holds import Hold
from drawdown.domain.ids import valid_id
from drawdown.domain.inputs import Batch, CaptureHold, ExtendHold, PlaceHold, ReleaseHold
from drawdown.domain.numbers import AMOUNT_MAX
from drawdown.domain.refusals import Refusal, wrong_amount
from drawdown.domain.usage import capture_credits

BATCH_MAX: Final = 1_000
"""Holds in one batch: it is decided, and committed, in one piece."""


def place_hold(draft: Draft, body: PlaceHold) -> Refusal | None:
    """Reserve credits whole, or refuse."""
    account, at = draft.account, draft.at
    refused = _place_refusal(account, body, at)
    if refused is not None:
        return refused
    reserved = reserve(account, body.meter, body.properties, body.amount, at)
    room, refused = _room_for(account, body.amount, reserved)
    if refused is not None:
        return refused
    hold = HoldState(
        hold_id=body.hold_id,
        state="open",
        meter=body.meter,
        properties=body.properties,
        reserved=body.amount - room,
        reserved_room=room,
        placed_at=at,
        expires_at=body.expires_at,
    )
    draft.book(
        "hold_placed",
        allocations=reserved,
        details=EntryDetails(hold=hold, reserved_room=room),
        held=body.amount - room,
    )
    return None


def place_batch(draft: Draft, body: Batch) -> Refusal | None:
    """Place several holds. The caller takes all of them back where one is refused."""
    if not 1 <= len(body.holds) <= BATCH_MAX:
        return Refusal("invalid_amount", f"a batch has 1–{BATCH_MAX} holds")
    first: Refusal | None = None
    named: set[str] = set()
    for hold in body.holds:
        refused = _place_refusal(draft.account, hold, draft.at, named)
        named.add(hold.hold_id)
        if refused is not None and (first is None or _before(refused, first)):
            first = Refusal(refused.code, f"{hold.hold_id}: {refused.detail}")
    if first is not None:
        return first
    for hold in body.holds:
        refused = place_hold(draft, hold)
        if refused is not None:
            return Refusal(refused.code, f"{hold.hold_id}: {refused.detail}")
    return None


def _before(refusal: Refusal, other: Refusal) -> bool:
    return PRECEDENCE.index(refusal.code) < PRECEDENCE.index(other.code)


def extend_hold(draft: Draft, body: ExtendHold) -> Refusal | None:
    """Give an open hold a later expiry, more credits, or both; whole or refused."""
    account, at = draft.account, draft.at
    if not 0 <= body.amount <= AMOUNT_MAX:
        return wrong_amount(body.amount, "added")
    hold, refused = open_hold(account, body.hold_id, at)
    if hold is None:
        return refused
    expires_at = hold.expires_at
    if body.expires_at is not None:
        expires_at = max(expires_at, body.expires_at)
    refused = _extend_refusal(account, hold, body.amount, expires_at)
    if refused is not None:
        return refused
    reserved = reserve(account, hold.meter, hold.properties, body.amount, at)
    room, refused = _room_for(account, body.amount, reserved)
    if refused is not None:
        return refused
    draft.book(
        "hold_extended",
        allocations=reserved,
        details=EntryDetails(
            hold=hold.after(body.amount - room, room, expires_at=expires_at),
            reserved_room=room,
        ),
        held=body.amount - room,
    )
    return None


def release_hold(draft: Draft, body: ReleaseHold) -> Refusal | None:
    """End an open hold that charged nothing more."""
    hold, refused = open_hold(draft.account, body.hold_id, draft.at)
    if hold is not None:
        end_hold(draft, hold, "released", draft.at, {})
    return refused


def capture_hold(draft: Draft, body: CaptureHold) -> Refusal | None:
    """Charge an open hold in credits: an amount, or all that is reserved."""
    if body.amount is not None and not 0 < body.amount <= AMOUNT_MAX:
        return wrong_amount(body.amount, "captured")
    hold, refused = open_hold(draft.account, body.hold_id, draft.at)
    if hold is None:
        return refused
    amount = hold.reserved + hold.reserved_room if body.amount is None else body.amount
    before = dict(hold.reservations)
    if not capture_credits(draft, hold, amount):
        return Refusal("out_of_range", "")
    after_charge(draft, body.hold_id, before, final=body.final)
    return None


def after_charge(draft: Draft, hold_id: str, before: dict[str, int], *, final: bool) -> None:
    """End the hold that was just charged, if that was final, and see to credits captured of lots
    whose payment was lost. `before` is what it had reserved."""
    hold = draft.account.holds[hold_id]
    left = hold.reservations
    captured = {
        lot_id: amount - left.get(lot_id, 0)
        for lot_id, amount in before.items()
        if amount > left.get(lot_id, 0)
    }
    if final:
        end_hold(draft, hold, "released", draft.at, captured)
        return
    for lot_id, amount in captured.items():
        meet_fate(draft, lot_id, 0, amount, draft.at)


def reserve(
    account: Account, meter: str, properties: dict[str, str], amount: int, at: int
) -> list[Allocation]:
    """Up to `amount` of the free credits that a meter and properties may draw, in burn order.

    Grace is for late usage: a lot that has expired reserves nothing.
    """
    parts: list[Allocation] = []
    left = amount
    if left == 0:
        return parts
    for lot in account.paying.paying_for(meter, properties, at):
        if lot.usable_at(at):
            part = min(left, lot.unreserved)
            parts.append(unreleased(lot, part, reserved=True))
            left -= part
            if left == 0:
                break
    return parts


def _room_for(
    account: Account, amount: int, reserved: list[Allocation]
) -> tuple[int, Refusal | None]:
    """The overdraft room that an amount takes beyond its lots, and why it can't have it."""
    room = amount - sum([part.amount for part in reserved])
    if room > overdraft_room(account):
        return room, Refusal("insufficient_credits", f"{room} micro-credits are missing")
    return room, None


def overdraft_room(account: Account) -> int:
    """Overdraft that the policy gives and that neither usage nor a hold has taken."""
    policy = account.policy
    if policy.overage_mode != "overdraft" or account.frozen:
        return 0
    return max(0, policy.overdraft_limit - account.overdraft - account.reserved_room)


def open_hold(account: Account, hold_id: str, at: int) -> tuple[Hold | None, Refusal | None]:
    """A hold that is open at `at` (µs), or why there is none."""
    hold = account.hold(hold_id)
    if hold is None:
        return None, Refusal("unknown_hold", f"there is no hold {hold_id}")
    if not hold.open_at(at):
        state = "expired" if hold.state == "open" else hold.state
        return None, Refusal("hold_not_open", f"hold {hold_id} is {state}")
    return hold, None


def _place_refusal(
    account: Account, body: PlaceHold, at: int, named: Container[str] = ()
) -> Refusal | None:
    """Why a hold can't be placed whatever the credits; `named` holds come before it."""
    if not valid_id(body.hold_id) or not valid_id(body.meter):
        return Refusal("invalid_id", "hold_id and meter must be 1–128 bytes without NUL")
    if not 0 < body.amount <= AMOUNT_MAX:
        return wrong_amount(body.amount, "held")
    if body.expires_at <= at:
        return Refusal("invalid_period", "it would expire before it is placed")
    if body.hold_id in named or account.hold(body.hold_id) is not None:
        return Refusal("hold_id_used", f"hold {body.hold_id} exists")
    if body.expires_at - at > account.policy.hold_life_us:
        return Refusal("hold_life_too_long", f"at most {account.policy.hold_life_us} µs")
    return None


def _extend_refusal(account: Account, hold: Hold, amount: int, expires_at: int) -> Refusal | None:
    if hold.reserved + hold.reserved_room + amount > AMOUNT_MAX:
        return Refusal("out_of_range", f"{amount} micro-credits more")
    if amount == 0 and expires_at == hold.expires_at:
        return Refusal("nothing_to_extend", "neither more credits nor a later expiry")
    if expires_at - hold.placed_at > account.policy.hold_life_us:
        return Refusal("hold_life_too_long", f"at most {account.policy.hold_life_us} µs")
    return None
