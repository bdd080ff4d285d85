"""The codec of the hot path: usage events and commands in, ledger entries and replies out.

Bytes are Avro by the newest schemas; `start` is where the Avro begins, 5 in the Confluent wire
format, and `header` is what stands before it (`adapters.avro.wire` has both, and lifts records of
older schemas). Decoders raise `DecodeFailed` for whatever is no record of the schema. Encoders
raise `OverflowError` for a number beyond 64 bits and `UnicodeEncodeError` for text that is no
Unicode.

Maps are written in ascending order of their keys, so that equal values have equal bytes.
"""

from dataclasses import replace
from typing import Final, final

from librt.strings import BytesWriter
from mypy_extensions import i64, mypyc_attr

from drawdown.adapters.avro.generated.command import read_Command, write_Command
from drawdown.adapters.avro.generated.ledger_entry import (
    read_LedgerEntry,
    write_EntryFacts,
    write_LedgerEntry,
)
from drawdown.adapters.avro.generated.reply import read_Reply, write_Reply
from drawdown.adapters.avro.generated.usage_event import read_UsageEvent, write_UsageEvent
from drawdown.adapters.avro.hashing import sha256_of
from drawdown.adapters.avro.reading import read_long, refuse_rest
from drawdown.adapters.avro.writing import write_long, write_string
from drawdown.domain.entries import HASH_VERSION, EntryFacts, InputTopic, LedgerEntry
from drawdown.domain.inputs import (
    CaptureHold,
    Command,
    CommandBody,
    UsageEvent,
    captured_event,
)
from drawdown.domain.replies import Reply
from drawdown.errors import DecodeFailed

COMPILED: Final = not __file__.endswith(".py")
if not COMPILED:
    from drawdown.adapters.avro.generated.command_pure import pack_Command
    from drawdown.adapters.avro.generated.ledger_entry_pure import pack_EntryFacts, pack_LedgerEntry
    from drawdown.adapters.avro.generated.reply_pure import pack_Reply
    from drawdown.adapters.avro.generated.usage_event_pure import pack_UsageEvent
    from drawdown.adapters.avro.packing import LONG

HASH_BYTES: Final = 32
NUMBERS_BEFORE_HASH: Final = 7
"""`partition_seq` to `hash_version`: what the hash doesn't cover."""
_TOPIC: Final[dict[str, bytes]] = {"usage_events": b"\x00", "ledger_commands": b"\x02"}
_VERSION: Final = bytes((HASH_VERSION * 2,))


@mypyc_attr(acyclic=True, free_list_len=1)
@final
class SealedEntry:
    """An entry ready for the log: its record, and its hash for the next entry's `prev_hash`."""

    def __init__(self, value: bytes, hash: bytes) -> None:
        self.value: Final = value
        self.hash: Final = hash


def seal(
    facts: EntryFacts,
    *,
    prev_hash: bytes,
    partition_seq: int,
    source_topic: InputTopic,
    source_partition: int,
    source_offset: int,
    index: int,
    count: int,
    header: bytes,
) -> SealedEntry:
    """Encode an entry, facts once: `hash` covers `prev_hash` and the bytes that stand behind it."""
    assert len(prev_hash) == HASH_BYTES
    if not COMPILED:
        covered = prev_hash + pack_EntryFacts(facts)
        digest = sha256_of(covered)
        place = (
            header,
            LONG[partition_seq],
            _TOPIC[source_topic],
            LONG[source_partition],
            LONG[source_offset],
            LONG[index],
            LONG[count],
            _VERSION,
            covered,
            digest,
        )
        return SealedEntry(b"".join(place), digest)
    out = BytesWriter()
    out.write(prev_hash)
    write_EntryFacts(out, facts)
    hashed_part = out.getvalue()
    hashed = sha256_of(hashed_part)
    out = BytesWriter()
    out.write(header)
    write_long(out, partition_seq)
    out.write(_TOPIC[source_topic])
    write_long(out, source_partition)
    write_long(out, source_offset)
    write_long(out, index)
    write_long(out, count)
    out.write(_VERSION)
    out.write(hashed_part)
    out.write(hashed)
    return SealedEntry(out.getvalue(), hashed)


def genesis_hash(namespace: str, customer_id: str, unit: str) -> bytes:
    """`prev_hash` of an account's first entry: SHA-256 of the three as Avro strings."""
    out = BytesWriter()
    write_string(out, namespace)
    write_string(out, customer_id)
    write_string(out, unit)
    return sha256_of(out.getvalue())


def encode_entry(entry: LedgerEntry, *, header: bytes) -> bytes:
    """An entry whose hash is known already."""
    if not COMPILED:
        return header + pack_LedgerEntry(entry)
    out = BytesWriter()
    out.write(header)
    write_LedgerEntry(out, entry)
    return out.getvalue()


def decode_entry(value: bytes, start: int) -> LedgerEntry:
    """The entry that stands in `value` from `start` to its end."""
    try:
        entry, end = read_LedgerEntry(value, start)
    except (IndexError, UnicodeDecodeError) as error:
        raise DecodeFailed(f"no ledger entry: {error}") from error
    if end != len(value):
        refuse_rest(value, end)
    return entry


def decode_entry_checked(value: bytes, start: int) -> tuple[LedgerEntry, bool]:
    """The entry, and whether its hash is that of the bytes before it."""
    return decode_entry(value, start), hash_of_entry(value, start) == value[-HASH_BYTES:]


def hash_of_entry(value: bytes, start: int) -> bytes:
    """SHA-256 of `prev_hash` and the facts, as they stand in an entry that was decoded before."""
    pos: i64 = start
    for _ in range(NUMBERS_BEFORE_HASH):
        _, pos = read_long(value, pos)
    return sha256_of(value[pos:-HASH_BYTES])


def encode_usage(event: UsageEvent, *, header: bytes) -> bytes:
    """A usage event; its `digest` is no part of it."""
    if not COMPILED:
        return header + pack_UsageEvent(event)
    out = BytesWriter()
    out.write(header)
    write_UsageEvent(out, event)
    return out.getvalue()


def decode_usage(value: bytes, start: int) -> UsageEvent:
    """The usage event that stands in `value` from `start` to its end, with its body's digest."""
    try:
        event, end = read_UsageEvent(value, start)
    except (IndexError, UnicodeDecodeError) as error:
        raise DecodeFailed(f"no usage event: {error}") from error
    if end != len(value):
        refuse_rest(value, end)
    # The decoder leaves the digest to us where another encoder ordered or cut the body its way.
    return event if event.digest else _with_digest(event)


def usage_digest(event: UsageEvent) -> bytes:
    """SHA-256 of the encoded body, `customer_id` to `quantities`."""
    encoded = encode_usage(event, header=b"")
    behind = _string_size(event.hold_id) + 1
    return sha256_of(encoded[_string_size(event.event_id) : len(encoded) - behind])


def encode_command(command: Command, *, header: bytes) -> bytes:
    """A command; its `digest` is no part of it."""
    if not COMPILED:
        return header + pack_Command(command)
    out = BytesWriter()
    out.write(header)
    write_Command(out, command)
    return out.getvalue()


def decode_command(value: bytes, start: int) -> Command:
    """The command that stands in `value` from `start` to its end, with its body's digest."""
    try:
        command, end = read_Command(value, start)
    except (IndexError, UnicodeDecodeError) as error:
        raise DecodeFailed(f"no command: {error}") from error
    if end != len(value):
        refuse_rest(value, end)
    return Command(
        command_id=command.command_id,
        issued_at=command.issued_at,
        actor=command.actor,
        customer_id=command.customer_id,
        unit=command.unit,
        reason=command.reason,
        body=_with_usage_digest(command),
        digest=command_digest(command),
    )


def command_digest(command: Command) -> bytes:
    """SHA-256 of the encoded body, `customer_id` to `body`."""
    encoded = encode_command(command, header=b"")
    pos: i64 = _string_size(command.command_id)
    _, pos = read_long(encoded, pos)
    return sha256_of(encoded[pos + _string_size(command.actor) :])


def encode_reply(reply: Reply, *, header: bytes) -> bytes:
    """A reply."""
    if not COMPILED:
        return header + pack_Reply(reply)
    out = BytesWriter()
    out.write(header)
    write_Reply(out, reply)
    return out.getvalue()


def decode_reply(value: bytes, start: int) -> Reply:
    """The reply that stands in `value` from `start` to its end."""
    try:
        reply, end = read_Reply(value, start)
    except (IndexError, UnicodeDecodeError) as error:
        raise DecodeFailed(f"no reply: {error}") from error
    if end != len(value):
        refuse_rest(value, end)
    return reply


def _with_usage_digest(command: Command) -> CommandBody:
    """A command's body; usage within a capture has the digest of the event that it stands for."""
    body = command.body
    if not isinstance(body, CaptureHold) or body.usage is None:
        return body
    digest = usage_digest(captured_event(command.customer_id, command.unit, body, body.usage))
    return replace(body, usage=replace(body.usage, digest=digest))


def _with_digest(event: UsageEvent) -> UsageEvent:
    return UsageEvent(
        event_id=event.event_id,
        customer_id=event.customer_id,
        unit=event.unit,
        meter=event.meter,
        occurred_at=event.occurred_at,
        status=event.status,
        properties=event.properties,
        quantities=event.quantities,
        hold_id=event.hold_id,
        hold_final=event.hold_final,
        digest=usage_digest(event),
    )


def _string_size(text: str) -> int:
    out = BytesWriter()
    write_string(out, text)
    return len(out)
