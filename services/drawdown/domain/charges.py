"""Charges: which usage was charged, so that it is charged once and can be refunded, and the
settlements that paid what was owed."""

from collections.abc import Callable, Container
from typing import Final, final

from mypy_extensions import mypyc_attr

from drawdown.domain.entries import (
    Allocation,
    EntryFacts,
    InputTopic,
    LedgerEntry,
    UsageStatus,
    entry_id_of,
)
from drawdown.domain.kept import Kept
from drawdown.domain.memory import WINDOW_US, key_of
from drawdown.domain.numbers import NEVER


@mypyc_attr(acyclic=True)
@final
class Refundable:
    """What a charge came to and drew: what refunds of it can give back, `collected` at most."""

    def __init__(
        self,
        *,
        meter: str,
        status: UsageStatus,
        properties: dict[str, str],
        rate_card: str,
        overdrawn: int,
        overage: int,
        collected: int,
        allocations: list[Allocation],
    ) -> None:
        self.meter: Final = meter
        self.status: Final[UsageStatus] = status
        self.properties: Final = properties
        self.rate_card: Final = rate_card
        self.overdrawn: Final = overdrawn
        self.overage: Final = overage
        self.collected: Final = collected
        self.allocations: Final = allocations


@mypyc_attr(acyclic=True)
@final
class Charged:
    """That one event was charged, by which entry, and how much of it was given back so far.

    The same event, recorded up to `until` (µs), is charged already: 35 days after it occurred, and
    for ever where it was redriven.

    What it drew stands in its entry, and few are ever asked for it. So it isn't kept where a shelf
    can find the entry: `refundable` is None then, and `record` the entry's record in the log, until
    it is saved.
    """

    def __init__(
        self,
        *,
        unit: str,
        digest: bytes,
        until: int,
        returned: int,
        before: "Charged | None",
        refundable: Refundable | None = None,
        record: bytes = b"",
    ) -> None:
        self.unit: Final = unit
        self.digest: Final = digest
        self.until: Final = until
        self.returned: Final = returned
        self.before: Charged | None = before
        """The charge of the same id before it: its time had ended, or it is of another unit."""
        self.refundable: Final = refundable
        self.record: Final = record
        self.partition_seq = 0
        self.topic: InputTopic = "usage_events"
        self.partition = 0
        self.offset = 0
        self.index = 0

    def stands_at(
        self, partition_seq: int, topic: InputTopic, partition: int, offset: int, index: int
    ) -> None:
        """Note where its entry stands, in the ledger and by its input."""
        self.partition_seq = partition_seq
        self.topic, self.partition, self.offset, self.index = topic, partition, offset, index

    def stands_in(self, entry: LedgerEntry) -> None:
        """Note the entry that it stands in."""
        self.stands_at(
            entry.partition_seq,
            entry.source_topic,
            entry.source_partition,
            entry.source_offset,
            entry.index,
        )

    def stands_for(self, recorded_at: int) -> bool:
        """Whether it is the charge of the same event recorded then (µs)."""
        return recorded_at <= self.until

    def after_refund(self, unit: str, amount: int) -> "Charged":
        """The same charges, of which the latest one in `unit` has given back so much more."""
        of_unit = self.unit == unit
        assert of_unit or self.before is not None, "it wasn't charged in that unit"
        before = self.before
        if not of_unit and before is not None:
            before = before.after_refund(unit, amount)
        other = Charged(
            unit=self.unit,
            digest=self.digest,
            until=self.until,
            returned=self.returned + amount if of_unit else self.returned,
            before=before,
            refundable=self.refundable,
            record=self.record,
        )
        other.stands_at(self.partition_seq, self.topic, self.partition, self.offset, self.index)
        return other

    @property
    def entry_id(self) -> str:
        """The id of the entry that charged it."""
        return entry_id_of(self.topic, self.partition, self.offset, self.index)


def charged_event(facts: EntryFacts) -> str:
    """The event that a deduction charged."""
    details = facts.details
    return details.event_id if details is not None and details.event_id else facts.cause_id


def refundable_in(facts: EntryFacts) -> Refundable:
    """What a deduction drew."""
    charge = facts.charge
    assert charge is not None, "a deduction says what was charged"
    return Refundable(
        meter=charge.meter,
        status=charge.status,
        properties=charge.properties,
        rate_card=charge.rate_card,
        overdrawn=charge.overdrawn,
        overage=charge.overage,
        collected=charge.rated - charge.uncovered,
        allocations=facts.allocations,
    )


def charged_by(facts: EntryFacts, record: bytes = b"") -> Charged:
    """The charge of the event that a deduction charged. With the entry's `record` what it drew is
    left to that."""
    details = facts.details
    digest, until = facts.cause_digest, facts.occurred_at + WINDOW_US
    if details is not None and details.event_id:
        digest = details.event_digest
        if details.first_recorded_at is not None:
            until = NEVER
    return Charged(
        unit=facts.unit,
        digest=digest,
        until=until,
        returned=0,
        before=None,
        refundable=None if record else refundable_in(facts),
        record=record,
    )


Recall = Callable[[Charged], Refundable]
"""Asks a shelf what a charge drew that isn't kept with it."""


@mypyc_attr(acyclic=True)
@final
class Charges:
    """The charges of one customer by event, whose ids are the customer's, whatever the unit.

    `kept` holds those of all customers, by `key_of`. `recall`: None where nothing is on a shelf.
    """

    def __init__(self, customer_id: str, kept: Kept[Charged], recall: Recall | None = None) -> None:
        self.kept: Final = kept
        self._recall: Final = recall
        self.unsaved: list[str] = []
        """Keys of what isn't saved apart from its customer: charges of which something was given
        back, or before which there was one of the same id. If somebody saves it."""
        self._begin: Final = key_of(customer_id, "")

    def latest(self, event_id: str) -> Charged | None:
        """An event's latest charge, whether or not it still stands for it, or None."""
        return self.kept.get(self._begin + event_id)

    def in_unit(self, event_id: str, unit: str) -> Charged | None:
        """The latest charge of an event in one unit, or None; refunds give it back."""
        charged = self.latest(event_id)
        while charged is not None and charged.unit != unit:
            charged = charged.before
        return charged

    def refundable(self, charged: Charged) -> Refundable:
        """What a charge drew; its entry may have to be read again for it."""
        known = charged.refundable
        if known is None:
            assert self._recall is not None, "without a shelf it is kept"
            known = self._recall(charged)
        return known

    def keep_first(self, event_id: str, charged: Charged) -> None:
        """Keep the first charge of an event; it isn't asked whether there is another one."""
        self.kept.keep_new(self._begin + event_id, charged)

    def keep(self, event_id: str, charged: Charged) -> None:
        """Keep a charge; it stands for its event from now on, on top of those before it."""
        key = self._begin + event_id
        charged.before = self.kept.get(key)
        self._keep(key, charged)

    def refunded(self, event_id: str, unit: str, amount: int) -> None:
        """Note that so much of a charge was given back."""
        key = self._begin + event_id
        charged = self.kept.get(key)
        assert charged is not None, f"{event_id} wasn't charged"
        self._keep(key, charged.after_refund(unit, amount))

    def _keep(self, key: str, charged: Charged) -> None:
        self.kept.keep(key, charged)
        if self.kept.fetch is not None:
            self.unsaved.append(key)


@final
class WayBack:
    """What a refund gives back, by where it came from; `lots` in the order of their return."""

    def __init__(self, overage: int, overdrawn: int, lots: list[tuple[str, int]]) -> None:
        self.overage: Final = overage
        self.overdrawn: Final = overdrawn
        self.lots: Final = lots


def way_back(refundable: Refundable, returned: int, amount: int) -> WayBack:
    """The next `amount` of a charge on its way back, `returned` being given back before: overage,
    the overdrawn part, then lots in reverse (`rulings.md` 23)."""
    skipped, left = returned, amount
    taken: list[int] = []
    lots: list[tuple[str, int]] = []
    for whole in (refundable.overage, refundable.overdrawn):
        part = min(left, max(0, whole - skipped))
        taken.append(part)
        skipped = max(0, skipped - whole)
        left -= part
    for allocation in reversed(refundable.allocations):
        part = min(left, max(0, allocation.amount - skipped))
        skipped = max(0, skipped - allocation.amount)
        if part:
            lots.append((allocation.lot_id, part))
            left -= part
    return WayBack(taken[0], taken[1], lots)


@final
class Settled:
    """Credits of a lot that paid what was owed, on top of those that did before."""

    def __init__(self, lot_id: str, amount: int, before: "Settled | None") -> None:
        self.lot_id: Final = lot_id
        self.amount: Final = amount
        self.before: Final = before


def taken_back(
    settled: Settled | None, amount: int
) -> tuple[list[tuple[str, int]], Settled | None]:
    """The latest `amount` of settlements, by lot, and what stands below it."""
    parts: list[tuple[str, int]] = []
    while amount > 0:
        assert settled is not None, f"{amount} more are taken back than were settled"
        part = min(amount, settled.amount)
        parts.append((settled.lot_id, part))
        amount -= part
        if part < settled.amount:
            settled = Settled(settled.lot_id, settled.amount - part, settled.before)
        else:
            settled = settled.before
    return parts, settled


def without_lost(
    settled: Settled | None, lost: Container[str]
) -> tuple[dict[str, int], Settled | None]:
    """What lost lots settled, by lot, the latest first, and the settlements without it."""
    undone: dict[str, int] = {}
    kept: list[Settled] = []
    while settled is not None:
        if settled.lot_id in lost:
            undone[settled.lot_id] = undone.get(settled.lot_id, 0) + settled.amount
        else:
            kept.append(settled)
        settled = settled.before
    rest: Settled | None = None
    for each in reversed(kept):
        rest = Settled(each.lot_id, each.amount, rest)
    return undone, rest
