"""The ledger topic read from the outside: committed entries, to where a partition ends now."""

from collections.abc import Iterator

from drawdown.adapters.avro.wire import Wire
from drawdown.adapters.kafka.partition_log import PartitionLog, offset_of, value_of
from drawdown.adapters.topics import LEDGER
from drawdown.domain.entries import LedgerEntry
from drawdown.settings import Settings


def read_entries(
    settings: Settings, partition: int, *, start: int = 0
) -> Iterator[tuple[int, LedgerEntry]]:
    """Offsets and entries of a partition from offset `start` to its present end.

    Raises `Unavailable` if the broker falls silent, `DecodeFailed` for bytes that are no entry.
    """
    wire = Wire(settings)
    with PartitionLog(settings, settings.topic(LEDGER), partition) as log:
        log.position = max(log.position, start)
        for record in log.records():
            yield offset_of(record), wire.decode_entry(value_of(record))
