"""What the ledger says in the naive model's words, so that the two can be compared."""

from fractions import Fraction

from drawdown.domain.accounts import Account
from drawdown.domain.entries import EntryFacts
from drawdown.domain.lots import Lot
from drawdown.domain.numbers import NEVER
from tests.domain.building import LEAD_US, World
from tests.domain.naive import Booked, NaiveLedger
from tests.domain.naive.accounts import Account as NaiveAccount
from tests.domain.naive.lots import Lot as NaiveLot
from tests.domain.streams import Recorded

Figures = dict[str, object]


def booked(facts: EntryFacts) -> Booked:
    """An entry of the ledger."""
    charge, details = facts.charge, facts.details
    rejection = None if details is None else details.rejection
    hold = None if details is None else details.hold
    refund = None if details is None else details.refund
    return Booked(
        customer=facts.customer_id,
        type=facts.type,
        amount=facts.amount,
        balance=facts.balance,
        held=facts.held,
        available=facts.available,
        overdraft=facts.overdraft,
        debt=facts.debt,
        overage_total=facts.overage_total,
        residue=Fraction(facts.residue, 10**12),
        effective_at=facts.effective_at,
        parts=[
            (part.lot_id, part.amount, part.released_minor, part.reserved)
            for part in facts.allocations
        ],
        charge=None
        if charge is None
        else (charge.rated, charge.overdrawn, charge.overage, charge.uncovered),
        hold=None
        if hold is None
        else (hold.hold_id, hold.state, hold.reserved, hold.reserved_room, hold.expires_at),
        code="" if rejection is None else rejection.code,
        money=0 if refund is None else refund.money_minor,
    )


def by_customer(entries: list[Booked]) -> list[Booked]:
    """A tick's entries: accounts are independent, so their order among each other is free."""
    return sorted(entries, key=lambda entry: entry.customer)


def assert_agree(stream: list[Recorded]) -> World:
    """Play a stream through both, and compare them entry by entry, then lots and holds."""
    world, naive = World(), NaiveLedger(lead_us=LEAD_US)
    for number, each in enumerate(stream):
        expected = naive.take(each.given, each.at)
        decision = world.decide(each.given, each.at)
        entries = by_customer([booked(facts) for facts in decision.facts])
        got = decision.outcome, decision.code, entries
        assert got == (*expected[:2], by_customer(expected[2])), f"input {number}"
    for (customer_id, unit), other in naive.accounts.items():
        account = world.ledger.account(customer_id, unit)
        if other.log:
            assert account is not None
            assert of_account(account) == of_naive(other)
    return world


def of_account(account: Account) -> Figures:
    """Lots and holds of an account."""
    return {
        "lots": {lot.lot_id: _of_lot(lot) for lot in account.lots.values()},
        "holds": {
            hold.hold_id: (hold.state, hold.reserved, hold.reserved_room, hold.reservations)
            for hold in account.holds.values()
            if hold.state == "open"
        },
        "frozen": account.frozen,
    }


def of_naive(account: NaiveAccount) -> Figures:
    """The same of the naive one."""
    return {
        "lots": {lot.lot_id: _of_naive_lot(account, lot) for lot in account.lots},
        "holds": {
            hold.terms.hold_id: (
                hold.state,
                hold.reserved,
                hold.room,
                {lot.lot_id: amount for lot, amount in hold.reservations},
            )
            for hold in account.holds
            if hold.state == "open"
        },
        "frozen": account.frozen,
    }


def _of_lot(lot: Lot) -> Figures:
    buckets = (lot.spent, lot.expired, lot.voided, lot.clawed_back, lot.debt)
    return {
        "figures": (lot.granted, lot.remaining, lot.reserved, *buckets, lot.released_minor),
        "state": (lot.closed, lot.clawed),
        # The date and the freezes of a lot without credits mean nothing until some come back.
        "date": (lot.expires_at, lot.freezes) if lot.remaining else None,
    }


def _of_naive_lot(account: NaiveAccount, lot: NaiveLot) -> Figures:
    buckets = (lot.spent, lot.expired, lot.voided, lot.clawed_back, lot.debt)
    end = NEVER if lot.expires_at is None else lot.expires_at
    reserved = account.reserved(lot)
    return {
        "figures": (lot.granted, lot.remaining, reserved, *buckets, lot.released),
        "state": (lot.closed, lot.clawed),
        "date": (end, lot.freezes) if lot.remaining else None,
    }
