"""Accounts as rows: the last entry of each states it whole."""

from collections.abc import Sequence
from typing import Final

from drawdown.adapters.postgres.connections import Cursor
from drawdown.adapters.postgres.unnested import Unnested
from drawdown.domain.entries import PARTITION_CUSTOMER, LedgerEntry

_ACCOUNTS: Final = Unnested(
    customer_id="text",
    unit="text",
    balance="bigint",
    held="bigint",
    available="bigint",
    overdraft="bigint",
    debt="bigint",
    overage_total="bigint",
    residue="bigint",
    account_seq="bigint",
    partition="integer",
    partition_seq="bigint",
    updated_at="bigint",
    head="bytea",
)
_UPSERT: Final = f"""
INSERT INTO accounts ({_ACCOUNTS.names}) SELECT {_ACCOUNTS.names} FROM {_ACCOUNTS.rows}
ON CONFLICT (customer_id, unit) DO UPDATE SET
    balance = excluded.balance, held = excluded.held, available = excluded.available,
    overdraft = excluded.overdraft, debt = excluded.debt, overage_total = excluded.overage_total,
    residue = excluded.residue, account_seq = excluded.account_seq,
    partition = excluded.partition, partition_seq = excluded.partition_seq,
    updated_at = excluded.updated_at, head = excluded.head
WHERE accounts.account_seq < excluded.account_seq
"""

_CHANGED: Final = Unnested(
    customer_id="text", unit="text", reserved_room="bigint", changed="boolean", frozen="boolean"
)
_CHANGE: Final = f"""
UPDATE accounts SET
    reserved_room = accounts.reserved_room + rows.reserved_room,
    frozen = CASE WHEN rows.changed THEN rows.frozen ELSE accounts.frozen END
FROM {_CHANGED.rows}
WHERE accounts.customer_id = rows.customer_id AND accounts.unit = rows.unit
"""


AccountKey = tuple[str, str]
"""Customer, unit."""


class AccountRows:
    """The accounts that entries touch. `$partition` is no customer's."""

    def __init__(self) -> None:
        self._last: Final[dict[AccountKey, LedgerEntry]] = {}
        # What few entries change: reserved room, added up, and whether the account is frozen.
        self._room: Final[dict[AccountKey, int]] = {}
        self._frozen: Final[dict[AccountKey, bool]] = {}

    def take(self, entries: Sequence[LedgerEntry]) -> None:
        """Take the next entries."""
        for entry in entries:
            facts, details = entry.facts, entry.facts.details
            if facts.customer_id == PARTITION_CUSTOMER:
                continue
            key = (facts.customer_id, facts.unit)
            self._last[key] = entry
            if details is None:
                continue
            if details.reserved_room:
                self._room[key] = self._room.get(key, 0) + details.reserved_room
            if details.account_frozen is not None:
                self._frozen[key] = details.account_frozen

    def write(self, cursor: Cursor) -> None:
        """Bring each account up to its last entry."""
        if self._last:
            cursor.execute(_UPSERT, _ACCOUNTS.arrays(map(_row, self._last.values())))
        changes = [
            (*key, self._room.get(key, 0), key in self._frozen, self._frozen.get(key, False))
            for key in dict.fromkeys((*self._room, *self._frozen))
        ]
        if changes:
            cursor.execute(_CHANGE, _CHANGED.arrays(changes))


def _row(entry: LedgerEntry) -> tuple[object, ...]:
    f = entry.facts
    return (
        f.customer_id,
        f.unit,
        f.balance,
        f.held,
        f.available,
        f.overdraft,
        f.debt,
        f.overage_total,
        f.residue,
        f.account_seq,
        entry.source_partition,
        entry.partition_seq,
        f.recorded_at,
        entry.hash,
    )
