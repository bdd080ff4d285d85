"""Rejected usage that wasn't charged since: found in the ledger, and decided again."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from drawdown.adapters.avro.wire import Wire
from drawdown.adapters.kafka.ledger_log import read_entries
from drawdown.adapters.kafka.partitioner import partition_of
from drawdown.adapters.kafka.topics import ledger_partitions
from drawdown.domain.entries import EntryFacts, LedgerEntry
from drawdown.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedEvent:
    """A usage event that was refused and never charged; times in µs."""

    partition: int
    entry_id: str
    customer_id: str
    unit: str
    event_id: str
    code: str
    detail: str
    occurred_at: int
    recorded_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which are meant; what is left empty leaves none out. `since` by when it was refused."""

    code: str = ""
    customer_id: str = ""
    since: int = 0

    def meets(self, event: RejectedEvent) -> bool:
        """Whether an event is one of them."""
        return (
            self.code in ("", event.code)
            and self.customer_id in ("", event.customer_id)
            and event.recorded_at >= self.since
        )


def find_rejected(settings: Settings, wire: Wire, wanted: Wanted) -> Iterator[RejectedEvent]:
    """Rejected events in the order of their first refusal, partition by partition.

    Memory holds one partition's. Raises `Unavailable`, `InvalidSetting`.
    """
    count = ledger_partitions(settings)
    partitions: Iterable[int] = range(count)
    if wanted.customer_id:
        partitions = [partition_of(wanted.customer_id, count)]
    for partition in partitions:
        standing: dict[tuple[str, str], RejectedEvent] = {}
        for _, entry in read_entries(settings, partition):
            _look_at(standing, wire, entry)
        yield from (each for each in standing.values() if wanted.meets(each))


def _look_at(
    standing: dict[tuple[str, str], RejectedEvent], wire: Wire, entry: LedgerEntry
) -> None:
    facts = entry.facts
    if facts.type == "deduction":
        standing.pop((facts.customer_id, charged_event(facts)), None)
    if facts.details is None or facts.details.rejection is None:
        return
    rejection = facts.details.rejection
    # Usage comes as an event or in a capture; other commands carry none.
    event = wire.usage_in(rejection.input)
    if event is None:
        return
    standing[facts.customer_id, event.event_id] = RejectedEvent(
        partition=entry.source_partition,
        entry_id=entry.entry_id,
        customer_id=facts.customer_id,
        unit=facts.unit,
        event_id=event.event_id,
        code=rejection.code,
        detail=rejection.detail,
        occurred_at=event.occurred_at,
        recorded_at=facts.recorded_at,
    )


def charged_event(facts: EntryFacts) -> str:
    """The event that a deduction charges."""
    named = "" if facts.details is None else facts.details.event_id
    return named or facts.cause_id
