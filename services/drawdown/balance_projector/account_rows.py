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


def upsert_accounts(cursor: Cursor, entries: Sequence[LedgerEntry]) -> None:
    """Bring each account that the entries touch up to its last of them."""
    rows = [_row(entry) for entry in _newest(entries)]
    if rows:
        cursor.execute(_UPSERT, _ACCOUNTS.arrays(rows))


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
