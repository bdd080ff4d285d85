"""Records as a log with ids from files has them, for ledgers that live in memory."""

from typing import Final

from drawdown.adapters.avro import codec, schema_files
from drawdown.adapters.avro.schema_ids import FileSchemaIds
from drawdown.adapters.avro.wire import HEADER_BYTES, captured_usage, header
from drawdown.domain.inputs import UsageEvent

_IDS: Final = FileSchemaIds()


def _header(schema: str) -> bytes:
    return header(_IDS.id_of("", schema_files.newest(schema)))


USAGE: Final = _header("usage-event")
COMMAND: Final = _header("command")
ENTRY: Final = _header("ledger-entry")


def usage_in(record: bytes) -> UsageEvent | None:
    """The usage event that a record is, or that the capture in it carries; None: neither."""
    if record.startswith(USAGE):
        return codec.decode_usage(record, HEADER_BYTES)
    return captured_usage(codec.decode_command(record, HEADER_BYTES))
