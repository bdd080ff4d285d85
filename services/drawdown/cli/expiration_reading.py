"""Reads of the expiration projection: what expires in a while, what has, and reminders."""

from dataclasses import dataclass
from typing import Any, Final

from drawdown.adapters.kafka.partitioner import partition_of
from drawdown.adapters.kafka.topics import ledger_partitions
from drawdown.cli.output import out
from drawdown.cli.reading import Freshness, ProjectionReads
from drawdown.domain.numbers import DAY_US, round_half_even
from drawdown.domain.reminders import THRESHOLDS_DAYS, Reminder
from drawdown.settings import Settings

_EXPIRING: Final = """
SELECT customer_id, unit, lot_id, kind, remaining - reserved AS amount, reserved, expires_at,
    currency, price_minor, granted, remaining, released_minor
FROM lots
WHERE expires_at >= %(start)s AND expires_at < %(until)s AND remaining > reserved
    AND freezes = '[]' AND (%(customer)s = '' OR customer_id = %(customer)s)
ORDER BY expires_at, customer_id, unit, lot_seq
"""
_EXPIRED: Final = """
SELECT e.customer_id, e.unit, e.lot_id, l.kind, e.amount, 0 AS reserved,
    e.expired_at AS expires_at, e.currency, e.breakage_minor
FROM expirations e JOIN lots l USING (customer_id, unit, lot_id)
WHERE e.expired_at >= %(start)s AND e.expired_at < %(until)s
    AND (%(customer)s = '' OR e.customer_id = %(customer)s)
ORDER BY e.expired_at, e.customer_id, e.unit, l.lot_seq, e.partition_seq
"""
_REMINDERS: Final = """
SELECT customer_id, unit, lot_id, expires_at, days::integer, due_at, amount FROM reminders
WHERE due_at >= %(start)s AND due_at < %(until)s AND expires_at >= %(start)s
    AND expires_at < %(ahead)s AND (%(customer)s = '' OR customer_id = %(customer)s)
ORDER BY due_at, customer_id, unit, lot_id, expires_at
"""
_AHEAD_US: Final = max(THRESHOLDS_DAYS) * DAY_US
"""Nothing is told longer before its date: weekly it is a week at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired:
    """Credits of a lot that expire, or did. Micro-credits, minor units, µs."""

    customer_id: str
    unit: str
    lot_id: str
    kind: str
    amount: int
    reserved: int
    """What holds have reserved of the lot, and doesn't expire with the rest."""
    expires_at: int
    currency: str
    breakage_minor: int
    """Revenue that it releases: as the lot stands, or as its entry says."""
    booked: bool
    """Whether it has expired, by an entry."""


class ExpirationReads(ProjectionReads):
    """Reads of the expiration projection; an empty customer stands for all."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, "expiration")

    def expirations(self, customer_id: str, start: int, until: int) -> list[Expired]:
        """What has expired in `[start, until)` (µs), then what will, each soonest first."""
        values = {"customer": customer_id, "start": start, "until": until}
        with self.snapshot() as read:
            booked = [Expired(**row, booked=True) for row in read(_EXPIRED, values)]
            return booked + [_expiring(row) for row in read(_EXPIRING, values)]

    def reminders(self, customer_id: str, start: int, until: int) -> list[Reminder]:
        """The reminders that are due in `[start, until)` (µs), in that order, weekly ones too."""
        values = {"customer": customer_id, "start": start, "until": until}
        with self.snapshot() as read:
            rows = read(_REMINDERS, {**values, "ahead": until + _AHEAD_US})
        return [Reminder(**row) for row in rows]

    def freshnesses(self, customer_id: str, *, wait: bool) -> list[Freshness]:
        """How far the projection is in each partition that is read, once it has what the ledger
        has now, if it is to `wait`."""
        partitions = ledger_partitions(self._settings)
        of = [partition_of(customer_id, partitions)] if customer_id else range(partitions)
        for partition in of if wait else ():
            self.wait_at(partition)
        return [self.freshness_at(partition) for partition in of]


def show_freshness(found: list[Freshness]) -> None:
    """Say how fresh what was read is."""
    if len(found) == 1:
        sentence = found[0].sentence()
    elif behind := sum(each.records_behind for each in found):
        lag_ms = max(each.lag_ms for each in found)
        sentence = f"{behind} entries and {lag_ms} ms behind the ledger"
    else:
        sentence = f"up to date, in {len(found)} partitions"
    out().print(f"[dim]{sentence}[/dim]")


def _expiring(row: dict[str, Any]) -> Expired:
    price_minor, granted = row.pop("price_minor"), row.pop("granted")
    left = row.pop("remaining") - row["amount"]
    released_minor = row.pop("released_minor")
    then_minor = round_half_even(price_minor * (granted - left), granted) if price_minor else 0
    return Expired(**row, breakage_minor=then_minor - released_minor, booked=False)
