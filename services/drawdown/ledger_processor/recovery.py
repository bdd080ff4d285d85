"""Recovery of a partition, as a numbered protocol (`design.md`, «Exactly once»).

1. Fence: `init_transactions` of `<ledger topic>-<partition>` ends every earlier writer and aborts
   what it left open. The id comes from the topic's name, never from a setting.
2. Begin with an empty state. (A local checkpoint will stand here.)
3. Fold `ledger-entries` to its end, committed records only. The end is where the broker says the
   partition ends, never the last record's offset: transaction markers leave holes.
4. Input positions: the last source offset in the ledger + 1 for each input topic; none: the start
   of its log. An incomplete last decision halts the partition. So does a position below the log's
   start, unless the committed offset says that what was deleted had been decided and wrote nothing
   (repeats, idle ticks); nothing else is believed of committed offsets.
5. What was dead-lettered at or after these positions is noted, so that it isn't parked twice.
6. Serve. What lies between is decided again and writes nothing twice.
"""

from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from drawdown.adapters.avro.codec import genesis_hash
from drawdown.adapters.avro.wire import Wire
from drawdown.adapters.kafka.partition_log import PartitionLog
from drawdown.adapters.kafka.positions import span
from drawdown.adapters.kafka.records import value_of
from drawdown.adapters.kafka.topics import TIMEOUT_S
from drawdown.clock import Clock
from drawdown.domain.entries import LedgerEntry
from drawdown.domain.evolve import UnknownEntry
from drawdown.domain.ledger import Ledger
from drawdown.errors import DecodeFailed, PartitionHalted, Unavailable
from drawdown.ledger_processor.clients import Clients
from drawdown.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Recovered:
    """Where a partition goes on: next offsets of its inputs, and what was parked beyond them."""

    ledger: Ledger
    usage_offset: int
    command_offset: int
    parked: set[tuple[str, int]]
    entries: int


def recover(
    settings: Settings, wire: Wire, partition: int, clients: Clients, clock: Clock
) -> Recovered:
    """Steps 2 to 5. The caller has fenced; only it may write the partition.

    Raises `PartitionHalted` for what no replay can mend, `Unavailable` if the broker is away.
    """
    client = clients.log()
    try:
        return _Recovery(settings, wire, partition, client, clock).run()
    except KafkaException as error:
        reason = error.args[0].str()
        raise Unavailable(f"partition {partition} can't be recovered: {reason}") from error
    finally:
        client.close()


class _Recovery:
    """One recovery, with one client for all the logs that it reads."""

    def __init__(
        self, settings: Settings, wire: Wire, partition: int, client: Consumer, clock: Clock
    ) -> None:
        self._settings = settings
        self._wire = wire
        self._partition = partition
        self._client = client
        self._clock = clock
        self._ledger = Ledger(
            namespace=settings.namespace,
            partition=partition,
            rate_card_lead_us=settings.rate_card_lead_s * 1_000_000,
            read_usage=wire.usage_in,
        )

    def run(self) -> Recovered:
        last = self._fold_all()
        usage = self._position("usage-events", last.get("usage_events"))
        commands = self._position("ledger-commands", last.get("ledger_commands"))
        positions = {
            self._settings.topic("usage-events"): usage,
            self._settings.topic("ledger-commands"): commands,
        }
        return Recovered(
            ledger=self._ledger,
            usage_offset=usage,
            command_offset=commands,
            parked=self._parked(positions),
            entries=self._ledger.partition_seq,
        )

    def _log(self, name: str) -> PartitionLog:
        topic = self._settings.topic(name)
        return PartitionLog(
            self._settings, topic, self._partition, client=self._client, clock=self._clock
        )

    def _fold_all(self) -> dict[str, int]:
        """Fold the ledger; the last source offset in it by input."""
        last: dict[str, int] = {}
        unfinished = ""
        with self._log("ledger-entries") as log:
            for message in log.records():
                entry = _fold(self._ledger, self._wire, message)
                last[entry.source_topic] = entry.source_offset
                unfinished = entry.entry_id if entry.index + 1 < entry.count else ""
        if unfinished:
            raise PartitionHalted(
                f"partition {self._partition}: the decision of {unfinished} is torn"
            )
        return last

    def _position(self, name: str, last: int | None) -> int:
        place = TopicPartition(self._settings.topic(name), self._partition)
        start, end = span(self._client, place, self._clock)
        if last is None:
            return start
        where = f"{place.topic} [{self._partition}]"
        position = last + 1
        if position < start:
            if self._committed(place) >= start:
                return start
            raise PartitionHalted(
                f"{where} begins at {start}, but the ledger has decided up to {last}: records "
                "between were deleted before they were decided"
            )
        if position > end:
            raise PartitionHalted(
                f"{where} ends at {end}, but the ledger has decided up to {last}: the input topic "
                "was recreated or lost records"
            )
        return position

    def _committed(self, place: TopicPartition) -> int:
        """The offset that the group committed; below 0 where there is none."""
        [committed] = self._client.committed([place], timeout=TIMEOUT_S)
        return int(committed.offset)

    def _parked(self, positions: dict[str, int]) -> set[tuple[str, int]]:
        parked: set[tuple[str, int]] = set()
        with self._log("dead-letters") as log:
            for message in log.records():
                letter = self._wire.decode_dead_letter(value_of(message))
                if letter.offset >= positions.get(letter.topic, 0):
                    parked.add((letter.topic, letter.offset))
        return parked


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
