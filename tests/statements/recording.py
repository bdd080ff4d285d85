"""A partition's log in memory: its inputs as they were recorded, and the entries they came to."""

from typing import Final

from drawdown.adapters.avro import codec
from drawdown.adapters.avro.input_records import COMMAND, USAGE, usage_in
from drawdown.domain.entries import PARTITION_CUSTOMER, InputTopic, LedgerEntry
from drawdown.domain.inputs import ApplyRateCard, Command, CommandBody, UsageEvent
from drawdown.domain.ledger import Decision, Ledger
from drawdown.domain.rate_cards import RateCard
from drawdown.rehearsal import Rehearsal
from drawdown.statements.form import Header, write_entry_line, write_header
from drawdown.whatif.deciding import RecordedInput
from tests.domain.building import CUSTOMER, LEAD_US, NAMESPACE, UNIT, T, card, command, usage


class Recording:
    """Decides inputs as the processor does, and keeps both sides of the log."""

    def __init__(self, *applied: RateCard) -> None:
        self.rehearsal: Final = Rehearsal(new_ledger())
        self.entries: Final[list[LedgerEntry]] = []
        self.inputs: Final[dict[InputTopic, list[RecordedInput]]] = {
            "usage_events": [],
            "ledger_commands": [],
        }
        for each in applied or (card(),):
            at = each.effective_from - LEAD_US
            self.ask(ApplyRateCard(card=each), f"apply {each.label}", at, PARTITION_CUSTOMER)

    def decide(self, given: UsageEvent | Command, at: int) -> Decision:
        """Record an input at `at` (µs), and decide it."""
        topic: InputTopic = "usage_events" if isinstance(given, UsageEvent) else "ledger_commands"
        if isinstance(given, UsageEvent):
            raw = codec.encode_usage(given, header=USAGE)
            given = codec.decode_usage(raw, len(USAGE))
        else:
            raw = codec.encode_command(given, header=COMMAND)
            given = codec.decode_command(raw, len(COMMAND))
        offset = self.rehearsal.offsets[topic]
        self.inputs[topic].append(
            RecordedInput(offset=offset, recorded_at=at, given=given, raw=raw)
        )
        decision, written = self.rehearsal.play(given, at)
        self.entries.extend(written)
        return decision

    def ask(
        self, body: CommandBody, command_id: str, at: int = T, customer_id: str = CUSTOMER
    ) -> Decision:
        """A command that is accepted."""
        given = command(body, command_id, customer_id=customer_id, issued_at=at)
        decision = self.decide(given, at)
        assert decision.outcome == "accepted", decision.detail
        return decision

    def use(self, event_id: str, tokens: int, at: int = T, customer_id: str = CUSTOMER) -> Decision:
        """Usage of whole tokens."""
        event = usage(
            event_id,
            customer_id=customer_id,
            occurred_at=at,
            quantities={"tokens": tokens * UNIT},
        )
        return self.decide(event, at)

    def of(self, customer_id: str = CUSTOMER) -> list[LedgerEntry]:
        """A customer's entries."""
        return [each for each in self.entries if each.facts.customer_id == customer_id]

    def proof(self, customer_id: str = CUSTOMER) -> list[str]:
        """The lines of a customer's proof."""
        entries = self.of(customer_id)
        header = Header(
            namespace=NAMESPACE,
            customer_id=customer_id,
            unit="credit",
            entries=len(entries),
            head=entries[-1].hash.hex(),
        )
        records = [(each, codec.encode_entry(each, header=b"")) for each in entries]
        return [write_header(header), *(write_entry_line(each, raw, 0) for each, raw in records)]


def new_ledger() -> Ledger:
    """A ledger that knows nothing yet."""
    return Ledger(namespace=NAMESPACE, partition=0, rate_card_lead_us=LEAD_US, read_usage=usage_in)
