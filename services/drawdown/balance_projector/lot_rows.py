"""Lots as rows: opened by a grant, moved by the allocations of later entries, changed by them."""

from typing import Final

from drawdown.adapters.postgres.connections import Cursor
from drawdown.adapters.postgres.literals import json_list, json_map
from drawdown.adapters.postgres.unnested import Unnested
from drawdown.domain.entries import LedgerEntry
from drawdown.projection.lot_movements import LotKey, LotMovements, Movement
from drawdown.projection.lot_updates import OF_ITS_LOT, update_lots

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
    reserved="bigint",
    spent="bigint",
    expired="bigint",
    voided="bigint",
    clawed_back="bigint",
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
    opens_at="bigint",
    voids_at="bigint",
    period_at="bigint",
    accepted_at="bigint",
    freezes="jsonb",
    frozen_since="bigint",
    closed="boolean",
    clawed="boolean",
    debt="bigint",
    partition="integer",
    partition_seq="bigint",
)
_OPEN: Final = f"INSERT INTO lots ({_OPENED.names}) SELECT {_OPENED.names} FROM {_OPENED.rows}"

_SPENT: Final = Unnested(
    customer_id="text",
    unit="text",
    lot_id="text",
    spent="bigint",
    released_minor="bigint",
    partition_seq="bigint",
)
_SPEND: Final = f"""
UPDATE lots SET
    remaining = lots.remaining - rows.spent, spent = lots.spent + rows.spent,
    released_minor = lots.released_minor + rows.released_minor, partition_seq = rows.partition_seq
FROM {_SPENT.rows}
WHERE {OF_ITS_LOT}
"""
"""What nearly every lot of a batch needs."""

_MOVED: Final = Unnested(
    customer_id="text",
    unit="text",
    lot_id="text",
    gone="bigint",
    spent="bigint",
    reserved="bigint",
    expired="bigint",
    voided="bigint",
    clawed_back="bigint",
    released_minor="bigint",
    partition_seq="bigint",
    repaid_to="bigint",
    changed="boolean",
    expires_at="bigint",
    freezes="jsonb",
    frozen_since="bigint",
    closed="boolean",
    clawed="boolean",
    debt="bigint",
)
_REPAID: Final = "(lots.debt - coalesce(rows.repaid_to, lots.debt))"
_MOVE: Final = f"""
UPDATE lots SET
    remaining = lots.remaining - rows.gone,
    spent = lots.spent + rows.spent - {_REPAID},
    reserved = lots.reserved + rows.reserved,
    expired = lots.expired + rows.expired,
    voided = lots.voided + rows.voided,
    clawed_back = lots.clawed_back + rows.clawed_back + {_REPAID},
    released_minor = lots.released_minor + rows.released_minor,
    partition_seq = rows.partition_seq,
    expires_at = CASE WHEN rows.changed THEN rows.expires_at ELSE lots.expires_at END,
    freezes = CASE WHEN rows.changed THEN rows.freezes ELSE lots.freezes END,
    frozen_since = CASE WHEN rows.changed THEN rows.frozen_since ELSE lots.frozen_since END,
    closed = CASE WHEN rows.changed THEN rows.closed ELSE lots.closed END,
    clawed = CASE WHEN rows.changed THEN rows.clawed ELSE lots.clawed END,
    debt = CASE WHEN rows.changed THEN rows.debt ELSE lots.debt END
FROM {_MOVED.rows}
WHERE {OF_ITS_LOT}
"""


def write_lots(cursor: Cursor, movements: LotMovements) -> None:
    """Open, move and change lots. Raises `LedgerCorrupt` for a lot that no grant opened."""
    opened, moved = movements.opened, movements.moved
    if opened:
        rows = (_opened(entry, moved.get(key, Movement())) for key, entry in opened.items())
        cursor.execute(_OPEN, _OPENED.arrays(rows))
    older = [(key, movement) for key, movement in moved.items() if key not in opened]
    update_lots(cursor, _SPEND, _SPENT, [_spent(*each) for each in older if each[1].plain])
    update_lots(cursor, _MOVE, _MOVED, [_moved(*each) for each in older if not each[1].plain])


def _spent(key: LotKey, movement: Movement) -> tuple[object, ...]:
    return (*key, movement.spent, movement.released_minor, movement.partition_seq)


def _moved(key: LotKey, movement: Movement) -> tuple[object, ...]:
    change = movement.change
    terms: tuple[object, ...] = (False, None, "[]", None, False, False, 0)
    if change is not None:
        freezes = json_list(change.freezes)
        terms = (True, change.expires_at, freezes, change.frozen_since)
        terms += (change.closed, change.clawed, change.debt)
    return (
        *key,
        movement.gone,
        movement.spent,
        movement.reserved,
        movement.expired,
        movement.voided,
        movement.clawed_back,
        movement.released_minor,
        movement.partition_seq,
        movement.repaid_to,
        *terms,
    )


def _opened(entry: LedgerEntry, since: Movement) -> tuple[object, ...]:
    """A lot as a batch that opens it leaves it."""
    facts = entry.facts
    assert facts.details is not None
    terms, change = facts.details.lot, since.change
    assert terms is not None
    freezes = terms.freezes if change is None else change.freezes
    accepted_at = min(facts.recorded_at, facts.effective_at)
    frozen_since = accepted_at if terms.freezes else None
    return (
        facts.customer_id,
        facts.unit,
        terms.lot_id,
        terms.lot_seq,
        terms.kind,
        facts.reason,
        terms.campaign,
        facts.amount,
        facts.amount - since.gone,
        since.reserved,
        since.spent,
        since.expired,
        since.voided,
        since.clawed_back,
        terms.price_minor,
        terms.currency,
        terms.list_price_minor,
        since.released_minor,
        terms.priority,
        json_list(terms.meters),
        json_map(terms.properties),
        terms.effective_at,
        terms.expires_at if change is None else change.expires_at,
        terms.payment_id,
        terms.referral_id,
        terms.opens_at,
        terms.voids_at,
        terms.period_at,
        accepted_at,
        json_list(freezes),
        frozen_since if change is None else change.frozen_since,
        change is not None and change.closed,
        change is not None and change.clawed,
        0 if change is None else change.debt,
        entry.source_partition,
        max(entry.partition_seq, since.partition_seq),
    )
