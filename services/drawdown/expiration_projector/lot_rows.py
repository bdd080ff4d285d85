"""Lots as rows: opened by a grant, moved by later entries, and watched while they expire."""

from collections.abc import Mapping, Sequence
from typing import Final

from drawdown.adapters.postgres.connections import Cursor
from drawdown.adapters.postgres.literals import json_list
from drawdown.adapters.postgres.unnested import Unnested
from drawdown.domain.entries import LedgerEntry
from drawdown.domain.reminders import WeekOf
from drawdown.expiration_projector.watched_lots import Told, WatchedLot, WatchedLots
from drawdown.projection.lot_movements import LotKey, LotMovements, Movement
from drawdown.projection.lot_updates import OF_ITS_LOT, update_lots

_WATCHED: Final = {
    "customer_id": "text",
    "unit": "text",
    "lot_id": "text",
    "remaining": "bigint",
    "reserved": "bigint",
    "released_minor": "bigint",
    "expires_at": "bigint",
    "freezes": "jsonb",
    "frozen_since": "bigint",
    "next_due_at": "bigint",
    "week_starts_at": "bigint",
    "updated_at": "bigint",
    "partition_seq": "bigint",
}
_OPENED: Final = Unnested(
    **_WATCHED,
    lot_seq="bigint",
    kind="text",
    reason="text",
    campaign="text",
    granted="bigint",
    price_minor="bigint",
    currency="text",
    effective_at="bigint",
    partition="integer",
)
_OPEN: Final = f"INSERT INTO lots ({_OPENED.names}) SELECT {_OPENED.names} FROM {_OPENED.rows}"

_ASKED: Final = Unnested(
    place="integer", customer_id="text", unit="text", lot_id="text", changed="boolean"
)
_ASK: Final = f"""
SELECT place, remaining, reserved, released_minor, expires_at, freezes, frozen_since, next_due_at,
    week_starts_at
FROM {_ASKED.rows} JOIN lots USING (customer_id, unit, lot_id)
WHERE rows.changed OR lots.next_due_at < %s
"""

_SET: Final = Unnested(**_WATCHED)
_SET_ROWS: Final = f"""
UPDATE lots SET
    remaining = rows.remaining, reserved = rows.reserved, released_minor = rows.released_minor,
    expires_at = rows.expires_at, freezes = rows.freezes, frozen_since = rows.frozen_since,
    next_due_at = rows.next_due_at, week_starts_at = rows.week_starts_at,
    updated_at = rows.updated_at, partition_seq = rows.partition_seq
FROM {_SET.rows}
WHERE {OF_ITS_LOT}
"""

_MOVED: Final = Unnested(
    customer_id="text",
    unit="text",
    lot_id="text",
    gone="bigint",
    reserved="bigint",
    released_minor="bigint",
    updated_at="bigint",
    partition_seq="bigint",
)
_MOVE: Final = f"""
UPDATE lots SET
    remaining = lots.remaining - rows.gone, reserved = lots.reserved + rows.reserved,
    released_minor = lots.released_minor + rows.released_minor, updated_at = rows.updated_at,
    partition_seq = rows.partition_seq
FROM {_MOVED.rows}
WHERE {OF_ITS_LOT}
"""
"""What nearly every lot of a batch needs."""

_TOLD: Final = Unnested(
    customer_id="text",
    unit="text",
    lot_id="text",
    expires_at="bigint",
    days="integer",
    due_at="bigint",
    amount="bigint",
    partition="integer",
    partition_seq="bigint",
)
_TELL: Final = f"""
INSERT INTO reminders_told ({_TOLD.names}) SELECT {_TOLD.names} FROM {_TOLD.rows}
ON CONFLICT (customer_id, unit, lot_id, expires_at, days) DO NOTHING
"""
"""A date that was set back asks again for what was told; each fact is told once."""


def write_lots(cursor: Cursor, entries: Sequence[LedgerEntry], week_of: WeekOf) -> None:
    """Open, move and change the lots of one partition's entries, and tell what became due.

    Raises `UnknownEntry` for a type of a later version, `LedgerCorrupt` for a lot that no grant
    opened.
    """
    movements = LotMovements()
    movements.take(entries)
    opened, moved = movements.opened, movements.moved
    older = {key: movement for key, movement in moved.items() if key not in opened}
    asked = _asked(cursor, older, max(each.facts.recorded_at for each in entries))
    watched = WatchedLots(asked, week_of)
    plain = [(key, movement) for key, movement in older.items() if key not in asked]
    set_keys = list(asked)
    if asked or opened:
        watched.take(entries)
    lasts = _Lasts(entries, moved)
    if opened:
        rows = (_opened(key, watched.lots[key], entry, lasts) for key, entry in opened.items())
        cursor.execute(_OPEN, _OPENED.arrays(rows))
    update_lots(
        cursor, _SET_ROWS, _SET, [_watched(key, watched.lots[key], lasts) for key in set_keys]
    )
    update_lots(cursor, _MOVE, _MOVED, [_moved(key, movement, lasts) for key, movement in plain])
    _tell(cursor, watched.told)


def _asked(
    cursor: Cursor, moved: Mapping[LotKey, Movement], until: int
) -> dict[LotKey, WatchedLot]:
    """Of these lots those that change, or that ask for something before `until` (µs)."""
    if not moved:
        return {}
    keys = list(moved)
    rows = ((n, *key, moved[key].change is not None) for n, key in enumerate(keys))
    found = cursor.execute(_ASK, [*_ASKED.arrays(rows), until]).fetchall()
    return {keys[place]: WatchedLot(*lot) for place, *lot in found}


class _Lasts:
    """The last entry that touches each lot: when it was recorded, and its place."""

    def __init__(self, entries: Sequence[LedgerEntry], moved: Mapping[LotKey, Movement]) -> None:
        self._first_seq = entries[0].partition_seq
        self._entries = entries
        self._moved = moved

    def of(self, key: LotKey, opening: LedgerEntry | None = None) -> tuple[int, int]:
        """Its `recorded_at` and `partition_seq`."""
        movement = self._moved.get(key)
        if movement is None:
            assert opening is not None, "an older lot is moved"
            return opening.facts.recorded_at, opening.partition_seq
        seq = movement.partition_seq
        return self._entries[seq - self._first_seq].facts.recorded_at, seq


def _tell(cursor: Cursor, told: Sequence[Told]) -> None:
    if told:
        cursor.execute(_TELL, _TOLD.arrays(told))


def _moved(key: LotKey, movement: Movement, lasts: _Lasts) -> tuple[object, ...]:
    return (*key, movement.gone, movement.reserved, movement.released_minor, *lasts.of(key))


def _watched(
    key: LotKey, lot: WatchedLot, lasts: _Lasts, opening: LedgerEntry | None = None
) -> tuple[object, ...]:
    return (
        *key,
        lot.remaining,
        lot.reserved,
        lot.released_minor,
        lot.expires_at,
        json_list(lot.freezes),
        lot.frozen_since,
        lot.next_due_at,
        lot.week_starts_at,
        *lasts.of(key, opening),
    )


def _opened(
    key: LotKey, lot: WatchedLot, opening: LedgerEntry, lasts: _Lasts
) -> tuple[object, ...]:
    facts = opening.facts
    assert facts.details is not None
    terms = facts.details.lot
    assert terms is not None
    return (
        *_watched(key, lot, lasts, opening),
        terms.lot_seq,
        terms.kind,
        facts.reason,
        terms.campaign,
        facts.amount,
        terms.price_minor,
        terms.currency,
        terms.effective_at,
        opening.source_partition,
    )
