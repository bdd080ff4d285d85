"""The ledger topic read from the outside: committed entries, to where a partition ends now."""

from collections.abc import Iterator
from typing import Final

from confluent_kafka import Consumer, KafkaException, TopicPartition

from drawdown.adapters.avro.codec import decode_entry
from drawdown.adapters.avro.schema_ids import resolver
from drawdown.adapters.avro.wire import HEADER_BYTES, WireFormat
from drawdown.adapters.kafka.clients import reader
from drawdown.adapters.kafka.positions import span
from drawdown.adapters.kafka.quiet import LOGGER
from drawdown.domain.entries import LedgerEntry
from drawdown.errors import Unavailable
from drawdown.settings import Settings

_POLL_S: Final = 0.2
_SILENT_POLLS_MAX: Final = 150
_CHUNK: Final = 2_000


def read_entries(
    settings: Settings, partition: int, *, start: int = 0
) -> Iterator[tuple[int, LedgerEntry]]:
    """Offsets and entries of a partition from offset `start` to its present end.

    The end is judged by the reader's position, for transaction markers leave holes in the
    offsets. Raises `Unavailable` if the broker falls silent.
    """
    topic = settings.topic("ledger-entries")
    wire = WireFormat(resolver(settings), topic=topic, schema="ledger-entry")
    client = reader(settings, logger=LOGGER)
    place = TopicPartition(topic, partition)
    try:
        low, end = span(client, place)
        client.assign([TopicPartition(topic, partition, max(low, start))])
        yield from _to_end(client, place, end if end > max(low, start) else 0, wire)
    except KafkaException as error:
        raise Unavailable(f"{topic} can't be read: {error.args[0].str()}") from error
    finally:
        client.close()


def _to_end(
    client: Consumer, place: TopicPartition, end: int, wire: WireFormat
) -> Iterator[tuple[int, LedgerEntry]]:
    silent = 0
    while end and client.position([place])[0].offset < end:
        records = client.consume(_CHUNK, timeout=_POLL_S)
        silent = 0 if records else silent + 1
        if silent > _SILENT_POLLS_MAX:
            raise Unavailable(f"{place.topic} [{place.partition}] can't be read: it is silent")
        for record in records:
            value, offset, error = record.value(), record.offset(), record.error()
            if error is not None:
                raise KafkaException(error)
            assert isinstance(value, bytes)
            assert offset is not None
            yield offset, decode_entry(wire.newest(value), HEADER_BYTES)
