"""The revenue projection: what the entries of a partition write."""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from drawdown.adapters.postgres.connections import Cursor
from drawdown.adapters.postgres.store import Slices
from drawdown.domain.entries import LedgerEntry, PolicyChange
from drawdown.projection.publication import Publication
from drawdown.revenue_projector.book_rows import (
    breakage_changes,
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

    def write(self, cursor: Cursor, slices: Slices) -> None:
        """Write one partition's next entries, each exactly once, in order."""
        rest = iter(slices)
        first = next(rest)
        writing = _Writing(cursor, first[0].source_partition, self._zone)
        for entries in chain((first,), rest):
            # What stands in rows is read for estimates: for all entries at once.
            more = chain.from_iterable(rest) if writing.estimated else ()
            writing.take([*entries, *more])
        writing.keep()


class _Writing:
    """Entries of one partition on their way into rows.

    They are posted and kept until their rows are written, which is before anything that stands
    in rows is read.
    """

    def __init__(self, cursor: Cursor, partition: int, zone: ZoneInfo) -> None:
        self._cursor = cursor
        self._partition = partition
        self._days = OpenDays(zone, closed_until(cursor, partition))
        self.estimated = is_estimated(cursor, partition)
        self._postings = self._posting()

    def take(self, entries: Sequence[LedgerEntry]) -> None:
        """Take the next entries.

        What stands before a change of how breakage is recognized is written before it.
        """
        begin = 0
        for place, change in breakage_changes(entries):
            self._post(entries[begin:place])
            self.keep()
            self._change(entries[place], change)
            begin = place + 1
        self._post(entries[begin:])

    def keep(self) -> None:
        """Write the rows of what was posted."""
        cursor, postings, self._postings = self._cursor, self._postings, self._posting()
        open_lots(cursor, postings.opened)
        add_days(cursor, postings.rows, self._partition)
        add_adjustments(cursor, postings.adjustments, self._partition)
        add_overage(cursor, postings.overage, self._partition)
        write_closes(cursor, postings.closes)

    def _posting(self) -> Postings:
        return Postings(self._days, BreakageRates({}), {}, {})

    def _post(self, entries: Sequence[LedgerEntry]) -> None:
        if not entries:
            return
        rates = self._rates(entries)
        payments, wanted = payments_to_know(entries), lots_to_know(entries, rates)
        if rates.any or payments or wanted:
            self.keep()
            by_payment: dict[LotKey, str] = {}
            if payments:
                by_payment = lots_of_payments(self._cursor, payments) | paid_lots(entries)
            wanted.update((*key[:2], by_payment[key]) for key in payments)
            known = _known(self._cursor, wanted)
            self._postings = Postings(self._days, rates, known, by_payment)
        self._postings.add(entries)

    def _change(self, entry: LedgerEntry, change: PolicyChange) -> None:
        """Change a policy, and true up the lots that it concerns at once."""
        cursor, facts = self._cursor, entry.facts
        change_policy(cursor, entry, change)
        self.estimated = is_estimated(cursor, self._partition)
        day = self._days.of(facts.effective_at)
        for lots in deferred_lots(cursor, self._partition, (facts.customer_id, facts.unit)):
            for key, lot, rate_pico in lots:
                self._postings.true_up(key, lot, rate_pico, day, entry.partition_seq)
            self.keep()

    def _rates(self, entries: Sequence[LedgerEntry]) -> BreakageRates:
        if not self.estimated:
            return BreakageRates({})
        accounts = {(entry.facts.customer_id, entry.facts.unit) for entry in entries}
        return BreakageRates(policies(self._cursor, self._partition, accounts))


def _known(cursor: Cursor, wanted: set[LotKey]) -> dict[LotKey, Figures]:
    """The figures of lots; those that the entries themselves open begin with nothing."""
    known = figures_of(cursor, wanted)
    return known | {key: Figures("", "") for key in wanted - known.keys()}
