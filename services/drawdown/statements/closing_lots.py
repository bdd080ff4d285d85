"""The lots of an account as they stood after one of its entries.

The table knows how they stand now. What moved since is taken back, by what the later entries say;
so a statement of last month costs what happened since, and not the account's whole life.
"""

from typing import Any, Final, NamedTuple

from drawdown.adapters.postgres.connections import Connection
from drawdown.adapters.postgres.snapshots import rows
from drawdown.domain.evolve import MOVES_NO_CREDITS, RESERVING
from drawdown.statements.monthly import ClosingLot

OF_ACCOUNT: Final = "partition = %s AND customer_id = %s AND unit = %s"
"""Finds the entries of an account in its partition's table alone."""


class AccountKey(NamedTuple):
    """What `OF_ACCOUNT` asks for."""

    partition: int
    customer_id: str
    unit: str


_NOW: Final = """
SELECT lot_id, kind, granted, remaining, reserved, expires_at, freezes FROM lots
WHERE customer_id = %s AND unit = %s ORDER BY lot_seq
"""
_OPENED: Final = f"""
SELECT details -> 'lot' ->> 'lot_id' AS lot_id FROM entries
WHERE {OF_ACCOUNT} AND account_seq > %s AND details -> 'lot' IS NOT NULL
"""
_MOVED: Final = f"""
SELECT part ->> 'lot_id' AS lot_id,
    sum(CASE
        WHEN type = ANY(%s) THEN 0
        WHEN type = 'refund' OR (type = 'clawback' AND amount > 0) THEN (part ->> 'amount')::bigint
        ELSE -(part ->> 'amount')::bigint
    END)::bigint AS remaining,
    sum(CASE
        WHEN type = ANY(%s) THEN (part ->> 'amount')::bigint
        WHEN type = ANY(%s) OR (part ->> 'reserved')::boolean THEN -(part ->> 'amount')::bigint
        ELSE 0
    END)::bigint AS reserved
FROM entries, json_array_elements(allocations) AS part
WHERE {OF_ACCOUNT} AND account_seq > %s AND details -> 'lot' IS NULL
    AND type <> ALL(%s)
GROUP BY 1
"""
_CHANGED: Final = f"""
SELECT DISTINCT change ->> 'lot_id' AS lot_id
FROM entries, json_array_elements(details -> 'lot_changes') AS change
WHERE {OF_ACCOUNT} AND account_seq > %s
"""
_TERMS: Final = f"""
SELECT terms ->> 'lot_id' AS lot_id, (terms ->> 'expires_at')::bigint AS expires_at,
    terms -> 'freezes' AS freezes
FROM (
    SELECT account_seq, 0 AS step, details -> 'lot' AS terms FROM entries
    WHERE {OF_ACCOUNT} AND account_seq <= %s
    UNION ALL
    SELECT account_seq, 1, json_array_elements(details -> 'lot_changes') FROM entries
    WHERE {OF_ACCOUNT} AND account_seq <= %s
) AS stated
WHERE terms ->> 'lot_id' = ANY(%s) ORDER BY account_seq, step
"""

_RESERVES: Final = [kind for kind, sign in RESERVING.items() if sign > 0]
_GIVES_BACK: Final = [kind for kind, sign in RESERVING.items() if sign < 0]


def closing_lots(connection: Connection, account: AccountKey, seq: int) -> list[ClosingLot]:
    """The lots that had credits after the account's entry `seq`, in the order of their grants."""
    after = (*account, seq)
    opened = {row["lot_id"] for row in rows(connection, _OPENED, after)}
    kinds = (list(RESERVING), _RESERVES, _GIVES_BACK)
    since = rows(connection, _MOVED, (*kinds, *after, list(MOVES_NO_CREDITS)))
    moved = {row["lot_id"]: row for row in since}
    terms = _terms(connection, account, seq)
    lots = [
        _lot(now, moved.get(now["lot_id"]), terms.get(now["lot_id"]))
        for now in rows(connection, _NOW, account[1:])
        if now["lot_id"] not in opened
    ]
    return [each for each in lots if each.remaining]


def _terms(connection: Connection, account: AccountKey, seq: int) -> dict[str, dict[str, Any]]:
    """The terms of those lots that changed since, as they were stated last before."""
    changed = [row["lot_id"] for row in rows(connection, _CHANGED, (*account, seq))]
    if not changed:
        return {}
    before = (*account, seq)
    return {row["lot_id"]: row for row in rows(connection, _TERMS, (*before, *before, changed))}


def _lot(
    now: dict[str, Any], moved: dict[str, Any] | None, terms: dict[str, Any] | None
) -> ClosingLot:
    stated = now if terms is None else terms
    return ClosingLot(
        lot_id=now["lot_id"],
        kind=now["kind"],
        granted=now["granted"],
        remaining=now["remaining"] - (0 if moved is None else moved["remaining"]),
        reserved=now["reserved"] - (0 if moved is None else moved["reserved"]),
        expires_at=stated["expires_at"],
        frozen=bool(stated["freezes"]),
    )
