"""The record formats of the measured chain."""

from drawdown.adapters.avro import codec, schema_files
from drawdown.adapters.avro.schema_ids import FileSchemaIds
from drawdown.adapters.avro.wire import header
from drawdown.domain.inputs import Command, UsageEvent


def _header(name: str) -> bytes:
    return header(FileSchemaIds().id_of("", schema_files.newest(name)))


USAGE_HEADER = _header("usage-event")
ENTRY_HEADER = _header("ledger-entry")
COMMAND_HEADER = _header("command")


def encode_usage(event: UsageEvent) -> bytes:
    """A usage record in the wire format."""
    return codec.encode_usage(event, header=USAGE_HEADER)


def encode_command(command: Command) -> bytes:
    """A command record in the wire format."""
    return codec.encode_command(command, header=COMMAND_HEADER)
