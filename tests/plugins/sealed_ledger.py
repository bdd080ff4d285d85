"""A partition's ledger, written by the real domain and the real codec, without a processor."""

from collections.abc import Sequence
from typing import Final

from confluent_kafka import Producer

from drawdown.adapters.avro import codec
from drawdown.adapters.avro.wire import Wire
from drawdown.domain.accounts import Account
from drawdown.domain.entries import PARTITION_CUSTOMER, InputTopic, LedgerEntry
from drawdown.domain.inputs import ApplyRateCard, Command, Grant, UsageEvent
from drawdown.domain.ledger import Ledger
from drawdown.settings import Settings
from tests.domain.building import CREDIT, LEAD_US, UNIT, T, card, command, usage


class SealedLedger:
    """Decides inputs and keeps the entries with the records that stand for them."""

    def __init__(self, settings: Settings, partition: int = 0) -> None:
        self.ledger: Final = Ledger(
            namespace=settings.namespace, partition=partition, rate_card_lead_us=LEAD_US
        )
        self.entries: Final[list[LedgerEntry]] = []
        self.values: Final[list[bytes]] = []
        self._header = Wire(settings).header("ledger-entry")
        self._offsets: dict[InputTopic, int] = {"usage_events": 0, "ledger_commands": 0}

    def decide(self, given: UsageEvent | Command, at: int = T) -> None:
        """Decide an input recorded at `at` (µs)."""
        if isinstance(given, UsageEvent):
            decision = self.ledger.decide_usage(given, at, b"raw")
            topic: InputTopic = "usage_events"
        else:
            decision = self.ledger.decide_command(given, at, b"raw")
            topic = "ledger_commands"
        for index, facts in enumerate(decision.facts):
            prev_hash = self.ledger.head(facts.customer_id, facts.unit) or codec.genesis_hash(
                facts.namespace, facts.customer_id, facts.unit
            )
            sealed = codec.seal(
                facts,
                prev_hash=prev_hash,
                partition_seq=self.ledger.partition_seq + 1,
                source_topic=topic,
                source_partition=self.ledger.partition,
                source_offset=self._offsets[topic],
                index=index,
                count=len(decision.facts),
                header=self._header,
            )
            entry = codec.decode_entry(sealed.value, len(self._header))
            self.ledger.evolve(entry)
            self.entries.append(entry)
            self.values.append(sealed.value)
        self._offsets[topic] += 1

    def begin(self) -> None:
        """Apply the card that prices a token at a credit."""
        apply = command(
            ApplyRateCard(card=card()),
            "apply",
            customer_id=PARTITION_CUSTOMER,
            issued_at=T - LEAD_US,
        )
        self.decide(apply, T - LEAD_US)

    def live(self, customers: Sequence[str], events: int) -> None:
        """A little of everything: several lots a customer, charges, refusals, what runs out."""
        self.begin()
        for customer in customers:
            for number, price in enumerate((0, 999)):
                granted = Grant(
                    amount=(events + number) * CREDIT // 2,
                    kind="purchased" if price else "promotional",
                    price_minor=price,
                    currency="USD" if price else "",
                    properties={"region": 'e"u\\'} if number else {},
                )
                name = f"grant-{customer}-{number}"
                self.decide(command(granted, name, customer_id=customer, reason="buy\tnow\n"))
        for number in range(events):
            at = T + number * 3_600_000_000
            for customer in customers:
                meter = "unpriced" if number % 10 == 9 else "tokens"
                event = usage(
                    f"{customer}-{number}",
                    customer_id=customer,
                    occurred_at=at,
                    meter=meter,
                    properties={"region": 'e"u\\'},
                    quantities={meter: UNIT * (1 + number % 3)},
                )
                self.decide(event, at)

    def accounts(self) -> list[Account]:
        """The customers' accounts as they stand now."""
        return [each for each in self.ledger.accounts() if each.customer_id != PARTITION_CUSTOMER]


def publish(settings: Settings, producer: Producer, ledger: SealedLedger, start: int = 0) -> None:
    """Append a ledger's records from `start` on to its partition, in one transaction."""
    producer.begin_transaction()
    for entry, value in zip(ledger.entries[start:], ledger.values[start:], strict=True):
        producer.produce(
            settings.topic("ledger-entries"),
            key=entry.facts.customer_id.encode(),
            value=value,
            partition=ledger.ledger.partition,
        )
    producer.commit_transaction(30)
