"""What must hold, always: the one list that ledger, audit, projectors and tests call.

Each check returns sentences; an empty list says that everything holds. They are called when
entries are produced and again when they are read back.
"""

from typing import Final

from drawdown.domain.accounts import Account
from drawdown.domain.entries import Charge, EntryFacts
from drawdown.domain.lots import Lot
from drawdown.domain.numbers import ATTO_PER_MICRO, in_range, round_half_even

_UNMOVING: Final = frozenset(
    {"hold_placed", "hold_extended", "hold_released", "hold_expired", "overdraft_settled"}
    | {"freeze", "unfreeze", "expiry_changed", "dispute_noted", "policy_changed", "rejected"}
    | {"rate_card_applied", "period_closed", "record_parked"}
)
"""Entries that leave the balance alone."""
_SIGN: Final = {"grant": 1, "expiration": -1, "void": -1}
"""Entries that move the balance by what they allocate; refunds and clawbacks also move debt."""


def check_lot(lot: Lot) -> list[str]:
    """`0 ≤ reserved ≤ remaining` and `granted = remaining + what became of the rest`."""
    wrong: list[str] = []
    name = f"lot {lot.lot_id}"
    if not 0 <= lot.reserved <= lot.remaining:
        wrong.append(f"{name}: reserved {lot.reserved} is outside 0–{lot.remaining} remaining")
    gone = lot.spent + lot.expired + lot.voided + lot.clawed_back
    if lot.granted != lot.remaining + gone:
        wrong.append(f"{name}: granted {lot.granted} but {lot.remaining} remain and {gone} went")
    if not 0 <= lot.debt <= lot.spent:
        wrong.append(f"{name}: {lot.debt} of {lot.spent} spent became debt")
    consumed = lot.granted - lot.remaining
    released = round_half_even(lot.price_minor * consumed, lot.granted)
    if lot.released_minor != released:
        wrong.append(f"{name}: released {lot.released_minor} minor units instead of {released}")
    return wrong


def check_account(account: Account) -> list[str]:
    """Everything that an account's state must satisfy after a decision."""
    wrong: list[str] = []
    for lot in account.lots.values():
        wrong += check_lot(lot)
    remaining = sum(lot.remaining for lot in account.lots.values())
    reserved = sum(lot.reserved for lot in account.lots.values())
    if account.balance != remaining - account.overdraft - account.debt:
        wrong.append(
            f"balance {account.balance} isn't {remaining} remaining − {account.overdraft} "
            f"overdraft − {account.debt} debt"
        )
    if account.held != reserved:
        wrong.append(f"held {account.held} isn't the {reserved} reserved in lots")
    if min(account.overdraft, account.debt, account.overage_total, account.reserved_room) < 0:
        wrong.append("overdraft, debt, overage or reserved room is negative")
    if not 0 <= account.residue < ATTO_PER_MICRO:
        wrong.append(f"residue {account.residue} is outside 0–10¹²")
    wrong += _check_holds(account)
    return [f"{account.customer_id} ({account.unit}): {each}" for each in wrong]


def _check_holds(account: Account) -> list[str]:
    """Open holds hold what lots have reserved, lot by lot; ended ones hold nothing."""
    wrong: list[str] = []
    reserved: dict[str, int] = {}
    room = 0
    for hold in account.holds.values():
        room += hold.reserved_room
        if hold.reserved != sum(hold.reservations.values()):
            wrong.append(f"hold {hold.hold_id}: its reservations aren't its {hold.reserved}")
        if hold.state != "open" and (hold.reservations or hold.reserved_room):
            wrong.append(f"hold {hold.hold_id} is {hold.state} and still reserves")
        for lot_id, amount in hold.reservations.items():
            reserved[lot_id] = reserved.get(lot_id, 0) + amount
    for lot in account.lots.values():
        if lot.reserved != reserved.get(lot.lot_id, 0):
            wrong.append(f"lot {lot.lot_id}: {lot.reserved} reserved by no open hold")
    if room != account.reserved_room:
        wrong.append(f"reserved room {account.reserved_room} isn't the {room} of its holds")
    return wrong


def check_settled(account: Account, at: int) -> list[str]:
    """Nothing owed stands beside free credits of unscoped, usable lots at `at` (µs)."""
    owed = account.overdraft + account.debt
    free = sum(
        lot.unreserved for lot in account.lots.values() if not lot.scoped and lot.usable_at(at)
    )
    if owed and free:
        return [f"{account.customer_id} ({account.unit}): owes {owed} beside {free} free credits"]
    return []


def check_entry(facts: EntryFacts) -> list[str]:
    """What an entry must satisfy on its own."""
    wrong: list[str] = []
    drawn = sum(part.amount for part in facts.allocations)
    if any(part.amount <= 0 for part in facts.allocations):
        wrong.append("an allocation isn't positive")
    if not all(in_range(n) for n in (facts.amount, facts.balance, facts.held, facts.available)):
        wrong.append("an amount is out of range")
    if facts.type == "deduction" or facts.type == "hold_captured":
        wrong += _check_charge(facts, facts.charge, drawn)
    elif facts.type in _UNMOVING:
        if facts.amount != 0:
            wrong.append(f"{facts.type} moves the balance by {facts.amount}")
    elif not _allocates_what_it_moves(facts, drawn):
        wrong.append(f"a {facts.type} of {facts.amount} that allocates {drawn}")
    name = f"{facts.customer_id} ({facts.unit}) entry {facts.account_seq}"
    return [f"{name}: {each}" for each in wrong]


def _allocates_what_it_moves(facts: EntryFacts, drawn: int) -> bool:
    """Whether an entry moves the balance by its allocations; a refund and a clawback may also
    move what is owed."""
    if facts.type in _SIGN:
        sign = _SIGN[facts.type]
        return sign * facts.amount == drawn and (sign < 0 or drawn > 0)
    if facts.type == "adjustment":
        return abs(facts.amount) == drawn
    return abs(facts.amount) >= drawn and (facts.type != "refund" or facts.amount >= 0)


def _check_charge(facts: EntryFacts, charge: Charge | None, drawn: int) -> list[str]:
    if charge is None:
        return ["a deduction without a charge"]
    wrong: list[str] = []
    parts = drawn + charge.overdrawn + charge.overage + charge.uncovered
    if charge.rated != parts:
        wrong.append(f"rated {charge.rated} isn't drawn + overdrawn + overage + uncovered {parts}")
    if facts.amount != -(drawn + charge.overdrawn):
        wrong.append(f"amount {facts.amount} isn't −(drawn {drawn} + {charge.overdrawn} overdrawn)")
    if min(charge.overdrawn, charge.overage, charge.uncovered) < 0:
        wrong.append("a part of the charge is negative")
    if facts.type == "hold_captured":
        return wrong
    exact = sum(line.amount * ATTO_PER_MICRO + line.amount_atto for line in charge.lines)
    before = charge.rated * ATTO_PER_MICRO + facts.residue - exact
    if not 0 <= before < ATTO_PER_MICRO:
        wrong.append("the lines, the residue and the rated amount don't fit together")
    return wrong
