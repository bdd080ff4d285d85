"""What became of a dead letter: the entries of the ledger that decide the same event or command."""

from collections.abc import Iterator
from dataclasses import dataclass

from drawdown.adapters.avro.wire import Wire
from drawdown.adapters.kafka.ledger_log import read_entries
from drawdown.adapters.kafka.partitioner import partition_of
from drawdown.adapters.kafka.topics import ledger_partitions
from drawdown.domain.dead_letters import DeadLetter
from drawdown.domain.entries import PARTITION_CUSTOMER, EntryFacts, LedgerEntry
from drawdown.domain.inputs import Command, UsageEvent
from drawdown.domain.parking import INPUTS
from drawdown.errors import DecodeFailed
from drawdown.repair.letters import decoded, origin_of
from drawdown.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """One thing that the ledger says of it."""

    entry_id: str
    type: str
    code: str
    """Why it was refused; empty: it wasn't."""
    recorded_at: int


def fates_of(settings: Settings, wire: Wire, letter: DeadLetter) -> Iterator[Fate]:
    """The entries that park its record, or decide what it says wherever that came from.

    Entries of the customer's home partition are read, all of them. Raises `Unavailable`.
    """
    if letter.reason == "parked":
        origin = origin_of(settings, letter)
        for _, entry in read_entries(settings, letter.partition):
            details = entry.facts.details
            if details is not None and details.parked is not None:
                at = (details.parked.topic, details.parked.offset)
                if at == (INPUTS[origin.topic], letter.offset):
                    yield _fate(entry)
    try:
        read = decoded(settings, wire, letter)
    except DecodeFailed:
        return
    home = letter.partition
    if read.customer_id != PARTITION_CUSTOMER:
        home = partition_of(read.customer_id, ledger_partitions(settings))
    for _, entry in read_entries(settings, home):
        if entry.facts.customer_id == read.customer_id and _decides(entry.facts, read):
            yield _fate(entry)


def _decides(facts: EntryFacts, read: UsageEvent | Command) -> bool:
    if isinstance(read, Command):
        return facts.cause == "command" and facts.cause_id == read.command_id
    if facts.cause == "usage":
        return facts.cause_id == read.event_id
    return facts.details is not None and facts.details.event_id == read.event_id


def _fate(entry: LedgerEntry) -> Fate:
    facts = entry.facts
    rejection = None if facts.details is None else facts.details.rejection
    return Fate(
        entry_id=entry.entry_id,
        type=facts.type,
        code="" if rejection is None else rejection.code,
        recorded_at=facts.recorded_at,
    )
