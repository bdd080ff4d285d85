"""What of a partition's books stands in rows: periods that were closed, breakage policies."""

from collections.abc import Collection, Iterator, Sequence
from typing import Final

from drawdown.adapters.postgres.connections import Cursor
from drawdown.adapters.postgres.unnested import Unnested
from drawdown.domain.entries import LedgerEntry, PolicyChange
from drawdown.revenue_projector.breakage import (
    DEFAULT,
    NO_POLICY,
    AccountKey,
    BreakagePolicy,
    rate_of,
)
from drawdown.revenue_projector.day_rows import SUMS
from drawdown.revenue_projector.figures import Figures, LotKey, summed

_CLOSED: Final = Unnested(
    partition="integer",
    closed_until="bigint",
    partition_seq="bigint",
    recorded_at="bigint",
    reason="text",
    actor="text",
)
_CLOSE: Final = f"INSERT INTO closes ({_CLOSED.names}) SELECT {_CLOSED.names} FROM {_CLOSED.rows}"
_CLOSED_UNTIL: Final = "SELECT coalesce(max(closed_until), 0) FROM closes WHERE partition = %s"

_CHANGE: Final = """
INSERT INTO breakage_policies AS old VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (partition, customer_id, unit) DO UPDATE SET
    method = coalesce(excluded.method, old.method),
    rate_pico = coalesce(excluded.rate_pico, old.rate_pico),
    partition_seq = excluded.partition_seq
"""
_ACCOUNTS: Final = Unnested(customer_id="text", unit="text")
_POLICIES: Final = f"""
SELECT customer_id, unit, method, rate_pico
FROM breakage_policies JOIN {_ACCOUNTS.rows} USING (customer_id, unit)
WHERE partition = %s
"""
_ESTIMATED: Final = """
SELECT EXISTS (SELECT FROM breakage_policies WHERE partition = %s AND method = 'proportional')
"""
_DEFERRED: Final = f"""
SELECT customer_id, unit, lot_id, days.kind, days.currency, own.method, own.rate_pico, {SUMS}
FROM days LEFT JOIN breakage_policies own USING (partition, customer_id, unit)
WHERE days.partition = %s AND (%s OR (customer_id = %s AND unit = %s))
GROUP BY customer_id, unit, lot_id, days.kind, days.currency, own.method, own.rate_pico
HAVING sum(spent) > 0 AND (sum(advance_minor) <> 0 OR sum(
    billed_minor + transferred_minor - recognized_minor - breakage_minor - refunded_minor
    - chargeback_minor - adjusted_minor) > 0)
"""
_PIECE: Final = 2_000


def closed_until(cursor: Cursor, partition: int) -> int:
    """Up to when the partition's books are closed (µs); 0: nothing is."""
    row = cursor.execute(_CLOSED_UNTIL, [partition]).fetchone()
    return 0 if row is None else int(row[0])


def write_closes(cursor: Cursor, closes: Sequence[LedgerEntry]) -> None:
    """Note periods that were closed."""
    rows = [
        (
            entry.source_partition,
            entry.facts.details.closed_until,
            entry.partition_seq,
            entry.facts.recorded_at,
            entry.facts.reason,
            entry.facts.actor,
        )
        for entry in closes
        if entry.facts.details is not None
    ]
    if rows:
        cursor.execute(_CLOSE, _CLOSED.arrays(rows))


def breakage_changes(entries: Sequence[LedgerEntry]) -> list[tuple[int, PolicyChange]]:
    """Which of these entries change how breakage is recognized, by their places, and to what."""
    return [
        (place, change)
        for place, entry in enumerate(entries)
        if (change := _breakage_change(entry)) is not None
    ]


def _breakage_change(entry: LedgerEntry) -> PolicyChange | None:
    details = entry.facts.details
    change = None if details is None else details.policy
    if change is None or (change.breakage_method is None and change.breakage_rate_pico is None):
        return None
    return change


def change_policy(cursor: Cursor, entry: LedgerEntry, change: PolicyChange) -> None:
    """Note what a policy says from now on; what it leaves out keeps its value."""
    facts = entry.facts
    said = (change.breakage_method, change.breakage_rate_pico, entry.partition_seq)
    cursor.execute(_CHANGE, (entry.source_partition, facts.customer_id, facts.unit, *said))


def is_estimated(cursor: Cursor, partition: int) -> bool:
    """Whether any policy of the partition recognizes breakage before it happens."""
    row = cursor.execute(_ESTIMATED, [partition]).fetchone()
    return bool(row is not None and row[0])


def policies(
    cursor: Cursor, partition: int, accounts: Collection[AccountKey]
) -> dict[AccountKey, BreakagePolicy]:
    """The policies of these accounts, and the partition's default, where there are any."""
    wanted = _ACCOUNTS.arrays(sorted({DEFAULT, *accounts}))
    found = cursor.execute(_POLICIES, [*wanted, partition])
    return {(row[0], row[1]): BreakagePolicy(row[2], row[3]) for row in found}


def deferred_lots(
    cursor: Cursor, partition: int, account: AccountKey
) -> Iterator[list[tuple[LotKey, Figures, int]]]:
    """Lots of an account, or of the whole partition for its default, whose advance breakage may
    have to change: their figures and the rate (10⁻¹²) now in force, some at a time."""
    default = policies(cursor, partition, ()).get(DEFAULT, NO_POLICY)
    # They are read while their days are written: the cursor shows them as they were.
    with cursor.connection.cursor(name="deferred_lots") as found:
        found.execute(_DEFERRED.encode(), [partition, account == DEFAULT, *account])
        while rows := found.fetchmany(_PIECE):
            yield [
                (
                    (row[0], row[1], row[2]),
                    summed(row[3], row[4], tuple(row[7:])),
                    rate_of(BreakagePolicy(row[5], row[6]), default),
                )
                for row in rows
            ]
