"""A customer's records of the ledger topic: of the customer's own partition, and no other."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from drawdown.adapters.avro.wire import Wire
from drawdown.adapters.kafka.partition_log import PartitionLog, value_of
from drawdown.adapters.kafka.partitioner import partition_of
from drawdown.adapters.kafka.topics import ledger_partitions
from drawdown.adapters.topics import LEDGER
from drawdown.domain.entries import PARTITION_CUSTOMER, LedgerEntry
from drawdown.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """An entry, and its record as it stands in the log."""

    entry: LedgerEntry
    value: bytes


def home_of(settings: Settings, customer_id: str) -> int:
    """The partition that holds a customer's entries. Raises `InvalidSetting`, `Unavailable`."""
    return partition_of(customer_id, ledger_partitions(settings))


def records_of(
    settings: Settings, partition: int, customers: Iterable[str] = (), *, containing: str = ""
) -> Iterator[Recorded]:
    """The committed records of some customers (none named: of all), to the partition's end.

    Records of others, or without the text that they must contain, aren't decoded. Raises
    `Unavailable`, `DecodeFailed`.
    """
    wire, keys, text = Wire(settings), {each.encode() for each in customers}, containing.encode()
    with PartitionLog(settings, settings.topic(LEDGER), partition) as log:
        for record in log.records():
            value = value_of(record)
            if (not keys or record.key() in keys) and text in value:
                yield Recorded(entry=wire.decode_entry(value), value=value)


def entries_of(settings: Settings, customer_id: str) -> Iterator[LedgerEntry]:
    """The entries of all of a customer's accounts, as they stand in the log."""
    for each in records_of(settings, home_of(settings, customer_id), [customer_id]):
        yield each.entry


def every_entry(settings: Settings) -> Iterator[LedgerEntry]:
    """The entries of every customer, partition by partition."""
    for partition in range(ledger_partitions(settings)):
        for each in records_of(settings, partition):
            if each.entry.facts.customer_id != PARTITION_CUSTOMER:
                yield each.entry
