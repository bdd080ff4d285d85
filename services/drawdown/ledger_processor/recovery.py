"""Recovery of a partition, as a numbered protocol (`design.md`, «Exactly once»).

1. Fence: `init_transactions` of `<ledger topic>-<partition>` ends every earlier writer and aborts
   what it left open. The id comes from the topic's name, never from a setting.
2. Begin with an empty state. (A local checkpoint will stand here.)
3. Fold `ledger-entries` to its end, committed records only. The end is where the broker says the
   partition ends, never the last record's offset: transaction markers leave holes.
4. Input positions: the last source offset in the ledger + 1 for each input topic; none: the start
   of its log. Committed offsets are not looked at. A position below the log's start halts the
   partition, and so does an incomplete last decision.
5. What was dead-lettered at or after these positions is noted, so that it isn't parked twice.
6. Serve. What lies between is decided again and writes nothing twice.
"""

from dataclasses import dataclass

from confluent_kafka import Message

from drawdown.adapters.avro.codec import genesis_hash
from drawdown.adapters.avro.wire import Wire
from drawdown.adapters.kafka.partition_log import PartitionLog, value_of
from drawdown.domain.entries import LedgerEntry
from drawdown.domain.evolve import UnknownEntry
from drawdown.domain.ledger import Ledger
from drawdown.errors import DecodeFailed, PartitionHalted
from drawdown.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Recovered:
    """Where a partition goes on: next offsets of its inputs, and what was parked beyond them."""

    ledger: Ledger
    usage_offset: int
    command_offset: int
    parked: set[tuple[str, int]]
    entries: int


def recover(settings: Settings, wire: Wire, partition: int) -> Recovered:
    """Steps 2 to 5. The caller has fenced; only it may write the partition.

    Raises `PartitionHalted` for what no replay can mend, `Unavailable` if the broker is away.
    """
    ledger = Ledger(
        namespace=settings.namespace,
        partition=partition,
        rate_card_lead_us=settings.rate_card_lead_s * 1_000_000,
    )
    last: dict[str, int] = {}
    unfinished = ""
    with PartitionLog(settings, settings.topic("ledger-entries"), partition) as log:
        for message in log.records():
            entry = _fold(ledger, wire, message)
            last[entry.source_topic] = entry.source_offset
            unfinished = entry.entry_id if entry.index + 1 < entry.count else ""
    if unfinished:
        raise PartitionHalted(f"partition {partition}: the decision of {unfinished} is torn")
    usage = _position(settings, "usage-events", partition, last.get("usage_events"))
    commands = _position(settings, "ledger-commands", partition, last.get("ledger_commands"))
    positions = {
        settings.topic("usage-events"): usage,
        settings.topic("ledger-commands"): commands,
    }
    parked = _parked(settings, wire, partition, positions)
    return Recovered(
        ledger=ledger,
        usage_offset=usage,
        command_offset=commands,
        parked=parked,
        entries=ledger.partition_seq,
    )


def _fold(ledger: Ledger, wire: Wire, message: Message) -> LedgerEntry:
    where = f"{message.topic()} [{message.partition()}] offset {message.offset()}"
    try:
        entry, whole = wire.decode_entry_checked(value_of(message))
    except DecodeFailed as error:
        raise PartitionHalted(f"{where} can't be read: {error}") from error
    facts = entry.facts
    before = ledger.head(facts.customer_id, facts.unit) or genesis_hash(
        ledger.namespace, facts.customer_id, facts.unit
    )
    if not whole or entry.prev_hash != before:
        raise PartitionHalted(f"{where}: the hash chain of {facts.customer_id} breaks here")
    try:
        ledger.evolve(entry)
    except (AssertionError, UnknownEntry) as error:
        raise PartitionHalted(f"{where} can't be folded: {error}") from error
    return entry


def _position(settings: Settings, name: str, partition: int, last: int | None) -> int:
    topic = settings.topic(name)
    with PartitionLog(settings, topic, partition) as log:
        if last is None:
            return log.start
        position = last + 1
        if position < log.start:
            raise PartitionHalted(
                f"{topic} [{partition}] begins at {log.start}, but the ledger has decided up to "
                f"{last}: records between were deleted before they were decided"
            )
        if position > log.end:
            raise PartitionHalted(
                f"{topic} [{partition}] ends at {log.end}, but the ledger has decided up to "
                f"{last}: the input topic was recreated or lost records"
            )
        return position


def _parked(
    settings: Settings, wire: Wire, partition: int, positions: dict[str, int]
) -> set[tuple[str, int]]:
    parked: set[tuple[str, int]] = set()
    with PartitionLog(settings, settings.topic("dead-letters"), partition) as log:
        for message in log.records():
            letter = wire.decode_dead_letter(value_of(message))
            if letter.offset >= positions.get(letter.topic, 0):
                parked.add((letter.topic, letter.offset))
    return parked
