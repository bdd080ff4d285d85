"""The wire format: the newest version as it is, older ones by schema resolution."""

import copy
import json
from io import BytesIO
from typing import Any

import fastavro
import pytest
from tests.contracts.codec_values import command, entry, reply, usage
from tests.contracts.schema_registry import FakeRegistry
from tests.schemas.records import model, to_plain

from drawdown.adapters.avro import codec, schema_files
from drawdown.adapters.avro.schema_ids import FileSchemaIds, RegistrySchemaIds
from drawdown.adapters.avro.wire import HEADER_BYTES, Wire, WireFormat, header
from drawdown.domain.dead_letters import DeadLetter
from drawdown.domain.inputs import CaptureHold, Command, HoldUsage, UsageEvent
from drawdown.errors import DecodeFailed, SchemaUnknown
from drawdown.settings import load


@pytest.fixture
def wire() -> Wire:
    return Wire(load(), FileSchemaIds())


@pytest.fixture
def registry() -> FakeRegistry:
    return FakeRegistry()


@pytest.fixture
def registered(registry: FakeRegistry) -> WireFormat:
    ids = RegistrySchemaIds(registry.client())
    return WireFormat(ids, topic="live.usage-events", schema="usage-event")


def _older() -> dict[str, Any]:
    """A schema of usage events before there were holds, and with a field that went away."""
    older = copy.deepcopy(schema_files.newest("usage-event").definition)
    older["fields"] = older["fields"][:-2]
    older["fields"].insert(2, {"name": "color", "type": "string"})
    return older


def test_each_record_comes_back(wire: Wire) -> None:
    event = codec.encode_usage(usage(), header=wire.header("usage-event"))
    assert wire.decode_usage(event).digest == codec.usage_digest(usage())
    asked = codec.encode_command(command(), header=wire.header("command"))
    assert wire.decode_command(asked).body == command().body
    answer = codec.encode_reply(reply(), header=wire.header("reply"))
    assert wire.decode_reply(answer) == reply()
    written = codec.encode_entry(entry(), header=wire.header("ledger-entry"))
    assert wire.decode_entry(written).entry_id == entry().entry_id
    assert wire.decode_entry_checked(written)[1] is False, "its hash is none"


def test_usage_is_found_in_its_record_and_in_a_capture(wire: Wire) -> None:
    event = codec.encode_usage(usage(), header=wire.header("usage-event"))
    found = wire.usage_in(event)
    assert found is not None
    assert found.digest == codec.usage_digest(usage())
    captured = wire.usage_in(_capture(wire, usage()))
    assert captured is not None
    assert (captured.event_id, captured.hold_id, captured.hold_final) == ("e-1", "h-1", False)
    assert captured.digest == found.digest


def test_no_usage_is_found_in_other_bytes(wire: Wire) -> None:
    other = codec.encode_command(command(), header=wire.header("command"))
    written = codec.encode_reply(reply(), header=wire.header("reply"))
    event = codec.encode_usage(usage(), header=wire.header("usage-event"))
    for value in (other, written, event[:-3], b"", header(9_999) + b"x", b"garbage"):
        assert wire.usage_in(value) is None


def _capture(wire: Wire, event: UsageEvent) -> bytes:
    """A command that captures with usage of the same body as `event`."""
    body = CaptureHold(
        hold_id="h-1",
        usage=HoldUsage(
            event_id="e-1",
            meter=event.meter,
            occurred_at=event.occurred_at,
            status=event.status,
            properties=event.properties,
            quantities=event.quantities,
        ),
        final=False,
    )
    asked = Command(
        command_id="c-1",
        issued_at=1,
        actor="",
        customer_id=event.customer_id,
        unit=event.unit,
        reason="",
        body=body,
    )
    return codec.encode_command(asked, header=wire.header("command"))


def test_a_dead_letter_comes_back(wire: Wire) -> None:
    letter = DeadLetter(
        topic="live.usage-events",
        partition=1,
        offset=2,
        recorded_at=3,
        reason="undecodable",
        detail="",
        length=4,
        sha256=bytes(32),
        key=None,
        value=b"\0\xff",
    )
    assert wire.decode_dead_letter(wire.encode_dead_letter(letter)) == letter


@pytest.mark.parametrize(
    ("framed", "why"),
    [
        (b"", "too few"),
        (b"\0\0\0\0", "too few"),
        (b"\x01\0\0\0\x01rest", "magic byte is 1"),
        (b'{"event_id"', "magic byte is 123"),
        (b"\0\xff\xff\xff\xff", "4294967295"),
    ],
)
def test_what_is_not_framed_is_refused_with_the_reason(wire: Wire, framed: bytes, why: str) -> None:
    with pytest.raises(SchemaUnknown, match=why):
        wire.decode_usage(framed)


def test_a_record_of_another_schema_is_refused(wire: Wire) -> None:
    with pytest.raises(DecodeFailed):
        wire.decode_usage(codec.encode_reply(reply(), header=wire.header("reply")))


def test_the_newest_version_is_not_touched(registered: WireFormat) -> None:
    record = codec.encode_usage(usage(), header=registered.header)
    assert registered.newest(record) is record


def test_the_same_schema_under_another_id_is_read(
    registry: FakeRegistry, registered: WireFormat
) -> None:
    text = json.dumps(schema_files.newest("usage-event").definition, indent=8)
    other = header(registry.add(text))
    assert other != registered.header
    record = codec.encode_usage(usage(), header=other)
    assert registered.newest(record) is record


def test_an_older_version_is_lifted(registry: FakeRegistry, registered: WireFormat) -> None:
    older = _older()
    plain = to_plain(model("usage-event"), usage()) | {"color": "red"}
    del plain["hold_id"], plain["hold_final"]
    framed = header(registry.add(json.dumps(older))) + _written(plain, older)
    event = codec.decode_usage(registered.newest(framed), HEADER_BYTES)
    assert to_plain(model("usage-event"), event) == to_plain(model("usage-event"), usage())
    assert event.digest == codec.usage_digest(usage())


def test_cut_bytes_of_an_older_version_are_refused(
    registry: FakeRegistry, registered: WireFormat
) -> None:
    older = _older()
    plain = to_plain(model("usage-event"), usage()) | {"color": "red"}
    framed = header(registry.add(json.dumps(older))) + _written(plain, older)
    for length in range(HEADER_BYTES, len(framed)):
        with pytest.raises(DecodeFailed):
            registered.newest(framed[:length])
    with pytest.raises(DecodeFailed):
        registered.newest(framed + b"\0")


def _written(plain: dict[str, Any], schema: dict[str, Any]) -> bytes:
    out = BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), plain)
    return out.getvalue()
