"""A scenario's entries in a ledger topic, and the accounts that they fold into."""

from pathlib import Path

from confluent_kafka import Producer

from drawdown.adapters.avro import codec
from drawdown.adapters.avro.input_records import usage_in
from drawdown.adapters.avro.wire import Wire
from drawdown.domain.accounts import Account
from drawdown.domain.entries import PARTITION_CUSTOMER, LedgerEntry
from drawdown.domain.ledger import Ledger
from drawdown.rehearsal import Rehearsal
from drawdown.scenarios.document import read_scenario
from drawdown.settings import Settings

SCENARIOS = Path(__file__).parents[1] / "scenarios"


class ToldLedger:
    """The ledger of one partition after a scenario."""

    def __init__(self, settings: Settings, name: str) -> None:
        scenario = read_scenario(SCENARIOS / f"{name}.yaml")
        self.ledger = Ledger(
            namespace=settings.namespace,
            partition=0,
            rate_card_lead_us=scenario.rate_card_lead_us,
            read_usage=usage_in,
        )
        self.entries: list[LedgerEntry] = []
        rehearsal = Rehearsal(self.ledger)
        for step in scenario.steps:
            for each in step.inputs:
                self.entries += rehearsal.play(each, step.at)[1]

    def accounts(self) -> list[Account]:
        """The customers' accounts."""
        return [each for each in self.ledger.accounts() if each.customer_id != PARTITION_CUSTOMER]


def publish_told(settings: Settings, producer: Producer, told: ToldLedger) -> None:
    """Append its entries to the ledger topic, in one transaction."""
    header = Wire(settings).header("ledger-entry")
    producer.begin_transaction()
    for entry in told.entries:
        producer.produce(
            settings.topic("ledger-entries"),
            key=entry.facts.customer_id.encode(),
            value=codec.encode_entry(entry, header=header),
            partition=0,
        )
    producer.commit_transaction(30)
