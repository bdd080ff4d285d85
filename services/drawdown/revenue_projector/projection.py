"""The revenue projection: what the entries of a partition write."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from drawdown.adapters.postgres.connections import Cursor
from drawdown.domain.entries import LedgerEntry, PolicyChange
from drawdown.projection.publication import Publication
from drawdown.revenue_projector.book_rows import (
    breakage_change,
    change_policy,
    closed_until,
    deferred_lots,
    is_estimated,
    policies,
    write_closes,
)
from drawdown.revenue_projector.breakage import BreakageRates
from drawdown.revenue_projector.day_rows import add_days, figures_of
from drawdown.revenue_projector.days import OpenDays
from drawdown.revenue_projector.figures import Figures, LotKey
from drawdown.revenue_projector.lot_rows import (
    add_adjustments,
    add_overage,
    lots_of_payments,
    open_lots,
)
from drawdown.revenue_projector.postings import (
    Postings,
    lots_to_know,
    paid_lots,
    payments_to_know,
)


class RevenueProjection:
    """Deferred and released revenue by lot and day, adjustments by reason, overage."""

    name: Final = "revenue"
    migrations: Final = Path(__file__).parent / "migrations"

    def __init__(self, *, zone: ZoneInfo, publication: Publication | None = None) -> None:
        """`zone` is the reporting zone, whose days revenue falls on."""
        self._zone = zone
        self.publication: Final = publication

    def write(self, cursor: Cursor, entries: Sequence[LedgerEntry]) -> None:
        """Write one partition's next entries, each exactly once, in order.

        What stands before a change of how breakage is recognized is written before it.
        """
        days = OpenDays(self._zone, closed_until(cursor, entries[0].source_partition))
        begin = 0
        for place, entry in enumerate(entries):
            change = breakage_change(entry)
            if change is not None:
                self._write(cursor, entries[begin:place], days)
                self._change(cursor, entry, change, days)
                begin = place + 1
        self._write(cursor, entries[begin:], days)

    def _write(self, cursor: Cursor, entries: Sequence[LedgerEntry], days: OpenDays) -> None:
        if not entries:
            return
        partition = entries[0].source_partition
        rates = _rates(cursor, partition, entries)
        payments = payments_to_know(entries)
        by_payment = lots_of_payments(cursor, payments) if payments else {}
        by_payment.update(paid_lots(entries) if payments else {})
        wanted = lots_to_know(entries, rates)
        wanted.update((*key[:2], by_payment[key]) for key in payments)
        postings = Postings(days, rates, _known(cursor, wanted), by_payment)
        postings.add(entries)
        _keep(cursor, postings, partition)

    def _change(
        self, cursor: Cursor, entry: LedgerEntry, change: PolicyChange, days: OpenDays
    ) -> None:
        """Change a policy, and true up the lots that it concerns at once."""
        partition, facts = entry.source_partition, entry.facts
        change_policy(cursor, entry, change)
        day = days.of(facts.effective_at)
        for lots in deferred_lots(cursor, partition, (facts.customer_id, facts.unit)):
            postings = Postings(days, BreakageRates({}), {}, {})
            for key, lot, rate_pico in lots:
                postings.true_up(key, lot, rate_pico, day, entry.partition_seq)
            _keep(cursor, postings, partition)


def _rates(cursor: Cursor, partition: int, entries: Sequence[LedgerEntry]) -> BreakageRates:
    if not is_estimated(cursor, partition):
        return BreakageRates({})
    accounts = {(entry.facts.customer_id, entry.facts.unit) for entry in entries}
    return BreakageRates(policies(cursor, partition, accounts))


def _known(cursor: Cursor, wanted: set[LotKey]) -> dict[LotKey, Figures]:
    """The figures of lots; those that the entries themselves open begin with nothing."""
    known = figures_of(cursor, wanted)
    return known | {key: Figures("", "") for key in wanted - known.keys()}


def _keep(cursor: Cursor, postings: Postings, partition: int) -> None:
    open_lots(cursor, postings.opened)
    add_days(cursor, postings.rows, partition)
    add_adjustments(cursor, postings.adjustments, partition)
    add_overage(cursor, postings.overage, partition)
    write_closes(cursor, postings.closes)
