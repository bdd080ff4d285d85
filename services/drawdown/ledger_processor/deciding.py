"""Deciding: input records of one partition in, records of the ledger, replies, dead letters out.

No client is used here, and no clock: what is decided is a function of the log. The module is on
the hot path and is compiled with the domain.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Final, final

from mypy_extensions import i64

from drawdown.adapters.avro.codec import (
    encode_reply,
    genesis_hash,
    seal,
)
from drawdown.adapters.kafka.records import ConsumedRecord, key_of, offset_of, value_of
from drawdown.domain.dead_letters import (
    KEPT_BYTES,
    DeadLetter,
)
from drawdown.domain.entries import (
    HASH_VERSION,
    InputTopic,
    LedgerEntry,
)
from drawdown.domain.inputs import Command, ParkRecord, Tick, UsageEvent
from drawdown.domain.ledger import Decision, Ledger
from drawdown.domain.replies import Reply, in_short
from drawdown.domain.watermark import Watermark
from drawdown.errors import AppendedAhead, PartitionHalted
from drawdown.ledger_processor.breaker import Breaker
from drawdown.ledger_processor.input_reader import Framing, InputReader, Unfit
from drawdown.ledger_processor.outbox import Outbox

_US_PER_MS: Final = 1_000
_LOG_APPEND_TIME: Final = 2
"""librdkafka's `TIMESTAMP_LOG_APPEND_TIME`."""


@final
class Decider:
    """Decides the records of one partition, in the order they are given.

    `parked` holds the (topic, offset) of records behind the ledger's positions that were
    dead-lettered before, so that a recovery doesn't park them twice; the ledger's `parking` says
    which are skipped. `breaker` ends a flood of dead letters with `PartitionPoisoned`.
    So many units and meters are remembered as valid as `names_max` says.
    """

    def __init__(
        self,
        ledger: Ledger,
        framing: Framing,
        *,
        usage_topic: str,
        command_topic: str,
        parked: set[tuple[str, int]],
        breaker: Breaker,
        names_max: int,
    ) -> None:
        self.ledger: Final = ledger
        self._framing: Final = framing
        self._usage_topic: Final = usage_topic
        self._command_topic: Final = command_topic
        self._parked: Final = parked
        self._breaker: Final = breaker
        self._reader: Final = InputReader(framing, ledger, names_max=names_max)
        self.watermark: Final = Watermark()
        self.outbox = Outbox()

    def take(self) -> Outbox:
        """What was decided since the last call."""
        outbox = self.outbox
        self.outbox = outbox.successor()
        return outbox

    def decide_usage(self, records: Sequence[ConsumedRecord], at_most_us: int) -> None:
        """Decide usage events. Raises `PartitionHalted` before a record appended after
        `at_most_us` (µs): the broker's clock, or this machine's, is wrong."""
        outbox = self.outbox
        at_most_ms = at_most_us // _US_PER_MS
        skips = self.ledger.parking.skips("usage_events")
        read_until = -1
        values = [value_of(record) for record in records]
        events = self._usage_events(values)
        for place, record in enumerate(records):
            offset = offset_of(record)
            if offset in skips:
                self._skip("usage_events", self._usage_topic, record, offset)
                outbox.next_usage_offset = offset + 1
                continue
            recorded_at = _appended_at(record, self._usage_topic, offset, at_most_ms)
            if recorded_at != read_until:
                self._read("usage_events", recorded_at)
                read_until = recorded_at
            event = events[place]
            if isinstance(event, UsageEvent):
                try:
                    decision = self.ledger.decide_usage(event, recorded_at, values[place])
                    self._book(decision, "usage_events", offset)
                except AssertionError as wrong:
                    raise _undecidable(self._usage_topic, offset, wrong) from wrong
                outbox.events += 1
            else:
                self._park(self._usage_topic, record, offset, recorded_at, event)
            outbox.next_usage_offset = offset + 1

    def _usage_events(self, values: list[bytes]) -> list[UsageEvent | Unfit]:
        """The events, or why a record is none; which of them are new is looked up at once."""
        events: list[UsageEvent | Unfit] = []
        for value in values:
            try:
                events.append(self._reader.usage_event(value))
            except Unfit as unfit:
                events.append(unfit)
        self.ledger.foresee(events)
        return events

    def decide_commands(self, records: Sequence[ConsumedRecord], at_most_us: int) -> None:
        """Decide commands, and answer each."""
        outbox = self.outbox
        at_most_ms = at_most_us // _US_PER_MS
        skips = self.ledger.parking.skips("ledger_commands")
        for record in records:
            offset = offset_of(record)
            if offset in skips:
                self._skip("ledger_commands", self._command_topic, record, offset)
                outbox.next_command_offset = offset + 1
                continue
            recorded_at = _appended_at(record, self._command_topic, offset, at_most_ms)
            self._read("ledger_commands", recorded_at)
            value = value_of(record)
            try:
                command = self._reader.command(value)
            except Unfit as unfit:
                self._park(self._command_topic, record, offset, recorded_at, unfit)
            else:
                try:
                    self._decide_command(command, offset, recorded_at, value)
                except AssertionError as wrong:
                    raise _undecidable(self._command_topic, offset, wrong) from wrong
                except PartitionHalted as halt:
                    raise PartitionHalted(
                        f"{self._command_topic} offset {offset}: {halt}"
                    ) from halt
            outbox.next_command_offset = offset + 1

    def _decide_command(self, command: Command, offset: int, recorded_at: int, raw: bytes) -> None:
        outbox, ledger = self.outbox, self.ledger
        if isinstance(command.body, ParkRecord):
            ledger.parking.read(usage=outbox.next_usage_offset, commands=offset, stands_at=offset)
        decision = ledger.decide_command(command, recorded_at, raw)
        booked = self._book(decision, "ledger_commands", offset)
        # Nobody waits for what a partition's owner sends itself, and nothing is to be committed
        # for a tick that booked nothing.
        if isinstance(command.body, Tick):
            outbox.ticks += 1
        else:
            self._answer(command, decision, booked, recorded_at)
        if booked or not isinstance(command.body, Tick):
            outbox.commands += 1

    def _read(self, topic: InputTopic, recorded_at: int) -> None:
        """An input has been read up to `recorded_at`; what fell due until then may be booked."""
        self.watermark.consumed(topic, recorded_at)
        self.ledger.advance(self.watermark.value)

    def _book(self, decision: Decision, topic: InputTopic, offset: int) -> list[LedgerEntry]:
        """Seal a decision's facts into entries, fold them, and put them out.

        A tick's facts are those of many accounts.
        """
        outbox, ledger = self.outbox, self.ledger
        booked: list[LedgerEntry] = []
        count = len(decision.facts)
        for index, facts in enumerate(decision.facts):
            customer_id, unit = facts.customer_id, facts.unit
            account = ledger.account_for(customer_id, unit)
            prev_hash = account.head or genesis_hash(ledger.namespace, customer_id, unit)
            partition_seq = ledger.partition_seq + 1
            sealed = seal(
                facts,
                prev_hash=prev_hash,
                partition_seq=partition_seq,
                source_topic=topic,
                source_partition=ledger.partition,
                source_offset=offset,
                index=index,
                count=count,
                header=self._framing.entry_header,
            )
            entry = LedgerEntry(
                partition_seq=partition_seq,
                source_topic=topic,
                source_partition=ledger.partition,
                source_offset=offset,
                index=index,
                count=count,
                hash_version=HASH_VERSION,
                prev_hash=prev_hash,
                facts=facts,
                hash=sealed.hash,
            )
            ledger.evolve(entry, sealed.value, account)
            outbox.entries.append({"key": customer_id.encode(), "value": sealed.value})
            outbox.size_bytes += len(sealed.value)
            if facts.type != "deduction":
                outbox.count_entry(facts.type)
            booked.append(entry)
            outbox.last_hash = sealed.hash
        if booked:
            outbox.decided[topic] = offset
        if decision.outcome == "duplicate":
            outbox.duplicates += 1
        elif decision.outcome == "rejected":
            outbox.count_rejection(decision.code)
        return booked

    def _answer(
        self,
        command: Command,
        decision: Decision,
        booked: list[LedgerEntry],
        recorded_at: int,
    ) -> None:
        reply = Reply(
            command_id=command.command_id,
            customer_id=command.customer_id,
            unit=command.unit,
            outcome=decision.outcome,
            code=decision.code,
            detail=decision.detail,
            first_entry_id=decision.first_entry_id,
            entries=[in_short(entry) for entry in booked],
            recorded_at=recorded_at,
            partition_seq=self.ledger.partition_seq,
        )
        value = encode_reply(reply, header=self._framing.reply_header)
        self.outbox.replies.append({"key": command.customer_id.encode(), "value": value})
        self.outbox.size_bytes += len(value)

    def _skip(
        self, topic: InputTopic, full_topic: str, record: ConsumedRecord, offset: int
    ) -> None:
        """Pass a record over that an operator parked; its append time may be what is wrong."""
        _, milliseconds = record.timestamp()
        parked = Unfit("parked", self.ledger.parking.skips(topic)[offset])
        self._park(full_topic, record, offset, milliseconds * _US_PER_MS, parked)
        self.ledger.parking.skipped(topic, offset)

    def _park(
        self, topic: str, record: ConsumedRecord, offset: int, recorded_at: int, unfit: Unfit
    ) -> None:
        if (topic, offset) in self._parked:
            return
        # What an operator parks is no flood, and has to get past the breaker.
        if unfit.reason != "parked":
            self._breaker.count(topic, offset)
        value = value_of(record)
        key = key_of(record)
        letter = DeadLetter(
            topic=topic,
            partition=self.ledger.partition,
            offset=offset,
            recorded_at=recorded_at,
            reason=unfit.reason,
            detail=unfit.detail,
            length=len(value),
            sha256=sha256(value).digest(),
            key=None if key is None else key[:KEPT_BYTES],
            value=value[:KEPT_BYTES],
        )
        origin = f"{topic}-{self.ledger.partition}-{offset}".encode()
        encoded = self._framing.encode_dead_letter(letter)
        self.outbox.dead_letters.append({"key": origin, "value": encoded})
        self.outbox.size_bytes += len(encoded)
        self.outbox.count_dead_letter(unfit.reason)


def _undecidable(topic: str, offset: int, wrong: AssertionError) -> AssertionError:
    """Says which record breaks an assertion, so that it can be parked."""
    return AssertionError(f"{topic} offset {offset}: {wrong}")


def _appended_at(record: ConsumedRecord, topic: str, offset: int, at_most_ms: int) -> int:
    """When the broker appended a record, in µs; a decision has no other clock."""
    kind, timestamp = record.timestamp()
    milliseconds: i64 = timestamp
    if kind != _LOG_APPEND_TIME:
        raise PartitionHalted(
            f"{topic} offset {offset} carries its producer's time: give the topic "
            "message.timestamp.type=LogAppendTime, as schemas/topics says"
        )
    if milliseconds > at_most_ms:
        raise AppendedAhead(
            f"{topic} offset {offset} was appended too far ahead of this machine's clock: set "
            "the clock of broker or processor right, and the partition goes on",
            milliseconds * _US_PER_MS,
        )
    return milliseconds * _US_PER_MS
