"""The double-entry journal of revenue: one balanced entry for each lot and day.

It is made of the rows of the revenue projection, so a chart of accounts may change without a
rebuild. Debits are positive, credits negative, in minor units of the entry's currency.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from psycopg.rows import dict_row

from drawdown.adapters.postgres.connections import Connection
from drawdown.statements.chart import Chart
from drawdown.statements.rollforward import FIGURES, Span

_PIECE: Final = 5_000
_DAYS: Final = f"""
SELECT day::text AS day, customer_id, unit, lot_id, currency,
    {", ".join(f"{name}_minor AS {name}" for name in FIGURES)}, reasons
FROM days LEFT JOIN LATERAL (
    SELECT jsonb_object_agg(reason, adjustments.adjusted_minor) AS reasons
    FROM adjustments
    WHERE days.adjusted_minor <> 0
        AND (adjustments.customer_id, adjustments.unit, adjustments.lot_id, adjustments.day)
            = (days.customer_id, days.unit, days.lot_id, days.day)
) AS adjusted ON true
WHERE day >= %(start)s AND day < %(until)s AND currency <> '' AND kind <> 'promotional'
    AND (%(customer)s = '' OR customer_id = %(customer)s)
ORDER BY days.day, customer_id, unit, lot_id
"""


class JournalEntry(NamedTuple):
    """One entry: the amounts by account come to 0."""

    day: str
    customer_id: str
    unit: str
    lot_id: str
    currency: str
    amounts: dict[str, int]


def journal(connection: Connection, span: Span, chart: Chart) -> Iterator[JournalEntry]:
    """The entries of a span, by day, customer and lot; days on which no money moved have none."""
    values = {"start": span.start, "until": span.until, "customer": span.customer_id}
    with connection.cursor(name="journal", row_factory=dict_row) as found:
        found.itersize = _PIECE
        for row in found.execute(_DAYS.encode(), values):
            amounts = amounts_of(row, row["reasons"] or {}, chart)
            assert sum(amounts.values()) == 0, f"{row} doesn't balance"
            if amounts:
                key = (row["day"], row["customer_id"], row["unit"], row["lot_id"])
                yield JournalEntry(*key, row["currency"], amounts)


def amounts_of(row: dict[str, Any], reasons: dict[str, int], chart: Chart) -> dict[str, int]:
    """What a day of a lot comes to on each account: debits positive, credits negative."""
    released = sum(
        row[name] for name in ("recognized", "breakage", "refunded", "chargeback", "adjusted")
    )
    moved = [
        (chart.cash, row["billed"] - row["receivable"] - row["returned"] - row["disputed"]),
        (chart.receivable, row["receivable"]),
        (chart.deferred_revenue, released - row["billed"] - row["transferred"]),
        (chart.revenue, -row["recognized"]),
        (chart.breakage_revenue, -row["breakage"]),
        (chart.refunds, row["returned"] - row["refunded"] - row["contra"]),
        (chart.contra_revenue, row["contra"]),
        (chart.chargeback_loss, row["disputed"] - row["chargeback"]),
        (chart.rollover, row["transferred"]),
        *((chart.of_reason(reason), -amount) for reason, amount in reasons.items()),
    ]
    amounts: defaultdict[str, int] = defaultdict(int)
    for account, amount in moved:
        amounts[account] += amount
    return {account: amount for account, amount in amounts.items() if amount}


class TrialBalance:
    """Debits and credits by currency and account; in each currency they are the same."""

    def __init__(self) -> None:
        self.sums: Final[dict[tuple[str, str], list[int]]] = {}

    def add(self, entry: JournalEntry) -> JournalEntry:
        """Add an entry, and hand it on."""
        for account, amount in entry.amounts.items():
            sums = self.sums.setdefault((entry.currency, account), [0, 0])
            sums[amount < 0] += abs(amount)
        return entry

    def out_of_balance(self) -> dict[str, int]:
        """By how much debits exceed credits, by currency; empty: they balance."""
        differences: defaultdict[str, int] = defaultdict(int)
        for (currency, _), (debits, credits) in self.sums.items():
            differences[currency] += debits - credits
        return {currency: each for currency, each in differences.items() if each}


def trial_balance(entries: Iterable[JournalEntry]) -> TrialBalance:
    """The sums of entries."""
    balance = TrialBalance()
    for entry in entries:
        balance.add(entry)
    return balance
