"""A month of an account: opening balance, movements by day and kind, closing balance.

An entry belongs to the month in which the ledger recorded it, and the ledger's order is kept: the
month ends before the first entry that was recorded after it. So a month is a stretch of the
account's entries, months join without a gap, and one that an entry has followed never changes.
Usage that waited in its topic while commands overtook it is shown on the day of what it follows.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from drawdown.errors import LedgerCorrupt
from drawdown.statements.months import Month

_HOLDS: Final = frozenset({"hold_placed", "hold_extended", "hold_released", "hold_expired"})
"""Entries that reserve or give back; a month shows what they come to."""


class Figures(NamedTuple):
    """What an account has, or what moves it; micro-credits."""

    balance: int
    held: int
    overdraft: int
    debt: int
    overage_total: int

    def plus(self, other: "Figures") -> "Figures":
        """Both, added up."""
        return Figures(*(one + more for one, more in zip(self, other, strict=True)))


NOTHING: Final = Figures(0, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """What one day's entries of one kind moved."""

    day: str
    """Of the reporting zone, such as `2026-11-25`."""
    kind: str
    """The type of the entries; `usage` for deductions, `holds` for what reserves or gives back."""
    of: str
    """The meter, or the kind of the lots; empty where it is about neither."""
    entries: int
    moved: Figures


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosingLot:
    """A lot that has credits at the end of the month, as it stood then; micro-credits, µs."""

    lot_id: str
    kind: str
    granted: int
    remaining: int
    reserved: int
    expires_at: int | None
    """None: never."""
    frozen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A month of an account. `tied` has checked its arithmetic."""

    customer_id: str
    unit: str
    month: Month
    opening: Figures
    movements: list[Movement]
    closing: Figures
    available: int
    """As its last entry states it."""
    lots: list[ClosingLot]
    opening_seq: int
    """The account's last entry before the month; 0: there was none."""
    closing_seq: int
    final: bool
    """Whether an entry was recorded after the month, so that nothing can be added to it."""

    @property
    def entries(self) -> int:
        """How many entries the month has, those that move nothing too."""
        return self.closing_seq - self.opening_seq


def kind_of(entry_type: str) -> str:
    """The kind of movement that entries of a type are shown as."""
    if entry_type == "deduction":
        return "usage"
    return "holds" if entry_type in _HOLDS else entry_type


def merged(movements: Iterable[Movement]) -> list[Movement]:
    """Movements of one day, kind and meter as one, by day in the order in which they came; what
    moved nothing is left out."""
    found: dict[tuple[str, str, str], Movement] = {}
    for each in movements:
        key = (each.day, each.kind, each.of)
        known = found.get(key)
        found[key] = each if known is None else _together(known, each)
    return sorted(
        (each for each in found.values() if any(each.moved) or each.kind == "usage"),
        key=lambda each: each.day,
    )


def _together(one: Movement, more: Movement) -> Movement:
    entries, moved = one.entries + more.entries, one.moved.plus(more.moved)
    return replace(one, entries=entries, moved=moved)


def tied(statement: Statement) -> Statement:
    """The statement, if its arithmetic holds. Raises `LedgerCorrupt`.

    Opening + Σ movements = closing, in every figure, and what the lots have, less overdraft and
    debt, is the closing balance.
    """
    whose = f"{statement.customer_id} in {statement.unit}, {statement.month.name}"
    reached = statement.opening
    for each in statement.movements:
        reached = reached.plus(each.moved)
    if reached != statement.closing:
        raise LedgerCorrupt(
            f"{whose}: movements lead to {reached}, the last entry says {statement.closing}; "
            "run drawdown verify"
        )
    closing = statement.closing
    in_lots = sum(lot.remaining for lot in statement.lots) - closing.overdraft - closing.debt
    if in_lots != closing.balance:
        raise LedgerCorrupt(
            f"{whose}: the lots come to {in_lots} micro-credits, the last entry says "
            f"{closing.balance}; run drawdown verify"
        )
    return statement
