"""Digests of bodies, and the hash chain of entries."""

from hashlib import sha256
from itertools import permutations
from typing import Any

import pytest
from tests.contracts.codec_values import command, entry, facts, usage
from tests.schemas.records import model, to_plain

from drawdown.adapters.avro import codec, generic
from drawdown.domain.inputs import Grant


def _string(text: str) -> bytes:
    encoded = text.encode()
    assert len(encoded) < 64
    return bytes((len(encoded) * 2,)) + encoded


def test_the_digest_is_that_of_the_bytes_of_the_body() -> None:
    written = codec.encode_usage(usage(), header=b"")
    body = written[len(_string(usage().event_id)) : -2]
    assert codec.decode_usage(written, 0).digest == sha256(body).digest()
    assert codec.usage_digest(usage()) == sha256(body).digest()


def test_the_digest_leaves_out_the_id_and_the_hold() -> None:
    expected = codec.usage_digest(usage())
    other = usage(event_id="another", hold_id="h" * 100, hold_final=True)
    assert codec.usage_digest(other) == expected


@pytest.mark.parametrize(
    "changed",
    [
        {"customer_id": "other"},
        {"unit": "token"},
        {"meter": "other"},
        {"occurred_at": 1},
        {"status": "partial"},
        {"properties": {}},
        {"quantities": {"input": 1}},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_the_digest_covers_each_field_of_the_body(changed: dict[str, Any]) -> None:
    assert codec.usage_digest(usage(**changed)) != codec.usage_digest(usage())


def test_the_order_of_a_map_does_not_matter() -> None:
    quantities = {"a": 1, "b": 2, "c": 3}
    plain = to_plain(model("usage-event"), usage(quantities=quantities))
    for order in permutations(quantities):
        shuffled = plain | {"quantities": {name: quantities[name] for name in order}}
        written = generic.encode(shuffled, "usage-event", header=b"")
        assert codec.decode_usage(written, 0).digest == codec.usage_digest(
            usage(quantities=quantities)
        )


def _with_quantities(encoded: bytes) -> bytes:
    """A usage event whose encoded quantities are these."""
    written = codec.encode_usage(usage(quantities={}, properties={}), header=b"")
    assert written.endswith(b"\0\0\0\0")
    return written[:-3] + encoded + b"\0\0"


@pytest.mark.parametrize(
    "encoded",
    [
        b"\x04\x02a\x02\x02b\x04\0",
        b"\x02\x02a\x02\x02\x02b\x04\0",
        b"\x03\x0c\x02a\x02\x02b\x04\0",
        b"\x01\x06\x02a\x02\x01\x06\x02b\x04\0",
        b"\x04\x02b\x04\x02a\x02\0",
        b"\x84\0\x02a\x02\x02b\x04\0",
        b"\x04\x82\0a\x02\x02b\x04\0",
        b"\x04\x02a\x82\0\x02b\x04\0",
        b"\x04\x02a\x02\x02b\x04\x80\0",
        b"\x06\x02a\x0a\x02a\x02\x02b\x04\0",
    ],
    ids=[
        "canonical",
        "two blocks",
        "a block of stated size",
        "two such blocks",
        "descending keys",
        "a long count",
        "a long length",
        "a long number",
        "a long zero",
        "a key twice: the last counts",
    ],
)
def test_another_encoding_of_the_same_body_has_the_same_digest(encoded: bytes) -> None:
    if encoded.startswith((b"\x03", b"\x01")):
        encoded = _sized(encoded)
    event = codec.decode_usage(_with_quantities(encoded), 0)
    same = usage(quantities={"a": 1, "b": 2}, properties={})
    assert event.quantities == same.quantities
    assert event.digest == codec.usage_digest(same)


def _sized(encoded: bytes) -> bytes:
    """The block's stated size put right: items here take three bytes."""
    count = {3: 2, 1: 1}[encoded[0]]
    size = bytes((count * 3 * 2,))
    return encoded.replace(encoded[:2], encoded[:1] + size)


def test_a_commands_digest_covers_customer_unit_reason_and_body() -> None:
    expected = codec.command_digest(command())
    decoded = codec.decode_command(codec.encode_command(command(), header=b""), 0)
    assert decoded.digest == expected
    same = command(command_id="x" * 100, issued_at=5, actor="somebody else")
    assert codec.command_digest(same) == expected
    for changed in (
        {"customer_id": "other"},
        {"unit": "token"},
        {"reason": "milestone"},
        {"body": Grant(amount=1, kind="promotional")},
    ):
        assert codec.command_digest(command(**changed)) != expected


def test_a_commands_digest_does_not_see_the_order_of_a_map() -> None:
    record = model("command")
    plain = to_plain(record, command())
    name, grant = plain["body"]
    backwards = dict(reversed(grant["properties"].items()))
    written = generic.encode(
        plain | {"body": (name, grant | {"properties": backwards})}, "command", header=b""
    )
    assert written != codec.encode_command(command(), header=b"")
    assert codec.decode_command(written, 0).digest == codec.command_digest(command())


def _sealed(prev_hash: bytes) -> codec.SealedEntry:
    place = entry()
    return codec.seal(
        facts(),
        prev_hash=prev_hash,
        partition_seq=place.partition_seq,
        source_topic=place.source_topic,
        source_partition=place.source_partition,
        source_offset=place.source_offset,
        index=place.index,
        count=place.count,
        header=b"\0\0\0\0\x03",
    )


def test_a_sealed_entry_is_the_entrys_record() -> None:
    prev_hash = codec.genesis_hash("live", "c", "credit")
    sealed = _sealed(prev_hash)
    plain = to_plain(model("ledger-entry"), entry())
    expected = plain | {"prev_hash": prev_hash, "hash": sealed.hash}
    assert sealed.value == generic.encode(expected, "ledger-entry", header=b"\0\0\0\0\x03")


def test_the_hash_is_over_the_previous_one_and_the_facts() -> None:
    prev_hash = codec.genesis_hash("live", "c", "credit")
    sealed = _sealed(prev_hash)
    covered = sealed.value[sealed.value.index(prev_hash) : -32]
    assert sealed.hash == sha256(covered).digest() == sealed.value[-32:]
    assert _sealed(sealed.hash).hash != sealed.hash


def test_a_changed_byte_of_the_facts_breaks_the_hash() -> None:
    value = _sealed(bytes(32)).value
    assert codec.decode_entry_checked(value, 5)[1]
    changed = value.replace(b"grant-1", b"grant-2")
    decoded, whole = codec.decode_entry_checked(changed, 5)
    assert decoded.facts.allocations[0].lot_id == "grant-2"
    assert not whole


def test_the_first_hash_is_of_namespace_customer_and_unit() -> None:
    expected = sha256(_string("live") + _string("cus") + _string("credit")).digest()
    assert codec.genesis_hash("live", "cus", "credit") == expected
    assert codec.genesis_hash("live", "cusc", "redit") != expected
