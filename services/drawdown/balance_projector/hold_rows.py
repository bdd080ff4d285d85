"""Holds as rows: the last entry about each states it whole."""

from collections.abc import Sequence
from typing import Final

from drawdown.adapters.postgres.connections import Cursor
from drawdown.adapters.postgres.literals import json_map
from drawdown.adapters.postgres.unnested import Unnested
from drawdown.domain.entries import HoldState, LedgerEntry

_HOLDS: Final = Unnested(
    customer_id="text",
    unit="text",
    hold_id="text",
    state="text",
    meter="text",
    properties="jsonb",
    reserved="bigint",
    reserved_room="bigint",
    placed_at="bigint",
    expires_at="bigint",
    partition="integer",
    partition_seq="bigint",
)
_UPSERT: Final = f"""
INSERT INTO holds ({_HOLDS.names}) SELECT {_HOLDS.names} FROM {_HOLDS.rows}
ON CONFLICT (customer_id, unit, hold_id) DO UPDATE SET
    state = excluded.state, reserved = excluded.reserved, reserved_room = excluded.reserved_room,
    expires_at = excluded.expires_at, partition_seq = excluded.partition_seq
WHERE holds.partition_seq < excluded.partition_seq
"""

HoldKey = tuple[str, str, str]
"""Customer, unit, hold id."""


class HoldRows:
    """The holds that entries are about."""

    def __init__(self) -> None:
        self._last: Final[dict[HoldKey, tuple[LedgerEntry, HoldState]]] = {}

    def take(self, entries: Sequence[LedgerEntry]) -> None:
        """Take the next entries."""
        for entry in entries:
            details = entry.facts.details
            if details is not None and details.hold is not None:
                facts, hold = entry.facts, details.hold
                self._last[facts.customer_id, facts.unit, hold.hold_id] = (entry, hold)

    def write(self, cursor: Cursor) -> None:
        """Bring each hold up to the last entry about it."""
        if self._last:
            cursor.execute(_UPSERT, _HOLDS.arrays(_row(*each) for each in self._last.values()))


def _row(entry: LedgerEntry, hold: HoldState) -> tuple[object, ...]:
    return (
        entry.facts.customer_id,
        entry.facts.unit,
        hold.hold_id,
        hold.state,
        hold.meter,
        json_map(hold.properties),
        hold.reserved,
        hold.reserved_room,
        hold.placed_at,
        hold.expires_at,
        entry.source_partition,
        entry.partition_seq,
    )
