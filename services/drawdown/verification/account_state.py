"""Accounts and charges of an audit as text, so that the next one goes on from them.

Kept is what later entries are folded into and checked against, not what decides: no policy, no
burn order, no dates on which something falls due. A hold that has ended changes no more; only how
many there were is kept.
"""

import json
from typing import Any, Final, cast

from drawdown.domain.accounts import Account, Payment
from drawdown.domain.charges import Charged, Charges, Refundable, Settled
from drawdown.domain.entries import Dispute, HoldState
from drawdown.domain.holds import Hold
from drawdown.domain.kept import Kept
from drawdown.domain.lots import Lot, SavedLot
from drawdown.domain.numbers import NEVER

_FIGURES: Final = (
    *("account_seq", "begun_at", "balance", "held", "available", "overdraft", "debt"),
    *("overage_total", "residue", "reserved_room", "frozen", "holds_placed"),
)
_TERMS: Final = (
    *("lot_id", "lot_seq", "kind", "campaign", "price_minor", "currency", "list_price_minor"),
    *("priority", "meters", "properties", "effective_at", "payment_id", "opens_at", "voids_at"),
    "period_at",
)


def account_text(account: Account) -> str:
    """An account as it stands."""
    return json.dumps(
        {
            "figures": [getattr(account, name) for name in _FIGURES],
            "head": account.head.hex(),
            "lots": [_lot(each) for each in account.lots.values()],
            "holds": [_hold(each) for each in account.holds.values() if each.state == "open"],
            "payments": [_payment(each) for each in account.payments.values()],
            "months": account.month_totals,
            "overdraft": _settlements(account.settled_overdraft),
            "debt": _settlements(account.settled_debt),
        },
        ensure_ascii=False,
        separators=(",", ":"),
    )


def read_account(customer_id: str, unit: str, text: str, charges: Kept[Charged]) -> Account:
    """The account of such a text."""
    told = json.loads(text)
    account = Account(customer_id, unit, Charges(customer_id, charges))
    for name, value in zip(_FIGURES, told["figures"], strict=True):
        setattr(account, name, value)
    account.head = bytes.fromhex(told["head"])
    for each in told["lots"]:
        lot = _read_lot(each)
        account.lots[lot.lot_id] = lot
        account.paying.place(lot)
    for each in told["holds"]:
        hold = _read_hold(each)
        account.holds[hold.hold_id] = hold
    for each in told["payments"]:
        payment = account.payment(each["payment_id"])
        payment.lot_id, payment.returned_minor = each["lot_id"], each["returned_minor"]
        payment.dispute = None if each["dispute"] is None else Dispute(**each["dispute"])
    account.month_totals.update(told["months"])
    account.settled_overdraft = _read_settlements(told["overdraft"])
    account.settled_debt = _read_settlements(told["debt"])
    return account


def charge_text(charged: Charged) -> str:
    """A charge of an event, and those of the same id before it."""
    chain: list[list[object]] = []
    each: Charged | None = charged
    while each is not None:
        chain.append(
            [
                *(each.unit, collected_by(each), each.returned, each.digest.hex()),
                *(each.topic, each.offset, each.until),
            ]
        )
        each = each.before
    return json.dumps(chain, ensure_ascii=False, separators=(",", ":"))


def read_charge(text: str) -> Charged:
    """The charge of such a text; how it was rated isn't kept."""
    charged: Charged | None = None
    for unit, collected, returned, digest, topic, offset, until in reversed(json.loads(text)):
        charged = Charged(
            unit=unit,
            digest=bytes.fromhex(digest),
            until=until,
            returned=returned,
            before=charged,
            refundable=Refundable(
                meter="",
                status="succeeded",
                properties={},
                rate_card="",
                overdrawn=0,
                overage=0,
                collected=collected,
                allocations=[],
            ),
        )
        charged.stands_at(0, topic, 0, offset, 0)
    assert charged is not None
    return charged


def collected_by(charged: Charged) -> int:
    """What a charge collected, in micro-credits."""
    assert charged.refundable is not None, "what an audit folds it keeps"
    return charged.refundable.collected


def _lot(lot: Lot) -> dict[str, Any]:
    terms = {name: getattr(lot, name) for name in _TERMS}
    opened = {"granted": lot.granted, "reason": lot.reason, "accepted_at": lot.accepted_at}
    return {"terms": terms, **opened, "saved": lot.saved()}


def _read_lot(told: dict[str, Any]) -> Lot:
    lot = Lot(
        **told["terms"],
        granted=told["granted"],
        reason=told["reason"],
        accepted_at=told["accepted_at"],
        expires_at=NEVER,
        freezes=[],
    )
    lot.restore(cast(SavedLot, tuple(told["saved"])))
    return lot


def _hold(hold: Hold) -> dict[str, Any]:
    return {
        "number": hold.number,
        "hold_id": hold.hold_id,
        "meter": hold.meter,
        "properties": hold.properties,
        "placed_at": hold.placed_at,
        "expires_at": hold.expires_at,
        "reserved_room": hold.reserved_room,
        "reservations": hold.reservations,
    }


def _read_hold(told: dict[str, Any]) -> Hold:
    reservations: dict[str, int] = told["reservations"]
    state = HoldState(
        hold_id=told["hold_id"],
        state="open",
        meter=told["meter"],
        properties=told["properties"],
        reserved=0,
        reserved_room=0,
        placed_at=told["placed_at"],
        expires_at=told["expires_at"],
    )
    hold = Hold(state, told["number"])
    hold.reserved_room = told["reserved_room"]
    for lot_id, amount in reservations.items():
        hold.reserve(lot_id, amount)
    return hold


def _payment(payment: Payment) -> dict[str, Any]:
    dispute = payment.dispute
    return {
        "payment_id": payment.payment_id,
        "lot_id": payment.lot_id,
        "returned_minor": payment.returned_minor,
        "dispute": None
        if dispute is None
        else {
            "dispute_id": dispute.dispute_id,
            "payment_id": dispute.payment_id,
            "state": dispute.state,
        },
    }


def _settlements(settled: Settled | None) -> list[tuple[str, int]]:
    """The latest first."""
    found = []
    while settled is not None:
        found.append((settled.lot_id, settled.amount))
        settled = settled.before
    return found


def _read_settlements(told: list[tuple[str, int]]) -> Settled | None:
    settled: Settled | None = None
    for lot_id, amount in reversed(told):
        settled = Settled(lot_id, amount, settled)
    return settled
