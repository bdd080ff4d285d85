"""What a batch of entries does to each lot: credits moved, added up, and terms as they end."""

from collections.abc import Sequence
from typing import Final

from drawdown.domain.entries import EntryFacts, LedgerEntry, LotChange
from drawdown.domain.evolve import (
    MOVES_NO_CREDITS,
    RESERVING,
    SPENDING,
    VOIDING,
    UnknownEntry,
    reinstated_lot,
)

LotKey = tuple[str, str, str]
"""Customer, unit, lot id."""


class Movement:
    """What a batch of entries does to a lot. What remains of it follows from the rest."""

    def __init__(self) -> None:
        self.spent = 0
        self.reserved = 0
        self.expired = 0
        self.voided = 0
        self.clawed_back = 0
        self.released_minor = 0
        self.partition_seq = 0
        self.change: LotChange | None = None
        """Its terms after the batch, where an entry states them."""
        self.repaid_to: int | None = None
        """The debt after the batch's first entry that lowered it, if that is a refund's: the debt
        before it, which only the table knows, tells how many spent credits it clawed back."""

    @property
    def gone(self) -> int:
        """Credits that left the lot."""
        return self.spent + self.expired + self.voided + self.clawed_back

    @property
    def plain(self) -> bool:
        """Whether credits were spent and nothing else happened."""
        return not (self.reserved or self.expired or self.voided or self.clawed_back or self.change)


class LotMovements:
    """Grants by the lot that they open, and movements by lot, of one partition's next entries."""

    def __init__(self) -> None:
        self.opened: Final[dict[LotKey, LedgerEntry]] = {}
        self.moved: Final[dict[LotKey, Movement]] = {}

    def take(self, entries: Sequence[LedgerEntry]) -> None:
        """Take the next entries. Raises `UnknownEntry` for a type of a later version."""
        for entry in entries:
            if entry.facts.type in SPENDING:
                self._spend(entry)
            else:
                self._apply(entry)

    def _of(self, facts: EntryFacts, lot_id: str, partition_seq: int) -> Movement:
        key = (facts.customer_id, facts.unit, lot_id)
        movement = self.moved.get(key)
        if movement is None:
            movement = self.moved[key] = Movement()
        movement.partition_seq = partition_seq
        return movement

    def _spend(self, entry: LedgerEntry) -> None:
        facts = entry.facts
        for part in facts.allocations:
            movement = self._of(facts, part.lot_id, entry.partition_seq)
            movement.spent += part.amount
            movement.released_minor += part.released_minor
            if part.reserved:
                movement.reserved -= part.amount
        if facts.details is not None and facts.details.lot_changes:
            self._change(entry)

    def _apply(self, entry: LedgerEntry) -> None:
        facts = entry.facts
        if facts.details is not None and facts.details.lot is not None:
            self.opened[facts.customer_id, facts.unit, facts.details.lot.lot_id] = entry
        elif facts.type not in MOVES_NO_CREDITS:
            self._move(entry)
        if facts.details is not None and facts.details.lot_changes:
            self._change(entry)

    def _move(self, entry: LedgerEntry) -> None:
        facts = entry.facts
        reinstated = reinstated_lot(facts)
        for part in facts.allocations:
            movement, amount = self._of(facts, part.lot_id, entry.partition_seq), part.amount
            movement.released_minor += part.released_minor
            if facts.type in RESERVING:
                movement.reserved += RESERVING[facts.type] * amount
            elif facts.type == "expiration":
                movement.expired += amount
            elif facts.type in VOIDING:
                movement.voided += amount
            elif facts.type == "clawback" and facts.amount <= 0:
                movement.clawed_back += amount
            elif facts.type == "clawback" and part.lot_id == reinstated:
                movement.clawed_back -= amount
            elif facts.type in ("clawback", "refund"):
                movement.spent -= amount
            else:
                raise UnknownEntry(f"this version can't project an entry of type {facts.type!r}")

    def _change(self, entry: LedgerEntry) -> None:
        facts = entry.facts
        assert facts.details is not None
        for change in facts.details.lot_changes:
            movement = self._of(facts, change.lot_id, entry.partition_seq)
            if change.clawed and _gives_back(facts):
                self._repay(facts, movement, change)
            movement.change = change

    def _repay(self, facts: EntryFacts, movement: Movement, change: LotChange) -> None:
        """Spent credits whose debt fell were clawed back after all."""
        if movement.change is not None:
            fallen = movement.change.debt - change.debt
        elif (facts.customer_id, facts.unit, change.lot_id) in self.opened:
            fallen = 0
        else:
            movement.repaid_to, fallen = change.debt, 0
        movement.spent -= fallen
        movement.clawed_back += fallen


def _gives_back(facts: EntryFacts) -> bool:
    return facts.type == "refund" or (facts.type == "clawback" and facts.amount > 0)
