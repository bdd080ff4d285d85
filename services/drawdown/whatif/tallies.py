"""What is counted in a world: charges by customer and meter, credits by kind of lot."""

from dataclasses import dataclass, fields
from typing import Final

from drawdown.domain.entries import PARTITION_CUSTOMER, EntryFacts
from drawdown.domain.ledger import Ledger

Name = tuple[str, str, str]
"""Customer, unit, and a meter or a kind of lot."""


@dataclass(slots=True, kw_only=True)
class Charged:
    """Micro-credits of one customer's meter, less what was refunded."""

    charged: int = 0
    """Drawn and overdrawn."""
    overage: int = 0
    uncovered: int = 0


@dataclass(slots=True, kw_only=True)
class Credits:
    """Micro-credits of one customer's lots of a kind."""

    spent: int = 0
    expired: int = 0
    remaining: int = 0


@dataclass(slots=True, kw_only=True)
class Standing:
    """An account's figures in micro-credits."""

    balance: int = 0
    overdraft: int = 0
    debt: int = 0


class Tally:
    """Charges by customer, unit and meter, counted entry by entry."""

    def __init__(self) -> None:
        self.meters: Final[dict[Name, Charged]] = {}

    def add(self, facts: EntryFacts) -> None:
        """Count an entry; only usage, captures and their refunds count."""
        charge = facts.charge
        if charge is None:
            return
        name = (facts.customer_id, facts.unit, charge.meter)
        charged = self.meters.setdefault(name, Charged())
        charged.charged -= facts.amount
        charged.overage += charge.overage
        charged.uncovered += charge.uncovered


@dataclass(slots=True)
class Snapshot:
    """A ledger at one moment: lots by customer, unit and kind; accounts by customer and unit."""

    kinds: dict[Name, Credits]
    accounts: dict[tuple[str, str], Standing]


def snapshot(ledger: Ledger) -> Snapshot:
    """How a ledger stands."""
    shot = Snapshot({}, {})
    for account in ledger.accounts():
        if account.customer_id == PARTITION_CUSTOMER:
            continue
        key = (account.customer_id, account.unit)
        shot.accounts[key] = Standing(
            balance=account.balance, overdraft=account.overdraft, debt=account.debt
        )
        for lot in account.lots.values():
            credits = shot.kinds.setdefault((*key, lot.kind), Credits())
            credits.spent += lot.spent
            credits.expired += lot.expired
            credits.remaining += lot.remaining
    return shot


def names_of(kind: type[Charged] | type[Credits] | type[Standing]) -> tuple[str, ...]:
    """The figures that a count has, in their order."""
    return tuple(each.name for each in fields(kind))
