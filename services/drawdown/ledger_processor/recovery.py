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

from collections.abc import Iterator
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from drawdown.adapters.avro.codec import genesis_hash
from drawdown.adapters.avro.wire import Wire
from drawdown.adapters.kafka.clients import reader
from drawdown.domain.entries import LedgerEntry
from drawdown.domain.evolve import UnknownEntry
from drawdown.domain.ledger import Ledger
from drawdown.errors import DecodeFailed, PartitionHalted, Unavailable
from drawdown.settings import Settings

POLL_S = 1.0
SILENCE_POLLS_MAX = 60
"""So many empty polls in a row, each `POLL_S` long, say that the broker is away."""


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
    client = reader(settings, enable_partition_eof=True)
    try:
        last: dict[str, int] = {}
        unfinished = ""
        for message in read_to_end(client, settings.topic("ledger-entries"), partition):
            entry = _fold(ledger, wire, message)
            last[entry.source_topic] = entry.source_offset
            unfinished = entry.entry_id if entry.index + 1 < entry.count else ""
        if unfinished:
            raise PartitionHalted(f"partition {partition}: the decision of {unfinished} is torn")
        usage = _position(client, settings.topic("usage-events"), partition, last, "usage_events")
        commands = _position(
            client, settings.topic("ledger-commands"), partition, last, "ledger_commands"
        )
        positions = {
            settings.topic("usage-events"): usage,
            settings.topic("ledger-commands"): commands,
        }
        parked = _parked(client, settings, wire, partition, positions)
    finally:
        client.close()
    return Recovered(
        ledger=ledger,
        usage_offset=usage,
        command_offset=commands,
        parked=parked,
        entries=ledger.partition_seq,
    )


def read_to_end(client: Consumer, topic: str, partition: int) -> Iterator[Message]:
    """Every committed record of a partition, from its start to where it ends now."""
    start, end = client.get_watermark_offsets(TopicPartition(topic, partition), timeout=30.0)
    client.assign([TopicPartition(topic, partition, start)])
    silent = 0
    position = start
    while position < end:
        messages = client.consume(num_messages=5_000, timeout=POLL_S)
        silent = 0 if messages else silent + 1
        if silent > SILENCE_POLLS_MAX:
            raise Unavailable(f"{topic} [{partition}] can't be read: the broker is silent")
        for message in messages:
            error = message.error()
            if error is None:
                yield message
            elif error.code() != KafkaError._PARTITION_EOF:
                if error.fatal() or not error.retriable():
                    raise Unavailable(f"{topic} [{partition}] can't be read: {error.str()}")
                continue
            offset = message.offset()
            assert offset is not None
            position = offset if error is not None else offset + 1
    client.unassign()


def _fold(ledger: Ledger, wire: Wire, message: Message) -> LedgerEntry:
    where = f"{message.topic()} [{message.partition()}] offset {message.offset()}"
    value = message.value()
    try:
        entry, whole = wire.decode_entry_checked(value if isinstance(value, bytes) else b"")
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


def _position(
    client: Consumer, topic: str, partition: int, last: dict[str, int], source: str
) -> int:
    start, end = client.get_watermark_offsets(TopicPartition(topic, partition), timeout=30.0)
    if source not in last:
        return int(start)
    position = last[source] + 1
    if position < start:
        raise PartitionHalted(
            f"{topic} [{partition}] begins at {start}, but the ledger has decided up to "
            f"{position - 1}: records between were deleted before they were decided"
        )
    if position > end:
        raise PartitionHalted(
            f"{topic} [{partition}] ends at {end}, but the ledger has decided up to "
            f"{position - 1}: the input topic was recreated or lost records"
        )
    return position


def _parked(
    client: Consumer,
    settings: Settings,
    wire: Wire,
    partition: int,
    positions: dict[str, int],
) -> set[tuple[str, int]]:
    parked: set[tuple[str, int]] = set()
    for message in read_to_end(client, settings.topic("dead-letters"), partition):
        value = message.value()
        letter = wire.decode_dead_letter(value if isinstance(value, bytes) else b"")
        if letter.offset >= positions.get(letter.topic, 0):
            parked.add((letter.topic, letter.offset))
    return parked
