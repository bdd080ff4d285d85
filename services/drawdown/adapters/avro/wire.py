"""The Confluent wire format: a zero byte, a schema id of four, big-endian, then the Avro.

Records are written by the newest version of their topic's schema and read in any that the
resolver knows: what an older version wrote is lifted by Avro's schema resolution.
"""

from typing import Final

from drawdown.adapters.avro import codec, generic, schema_files
from drawdown.adapters.avro.schema_ids import SchemaIds, resolver
from drawdown.adapters.topics import load_topics
from drawdown.domain.dead_letters import DeadLetter
from drawdown.domain.entries import LedgerEntry
from drawdown.domain.inputs import CaptureHold, Command, UsageEvent, captured_event
from drawdown.domain.replies import Reply
from drawdown.errors import DecodeFailed, SchemaUnknown
from drawdown.settings import Settings

HEADER_BYTES: Final = 5
MAGIC: Final = 0


class WireFormat:
    """The records of one schema in one topic; `topic` is its full name.

    >>> decode_usage(wire.newest(record.value), HEADER_BYTES)
    """

    def __init__(self, ids: SchemaIds, *, topic: str, schema: str) -> None:
        self._ids = ids
        self._topic = topic
        self._schema = schema
        self._file = schema_files.newest(schema)
        self._canonical = generic.newest_canonical(schema)
        self._known: set[bytes] = set()
        self._header = b""

    @property
    def header(self) -> bytes:
        """What stands before each record of the newest version."""
        if not self._header:
            self._header = header(self._ids.id_of(self._topic, self._file))
        return self._header

    def newest(self, value: bytes) -> bytes:
        """The record by the newest version: itself, or what schema resolution makes of it.

        Raises `SchemaUnknown` for another framing or an unknown id, `DecodeFailed` for bytes that
        don't resolve.
        """
        framing = value[:HEADER_BYTES]
        if framing in self._known:
            return value
        writer = self._ids.definition_of(schema_id(value))
        newest = self._file.definition
        if writer is newest or generic.canonical(writer) == self._canonical:
            # Under whatever id: another topic may have registered the same schema.
            self._known.add(framing)
            return value
        record = generic.decode(value, self._schema, HEADER_BYTES, writer)
        return generic.encode(record, self._schema, header=framing)


class Wire:
    """The wire formats of a namespace's topics, by schema. Decoders raise `DecodeFailed`."""

    def __init__(self, settings: Settings, ids: SchemaIds | None = None) -> None:
        self._ids = ids or resolver(settings)
        self._formats = {
            topic.schema: WireFormat(self._ids, topic=settings.topic(name), schema=topic.schema)
            for name, topic in load_topics().items()
        }

    def header(self, schema: str) -> bytes:
        """What stands before each record of the newest version of `schema`."""
        return self._formats[schema].header

    def decode_usage(self, value: bytes) -> UsageEvent:
        """A usage event, with its digest."""
        return codec.decode_usage(self.newest("usage-event", value), HEADER_BYTES)

    def decode_command(self, value: bytes) -> Command:
        """A command, with its digest."""
        return codec.decode_command(self.newest("command", value), HEADER_BYTES)

    def usage_in(self, value: bytes) -> UsageEvent | None:
        """The usage event of a usage record, or of a command that captures with usage.

        None for any other bytes, those of no record at all included.
        """
        try:
            name = self._ids.definition_of(schema_id(value))["name"]
            if name == "UsageEvent":
                return self.decode_usage(value)
            if name == "Command":
                return captured_usage(self.decode_command(value))
        except DecodeFailed:
            return None
        return None

    def decode_entry(self, value: bytes) -> LedgerEntry:
        """A ledger entry."""
        return codec.decode_entry(self.newest("ledger-entry", value), HEADER_BYTES)

    def decode_entry_checked(self, value: bytes) -> tuple[LedgerEntry, bool]:
        """A ledger entry, and whether its hash is that of its bytes as they were written."""
        entry = self.decode_entry(value)
        return entry, codec.hash_of_entry(value, HEADER_BYTES) == entry.hash

    def decode_reply(self, value: bytes) -> Reply:
        """A reply."""
        return codec.decode_reply(self.newest("reply", value), HEADER_BYTES)

    def encode_dead_letter(self, letter: DeadLetter) -> bytes:
        """A dead letter's record."""
        return generic.encode_dead_letter(letter, header=self.header("dead-letter"))

    def decode_dead_letter(self, value: bytes) -> DeadLetter:
        """A dead letter."""
        return generic.decode_dead_letter(self.newest("dead-letter", value), HEADER_BYTES)

    def newest(self, schema: str, value: bytes) -> bytes:
        """The record by the newest version of `schema`."""
        return self._formats[schema].newest(value)


def captured_usage(command: Command) -> UsageEvent | None:
    """The usage of a decoded capture as the event that it names; None for other commands."""
    body = command.body
    if not isinstance(body, CaptureHold) or body.usage is None:
        return None
    return captured_event(command.customer_id, command.unit, body, body.usage)


def header(schema_id: int) -> bytes:
    """What stands before a record of this schema."""
    return bytes((MAGIC,)) + schema_id.to_bytes(4, "big")


def schema_id(value: bytes) -> int:
    """The schema id of a record. Raises `SchemaUnknown` where it isn't in the wire format."""
    if len(value) < HEADER_BYTES:
        raise SchemaUnknown(f"{len(value)} bytes are too few for the Confluent wire format")
    if value[0] != MAGIC:
        raise SchemaUnknown(f"the magic byte is {value[0]}, not {MAGIC}: no wire format with ids")
    return int.from_bytes(value[1:HEADER_BYTES], "big")
