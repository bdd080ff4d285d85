"""Decisions sealed into entries and folded, without a log."""

from typing import Final

from drawdown.adapters.avro import codec, input_records
from drawdown.adapters.avro.wire import HEADER_BYTES
from drawdown.domain.entries import InputTopic, LedgerEntry
from drawdown.domain.inputs import Command, UsageEvent
from drawdown.domain.ledger import Decision, Ledger


class Rehearsal:
    """One partition's ledger and the places of its next inputs.

    What it writes are entries like those of the log: encoded, hashed and decoded again.
    """

    def __init__(self, ledger: Ledger) -> None:
        self.ledger: Final = ledger
        self.offsets: Final[dict[InputTopic, int]] = {"usage_events": 0, "ledger_commands": 0}
        """Where the next input of each topic stands."""

    def play(self, given: UsageEvent | Command, at: int) -> tuple[Decision, list[LedgerEntry]]:
        """Decide one input, encoded anew and recorded at `at` (µs), and fold what it comes to.

        Both topics count as read up to then, so that what is due by then is booked first.
        """
        topic: InputTopic
        self.ledger.advance(at)
        if isinstance(given, UsageEvent):
            topic, raw = "usage_events", codec.encode_usage(given, header=input_records.USAGE)
            decision = self.ledger.decide_usage(codec.decode_usage(raw, HEADER_BYTES), at, raw)
        else:
            topic, raw = (
                "ledger_commands",
                codec.encode_command(given, header=input_records.COMMAND),
            )
            decision = self.ledger.decide_command(codec.decode_command(raw, HEADER_BYTES), at, raw)
        offset = self.offsets[topic]
        self.offsets[topic] += 1
        return decision, self.write(decision, topic, offset)

    def write(self, decision: Decision, topic: InputTopic, offset: int) -> list[LedgerEntry]:
        """Seal a decision about the input at `offset` into entries, and fold each."""
        ledger, written = self.ledger, []
        for index, facts in enumerate(decision.facts):
            head = ledger.head(facts.customer_id, facts.unit)
            sealed = codec.seal(
                facts,
                prev_hash=head
                or codec.genesis_hash(ledger.namespace, facts.customer_id, facts.unit),
                partition_seq=ledger.partition_seq + 1,
                source_topic=topic,
                source_partition=ledger.partition,
                source_offset=offset,
                index=index,
                count=len(decision.facts),
                header=input_records.ENTRY,
            )
            entry = codec.decode_entry(sealed.value, HEADER_BYTES)
            ledger.evolve(entry)
            written.append(entry)
        return written
