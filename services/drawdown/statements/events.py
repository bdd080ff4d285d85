"""Finding a usage event in the log: its customer, what the ledger says of it, its repeats."""

from drawdown.adapters.avro.wire import Wire
from drawdown.adapters.documents.times import format_time
from drawdown.adapters.kafka.partition_log import PartitionLog, offset_of, value_of
from drawdown.adapters.kafka.topics import ledger_partitions
from drawdown.domain.entries import PARTITION_CUSTOMER
from drawdown.errors import DecodeFailed, UsageError
from drawdown.settings import Settings
from drawdown.statements.explaining import Document, Explanation, concerns
from drawdown.statements.reading import home_of, records_of

_US_PER_MS = 1_000


def explain(settings: Settings, event_id: str, customer_id: str = "") -> Document | None:
    """What became of an event; None: the ledger knows nothing of it.

    Without a customer all partitions are scanned for it. Raises `UsageError` where several
    customers have an event of this id.
    """
    if not customer_id:
        found = customers_of(settings, event_id)
        if len(found) > 1:
            raise UsageError(
                f"{event_id} is an event of several customers; say which with --customer: "
                f"{', '.join(found)}"
            )
        if not found:
            return None
        [customer_id] = found
    partition = home_of(settings, customer_id)
    story = Explanation(customer_id, event_id)
    for each in records_of(settings, partition, [customer_id, PARTITION_CUSTOMER]):
        story.look_at(each.entry)
    if not story.known:
        return None
    return story.document(_repeats(settings, partition, story))


def customers_of(settings: Settings, event_id: str) -> list[str]:
    """The customers of whom the ledger charged or refused an event of this id."""
    found: set[str] = set()
    for partition in range(ledger_partitions(settings)):
        for each in records_of(settings, partition, containing=event_id):
            if concerns(each.entry.facts, event_id):
                found.add(each.entry.facts.customer_id)
    return sorted(found)


def _repeats(settings: Settings, partition: int, story: Explanation) -> list[Document]:
    """The retained inputs of the event that have no entry: they booked nothing."""
    wire, found = Wire(settings), []
    key, text = story.customer_id.encode(), story.event_id.encode()
    with PartitionLog(settings, settings.topic("usage-events"), partition) as log:
        for record in log.records():
            value, offset = value_of(record), offset_of(record)
            if record.key() != key or text not in value or offset in story.offsets:
                continue
            try:
                event = wire.decode_usage(value)
            except DecodeFailed:
                continue
            if (event.event_id, event.customer_id) != (story.event_id, story.customer_id):
                continue
            same = not story.digest or event.digest == story.digest
            found.append(
                {
                    "offset": offset,
                    "recorded_at": format_time(record.timestamp()[1] * _US_PER_MS),
                    "body": "the same" if same else "another",
                }
            )
    return found
