"""Lots as rows: opened by a grant, moved by the allocations of later entries."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from drawdown.adapters.postgres.connections import Cursor
from drawdown.adapters.postgres.literals import json_list, json_map
from drawdown.adapters.postgres.unnested import Unnested
from drawdown.domain.entries import LedgerEntry
from drawdown.domain.evolve import UnknownEntry
from drawdown.errors import LedgerCorrupt

LotKey = tuple[str, str, str]
"""Customer, unit, lot id."""

SPENDING: Final = frozenset({"deduction", "overdraft_settled"})
"""Entries whose allocations are spent."""
UNMOVING: Final = frozenset({"rejected", "policy_changed", "rate_card_applied"})
"""Entries that touch no lot."""

_OPENED: Final = Unnested(
    customer_id="text",
    unit="text",
    lot_id="text",
    lot_seq="bigint",
    kind="text",
    reason="text",
    campaign="text",
    granted="bigint",
    remaining="bigint",
    spent="bigint",
    price_minor="bigint",
    currency="text",
    list_price_minor="bigint",
    released_minor="bigint",
    priority="integer",
    meters="jsonb",
    properties="jsonb",
    effective_at="bigint",
    expires_at="bigint",
    payment_id="text",
    referral_id="text",
    accepted_at="bigint",
    freezes="jsonb",
    partition="integer",
    partition_seq="bigint",
)
_OPEN: Final = f"""
INSERT INTO lots ({_OPENED.names}, reserved, expired, voided, clawed_back, closed)
SELECT {_OPENED.names}, 0, 0, 0, 0, false FROM {_OPENED.rows}
"""
_MOVED: Final = Unnested(
    customer_id="text",
    unit="text",
    lot_id="text",
    spent="bigint",
    released_minor="bigint",
    partition_seq="bigint",
)
_MOVE: Final = f"""
UPDATE lots SET
    remaining = lots.remaining - rows.spent, spent = lots.spent + rows.spent,
    released_minor = lots.released_minor + rows.released_minor, partition_seq = rows.partition_seq
FROM {_MOVED.rows}
WHERE lots.customer_id = rows.customer_id AND lots.unit = rows.unit AND lots.lot_id = rows.lot_id
"""


@dataclass(slots=True)
class Movement:
    """What a batch of entries does to a lot."""

    spent: int = 0
    released_minor: int = 0
    partition_seq: int = 0


def write_lots(cursor: Cursor, entries: Sequence[LedgerEntry]) -> None:
    """Open and move the lots of one partition's entries.

    Raises `UnknownEntry` for a type of a later version, `LedgerCorrupt` for a lot that no grant
    opened.
    """
    opened, moved = lot_changes(entries)
    if opened:
        cursor.execute(_OPEN, _OPENED.arrays(_opened(entry, moved) for entry in opened.values()))
    rows = [
        (*key, movement.spent, movement.released_minor, movement.partition_seq)
        for key, movement in moved.items()
        if key not in opened
    ]
    if rows:
        cursor.execute(_MOVE, _MOVED.arrays(rows))
        if cursor.rowcount != len(rows):
            raise LedgerCorrupt(f"{len(rows) - cursor.rowcount} lots were drawn on but not granted")


def lot_changes(
    entries: Sequence[LedgerEntry],
) -> tuple[dict[LotKey, LedgerEntry], dict[LotKey, Movement]]:
    """The grants by the lot they open, and what the entries do to each lot."""
    opened: dict[LotKey, LedgerEntry] = {}
    moved: dict[LotKey, Movement] = {}
    for entry in entries:
        facts = entry.facts
        if facts.type in SPENDING:
            for part in facts.allocations:
                key = (facts.customer_id, facts.unit, part.lot_id)
                movement = moved.get(key)
                if movement is None:
                    movement = moved[key] = Movement()
                movement.spent += part.amount
                movement.released_minor += part.released_minor
                movement.partition_seq = entry.partition_seq
        elif facts.type == "grant":
            assert facts.details is not None
            assert facts.details.lot is not None
            opened[facts.customer_id, facts.unit, facts.details.lot.lot_id] = entry
        elif facts.type not in UNMOVING:
            raise UnknownEntry(f"this version can't project an entry of type {facts.type!r}")
    return opened, moved


def _opened(entry: LedgerEntry, moved: dict[LotKey, Movement]) -> tuple[object, ...]:
    facts = entry.facts
    assert facts.details is not None
    terms = facts.details.lot
    assert terms is not None
    since = moved.get((facts.customer_id, facts.unit, terms.lot_id), Movement())
    return (
        facts.customer_id,
        facts.unit,
        terms.lot_id,
        terms.lot_seq,
        terms.kind,
        facts.reason,
        terms.campaign,
        facts.amount,
        facts.amount - since.spent,
        since.spent,
        terms.price_minor,
        terms.currency,
        terms.list_price_minor,
        since.released_minor,
        terms.priority,
        json_list(terms.meters),
        json_map(terms.properties),
        terms.effective_at,
        terms.expires_at,
        terms.payment_id,
        terms.referral_id,
        facts.recorded_at,
        json_list(terms.freezes),
        entry.source_partition,
        max(entry.partition_seq, since.partition_seq),
    )
