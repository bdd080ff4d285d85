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


def upsert_accounts(cursor: Cursor, entries: Sequence[LedgerEntry]) -> None:
    """Bring each account that the entries touch up to its last of them."""
    rows = [_row(entry) for entry in _newest(entries)]
    if rows:
        cursor.execute(_UPSERT, _ACCOUNTS.arrays(rows))
    changes = _changes(entries)
    if changes:
        cursor.execute(_CHANGE, _CHANGED.arrays(changes))


def _changes(entries: Sequence[LedgerEntry]) -> list[tuple[object, ...]]:
    """What few entries change, by account: reserved room, added up, and whether it is frozen."""
    room: dict[tuple[str, str], int] = {}
    frozen: dict[tuple[str, str], bool] = {}
    for entry in entries:
        facts, details = entry.facts, entry.facts.details
        if details is None or facts.customer_id == PARTITION_CUSTOMER:
            continue
        key = (facts.customer_id, facts.unit)
        if details.reserved_room:
            room[key] = room.get(key, 0) + details.reserved_room
        if details.account_frozen is not None:
            frozen[key] = details.account_frozen
    return [
        (*key, room.get(key, 0), key in frozen, frozen.get(key, False))
        for key in dict.fromkeys((*room, *frozen))
    ]


def _newest(entries: Sequence[LedgerEntry]) -> list[LedgerEntry]:
    """The last entry of each customer's account. `$partition` is no customer."""
    last = {(entry.facts.customer_id, entry.facts.unit): entry for entry in entries}
    return [entry for (customer, _), entry in last.items() if customer != PARTITION_CUSTOMER]


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
