"""Reminders: when a customer is to be told that credits will expire.

One is *due* 30, 7 and 1 days (× 86,400 s) before a lot expires: one fact per lot, expiry and
threshold. Those that had passed when the lot was granted, or when its date was set, are skipped;
so is a lot that is frozen (it doesn't expire) or has nothing unreserved left. A digest tells at
the start of each week what expires in it. What was *sent* is the notifier's record.

Whether one stands is said by the lot at the moment it is due: by the entries of the lot that were
recorded until then. So a lot's dues are looked at when an entry is about to touch it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, final

from drawdown.domain.accounts import Account
from drawdown.domain.entries import EntryFacts
from drawdown.domain.evolve import fold
from drawdown.domain.lots import Lot
from drawdown.domain.numbers import DAY_US, NEVER

THRESHOLDS_DAYS: Final = (30, 7, 1)
WEEKLY: Final = 0
"""Stands for the days before of what the digest of a week tells."""


@dataclass(frozen=True, kw_only=True)
class Reminder:
    """`amount` micro-credits of a lot will expire at `expires_at`; due `days` before (µs)."""

    customer_id: str
    unit: str
    lot_id: str
    expires_at: int
    days: int
    due_at: int
    amount: int


@dataclass(frozen=True, kw_only=True)
class Week:
    """An ISO week such as `2026-W05` in a zone: from its Monday to the next (µs)."""

    name: str
    starts_at: int
    ends_at: int


@dataclass(frozen=True, kw_only=True)
class Expiring:
    """What of a lot will expire, and when (µs)."""

    lot_id: str
    expires_at: int
    amount: int


@dataclass(frozen=True, kw_only=True)
class Digest:
    """What of an account expires in a week, as its start knows it; soonest first."""

    customer_id: str
    unit: str
    week: Week
    expiring: list[Expiring]

    @property
    def amount(self) -> int:
        """All of it, in micro-credits."""
        return sum([each.amount for each in self.expiring])


WeekOf = Callable[[int], Week | None]
"""The week that a moment (µs) lies in; None: it lies in none."""


def dues(expires_at: int, week: Week | None) -> list[tuple[int, int]]:
    """What a date asks for: the moments (µs) at which something is due, the first one first, and
    how many days before; `WEEKLY` at the start of its week."""
    found = [(expires_at - days * DAY_US, days) for days in THRESHOLDS_DAYS]
    if week is not None:
        found.append((week.starts_at, WEEKLY))
    return sorted(found)


def pending(expires_at: int, week: Week | None, set_at: int) -> list[tuple[int, int]]:
    """The dues of a date that is set at `set_at` (µs); those that have passed are skipped."""
    if expires_at == NEVER:
        return []
    return [each for each in dues(expires_at, week) if each[0] > set_at]


def reminders(entries: Iterable[EntryFacts], start: int, until: int) -> list[Reminder]:
    """The reminders of an account that are due in `[start, until)` (µs), in that order.

    `entries` are all that the account has, in their order. What is due after the last of them is
    told from the lots as they stand.
    """
    agenda = Agenda(None)
    for facts in entries:
        agenda.look_at(facts)
    agenda.finish()
    told = [each for each in agenda.told if start <= each.due_at < until and each.days != WEEKLY]
    return sorted(told, key=_by_due)


def digests(told: Iterable[Reminder], week_of: WeekOf) -> list[Digest]:
    """The digests of what is told weekly, each account's own, by week."""
    digests: dict[tuple[int, str, str], Digest] = {}
    for each in told:
        if each.days == WEEKLY:
            key = (each.due_at, each.customer_id, each.unit)
            digest = digests.get(key)
            if digest is None:
                digest = digests[key] = _digest(each, week_of)
            digest.expiring.append(
                Expiring(lot_id=each.lot_id, expires_at=each.expires_at, amount=each.amount)
            )
    for digest in digests.values():
        digest.expiring.sort(key=_soonest)
    return [digests[key] for key in sorted(digests)]


def _digest(told: Reminder, week_of: WeekOf) -> Digest:
    week = week_of(told.expires_at)
    assert week is not None, "what is told weekly has a week"
    return Digest(customer_id=told.customer_id, unit=told.unit, week=week, expiring=[])


@final
class Agenda:
    """What one account is to be told, put together entry by entry.

    `told` holds the reminders, and for each week the lots of its digest, in no order; whole after
    `finish`.
    """

    def __init__(self, week_of: WeekOf | None) -> None:
        """Without weeks, nothing is told weekly."""
        self.told: Final[list[Reminder]] = []
        self._week_of: Final = week_of
        self._account: Account | None = None
        self._asked: Final[dict[str, list[tuple[int, int]]]] = {}
        """What each lot's date still asks for: when it is due, and how many days before."""
        self._facts: Final[set[tuple[str, int, int]]] = set()

    def look_at(self, facts: EntryFacts) -> None:
        """Take the account's next entry."""
        account = self._account
        if account is None:
            account = Account(facts.customer_id, facts.unit)
            self._account = account
        details = facts.details
        changed = [] if details is None else [each.lot_id for each in details.lot_changes]
        for lot_id in dict.fromkeys([part.lot_id for part in facts.allocations] + changed):
            if lot_id in account.lots:
                self._tell(account, account.lots[lot_id], facts.recorded_at)
        if details is not None and details.lot is not None:
            changed.append(details.lot.lot_id)
        dates = {lot_id: _date(account, lot_id) for lot_id in changed}
        fold(account, facts)
        for lot_id, before in dates.items():
            expires_at = account.lots[lot_id].expires_at
            if expires_at != before:
                self._ask(lot_id, expires_at, facts.recorded_at)

    def finish(self) -> None:
        """Tell what comes after the last entry."""
        account = self._account
        if account is not None:
            for lot in account.lots.values():
                self._tell(account, lot, NEVER)

    def _ask(self, lot_id: str, expires_at: int, set_at: int) -> None:
        """Ask for what a date set at `set_at` asks for from then on."""
        week = None if self._week_of is None or expires_at == NEVER else self._week_of(expires_at)
        self._asked[lot_id] = pending(expires_at, week, set_at)

    def _tell(self, account: Account, lot: Lot, before: int) -> None:
        """Tell what became due of a lot before `before` (µs), each once."""
        asked = self._asked.get(lot.lot_id, [])
        while asked and asked[0][0] < before:
            due_at, days = asked.pop(0)
            fact = (lot.lot_id, lot.expires_at, days)
            if lot.unreserved > 0 and not lot.freezes and fact not in self._facts:
                self._facts.add(fact)
                self.told.append(
                    Reminder(
                        customer_id=account.customer_id,
                        unit=account.unit,
                        lot_id=lot.lot_id,
                        expires_at=lot.expires_at,
                        days=days,
                        due_at=due_at,
                        amount=lot.unreserved,
                    )
                )


def _date(account: Account, lot_id: str) -> int:
    lot = account.lots.get(lot_id)
    return NEVER if lot is None else lot.expires_at


def _by_due(reminder: Reminder) -> tuple[int, str, int]:
    return reminder.due_at, reminder.lot_id, reminder.days


def _soonest(expiring: Expiring) -> tuple[int, str]:
    return expiring.expires_at, expiring.lot_id
