"""Reminders: when a customer is to be told that credits will expire.

One is *due* 30, 7 and 1 days (× 86,400 s) before a lot expires: one fact per lot, expiry and
threshold. Those that had passed when the lot was granted, or when its date was set, are skipped;
so is a lot that is frozen (it doesn't expire) or has nothing unreserved left. A digest tells at
the start of each week what expires in it. What was *sent* is the notifier's record.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Final, final

from drawdown.domain.accounts import Account
from drawdown.domain.entries import EntryFacts
from drawdown.domain.evolve import fold
from drawdown.domain.lots import Lot
from drawdown.domain.numbers import DAY_US, NEVER

THRESHOLDS_DAYS: Final = (30, 7, 1)


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


def reminders(entries: Iterable[EntryFacts], start: int, until: int) -> list[Reminder]:
    """The reminders of an account that are due in `[start, until)` (µs), in that order.

    `entries` are all that the account has, in their order. What is due after the last of them is
    told from the lots as they stand.
    """
    agenda = Agenda(start, until, [])
    for facts in entries:
        agenda.look_at(facts)
    agenda.finish()
    return agenda.reminders


def digests(entries: Iterable[EntryFacts], weeks: Sequence[Week]) -> list[Digest]:
    """An account's digests of `weeks` (ascending), of those in which something expires."""
    agenda = Agenda(0, 0, weeks)
    for facts in entries:
        agenda.look_at(facts)
    agenda.finish()
    return agenda.digests


@final
class Agenda:
    """What one account is to be told in `[start, until)` (µs) and in some weeks, put together
    entry by entry."""

    def __init__(self, start: int, until: int, weeks: Sequence[Week]) -> None:
        self.reminders: Final[list[Reminder]] = []
        self.digests: Final[list[Digest]] = []
        self._start: Final = start
        self._until: Final = until
        self._weeks: Final = weeks
        self._told_weeks = 0
        self._calendar: Final = _Calendar()

    def look_at(self, facts: EntryFacts) -> None:
        """Take the account's next entry."""
        self._tell_before(facts.recorded_at)
        self._calendar.fold(facts)

    def finish(self) -> None:
        """Tell what comes after the last entry."""
        self._tell_before(NEVER)

    def _tell_before(self, at: int) -> None:
        weeks = self._weeks
        while self._told_weeks < len(weeks) and weeks[self._told_weeks].starts_at < at:
            self.digests.extend(self._calendar.digest(weeks[self._told_weeks]))
            self._told_weeks += 1
        due = self._calendar.due_before(at)
        self.reminders.extend([each for each in due if self._start <= each.due_at < self._until])


@final
class _Calendar:
    """One account folded so far, and the reminders that its dates ask for.

    A reminder waits under the moment it is due; when that comes, the lot says whether it still
    stands, so that a changed date leaves nothing to be taken back.
    """

    def __init__(self) -> None:
        self._account: Account | None = None
        self._waiting: Final[list[tuple[int, str, int, int]]] = []
        self._asked: Final[set[tuple[str, int, int]]] = set()

    def fold(self, facts: EntryFacts) -> None:
        """Take the account's next entry."""
        account = self._account
        if account is None:
            account = Account(facts.customer_id, facts.unit)
            self._account = account
        details = facts.details
        changed = [] if details is None else [each.lot_id for each in details.lot_changes]
        if details is not None and details.lot is not None:
            changed.append(details.lot.lot_id)
        dates = {lot_id: _date(account, lot_id) for lot_id in changed}
        fold(account, facts)
        for lot_id, before in dates.items():
            expires_at = account.lots[lot_id].expires_at
            if expires_at not in (before, NEVER):
                self._wait(lot_id, expires_at, facts.recorded_at)

    def _wait(self, lot_id: str, expires_at: int, set_at: int) -> None:
        for days in THRESHOLDS_DAYS:
            due_at, fact = expires_at - days * DAY_US, (lot_id, expires_at, days)
            # A date that is set back asks for nothing that waits already.
            if due_at > set_at and fact not in self._asked:
                self._asked.add(fact)
                heappush(self._waiting, (due_at, lot_id, expires_at, days))

    def due_before(self, at: int) -> list[Reminder]:
        """The reminders that became due before `at` (µs), each once."""
        found: list[Reminder] = []
        while self._waiting and self._waiting[0][0] < at:
            due_at, lot_id, expires_at, days = heappop(self._waiting)
            account = self._account
            assert account is not None
            lot = account.lots[lot_id]
            if lot.expires_at == expires_at and _expires(lot):
                found.append(
                    Reminder(
                        customer_id=account.customer_id,
                        unit=account.unit,
                        lot_id=lot_id,
                        expires_at=expires_at,
                        days=days,
                        due_at=due_at,
                        amount=lot.unreserved,
                    )
                )
        return found

    def digest(self, week: Week) -> list[Digest]:
        """The digest of a week that begins now, if anything expires in it."""
        account = self._account
        if account is None:
            return []
        expiring = [
            Expiring(lot_id=lot.lot_id, expires_at=lot.expires_at, amount=lot.unreserved)
            for lot in account.lots.values()
            if week.starts_at <= lot.expires_at < week.ends_at and _expires(lot)
        ]
        if not expiring:
            return []
        expiring.sort(key=_soonest)
        return [
            Digest(customer_id=account.customer_id, unit=account.unit, week=week, expiring=expiring)
        ]


def _date(account: Account, lot_id: str) -> int:
    lot = account.lots.get(lot_id)
    return NEVER if lot is None else lot.expires_at


def _expires(lot: Lot) -> bool:
    return lot.unreserved > 0 and not lot.freezes


def _soonest(expiring: Expiring) -> tuple[int, str]:
    return expiring.expires_at, expiring.lot_id
