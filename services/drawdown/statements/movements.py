"""A month's movements from the balance projection's entries, added up by the database."""

from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from drawdown.adapters.postgres.connections import Connection
from drawdown.adapters.postgres.snapshots import rows
from drawdown.domain.numbers import MINUTE_US
from drawdown.statements.closing_lots import OF_ACCOUNT, AccountKey, closing_lots
from drawdown.statements.monthly import (
    NOTHING,
    Figures,
    Movement,
    Statement,
    kind_of,
    merged,
    tied,
)
from drawdown.statements.months import Month, day_of

_QUARTER_US: Final = 15 * MINUTE_US
"""Every zone's days begin at a whole quarter of an hour UTC."""

_FOUND: Final = "SELECT partition FROM accounts WHERE customer_id = %s AND unit = %s"
_FOLLOWING: Final = f"""
SELECT account_seq FROM entries WHERE {OF_ACCOUNT} AND recorded_at >= %s
ORDER BY account_seq LIMIT 1
"""
_LAST: Final = f"""
SELECT account_seq FROM entries WHERE {OF_ACCOUNT}
ORDER BY account_seq DESC LIMIT 1
"""
_STATED: Final = f"""
SELECT balance, held, overdraft, debt, overage_total, available FROM entries
WHERE {OF_ACCOUNT} AND account_seq = %s
"""
_MOVED: Final = f"""
WITH month AS (
    SELECT
        account_seq, type, amount,
        max(recorded_at) OVER ordered / {_QUARTER_US} AS quarter,
        held - lag(held, 1, %s) OVER ordered AS held,
        overdraft - lag(overdraft, 1, %s) OVER ordered AS overdraft,
        debt - lag(debt, 1, %s) OVER ordered AS debt,
        overage_total - lag(overage_total, 1, %s) OVER ordered AS overage_total,
        coalesce(
            charge ->> 'meter', details -> 'hold' ->> 'meter', details -> 'lot' ->> 'kind',
            CASE WHEN type <> 'adjustment' THEN allocations -> 0 ->> 'kind' END, ''
        ) AS of
    FROM entries
    WHERE {OF_ACCOUNT} AND account_seq > %s AND account_seq <= %s
    WINDOW ordered AS (ORDER BY account_seq)
)
SELECT
    quarter, type, of, count(*) AS entries, sum(amount)::bigint AS balance,
    sum(held)::bigint AS held, sum(overdraft)::bigint AS overdraft, sum(debt)::bigint AS debt,
    sum(overage_total)::bigint AS overage_total
FROM month GROUP BY quarter, type, of ORDER BY quarter, min(account_seq)
"""


class _Stated(NamedTuple):
    """What an entry says that the account has after it."""

    figures: Figures
    available: int


def read_statement(
    connection: Connection, customer_id: str, unit: str, month: Month, zone: ZoneInfo
) -> Statement | None:
    """The month of an account, its arithmetic checked; None: there is no such account.

    `connection` reads one snapshot of the balance projection. The account's entries before the
    month are passed over by the index, to find where it begins. Raises `LedgerCorrupt`.
    """
    found = rows(connection, _FOUND, (customer_id, unit))
    if not found:
        return None
    account = AccountKey(found[0]["partition"], customer_id, unit)
    opening_seq, _ = _last_before(connection, account, month.starts_at)
    closing_seq, final = _last_before(connection, account, month.ends_at)
    opening = _stated(connection, account, opening_seq)
    closing = _stated(connection, account, closing_seq)
    started = opening.figures
    before = (started.held, started.overdraft, started.debt, started.overage_total)
    moved = rows(connection, _MOVED, (*before, *account, opening_seq, closing_seq))
    return tied(
        Statement(
            customer_id=customer_id,
            unit=unit,
            month=month,
            opening=opening.figures,
            movements=merged(_movement(row, zone) for row in moved),
            closing=closing.figures,
            available=closing.available,
            lots=closing_lots(connection, account, closing_seq),
            opening_seq=opening_seq,
            closing_seq=closing_seq,
            final=final,
        )
    )


def _last_before(connection: Connection, account: AccountKey, at: int) -> tuple[int, bool]:
    """The account's last entry before the first one recorded at or after `at` (µs), 0 for none;
    and whether there is such a one."""
    if following := rows(connection, _FOLLOWING, (*account, at)):
        return following[0]["account_seq"] - 1, True
    return rows(connection, _LAST, account)[0]["account_seq"], False


def _stated(connection: Connection, account: AccountKey, seq: int) -> _Stated:
    if seq == 0:
        return _Stated(NOTHING, 0)
    [row] = rows(connection, _STATED, (*account, seq))
    return _Stated(_figures(row), row["available"])


def _movement(row: dict[str, Any], zone: ZoneInfo) -> Movement:
    return Movement(
        day=day_of(row["quarter"] * _QUARTER_US, zone),
        kind=kind_of(row["type"]),
        of=row["of"],
        entries=row["entries"],
        moved=_figures(row),
    )


def _figures(row: dict[str, Any]) -> Figures:
    return Figures(*(row[name] for name in Figures._fields))
