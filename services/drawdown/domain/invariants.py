"""What must hold, always: the one list that ledger, audit, projectors and tests call.

Each check returns sentences; an empty list says that everything holds. They are called when
entries are produced and again when they are read back.
"""

from drawdown.domain.accounts import Account, Lot
from drawdown.domain.entries import Charge, EntryFacts
from drawdown.domain.numbers import ATTO_PER_MICRO, in_range, round_half_even


def check_lot(lot: Lot) -> list[str]:
    """`0 ≤ reserved ≤ remaining` and `granted = remaining + what became of the rest`."""
    wrong: list[str] = []
    name = f"lot {lot.lot_id}"
    if not 0 <= lot.reserved <= lot.remaining:
        wrong.append(f"{name}: reserved {lot.reserved} is outside 0–{lot.remaining} remaining")
    gone = lot.spent + lot.expired + lot.voided + lot.clawed_back
    if lot.granted != lot.remaining + gone:
        wrong.append(f"{name}: granted {lot.granted} but {lot.remaining} remain and {gone} went")
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
    if account.overdraft < 0 or account.debt < 0 or account.overage_total < 0:
        wrong.append("overdraft, debt or overage is negative")
    if not 0 <= account.residue < ATTO_PER_MICRO:
        wrong.append(f"residue {account.residue} is outside 0–10¹²")
    if account.live != sorted(
        (lot for lot in account.lots.values() if lot.remaining > 0), key=Lot.burn_key
    ):
        wrong.append("the live lots aren't in burn order")
    return [f"{account.customer_id} ({account.unit}): {each}" for each in wrong]


def check_settled(account: Account, at: int) -> list[str]:
    """Nothing owed stands beside free credits of unscoped, usable lots at `at` (µs)."""
    owed = account.overdraft + account.debt
    free = sum(
        lot.remaining - lot.reserved for lot in account.live if not lot.scoped and lot.usable_at(at)
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
    if facts.type == "deduction":
        wrong += _check_charge(facts, facts.charge, drawn)
    elif facts.type == "grant" and (facts.amount <= 0 or drawn != facts.amount):
        wrong.append(f"a grant of {facts.amount} that allocates {drawn}")
    elif facts.type not in ("deduction", "grant") and facts.amount != 0:
        wrong += _check_moves_nothing(facts)
    name = f"{facts.customer_id} ({facts.unit}) entry {facts.account_seq}"
    return [f"{name}: {each}" for each in wrong]


def _check_moves_nothing(facts: EntryFacts) -> list[str]:
    still = ("overdraft_settled", "policy_changed", "rejected", "rate_card_applied", "freeze")
    if facts.type in still:
        return [f"{facts.type} moves the balance by {facts.amount}"]
    return []


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
    exact = sum(line.amount * ATTO_PER_MICRO + line.amount_atto for line in charge.lines)
    before = charge.rated * ATTO_PER_MICRO + facts.residue - exact
    if not 0 <= before < ATTO_PER_MICRO:
        wrong.append("the lines, the residue and the rated amount don't fit together")
    return wrong
