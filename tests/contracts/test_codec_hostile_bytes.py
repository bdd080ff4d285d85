"""Bytes that are no record are refused with `DecodeFailed`, at once and whatever they claim."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.contracts.codec_values import command, entry, reply, usage

from drawdown.adapters.avro import codec
from drawdown.domain.inputs import UsageEvent
from drawdown.errors import DecodeFailed

HUGE = bytes.fromhex("feffffffffffffffff01")  # 2⁶³ − 1
LEAST = bytes.fromhex("ffffffffffffffffff01")  # −2⁶³
BEYOND = bytes.fromhex("ffffffffffffffffff02")  # 65 bits
ENDLESS = b"\xff" * 40

Decoder = Callable[[bytes, int], object]
RECORDS: list[tuple[Decoder, bytes]] = [
    (codec.decode_usage, codec.encode_usage(usage(), header=b"")),
    (codec.decode_command, codec.encode_command(command(), header=b"")),
    (codec.decode_entry, codec.encode_entry(entry(), header=b"")),
    (codec.decode_reply, codec.encode_reply(reply(), header=b"")),
]
EACH = pytest.mark.parametrize(
    ("decode", "record"), RECORDS, ids=["usage", "command", "entry", "reply"]
)


@EACH
def test_every_cut_is_refused(decode: Decoder, record: bytes) -> None:
    for length in range(len(record)):
        with pytest.raises(DecodeFailed):
            decode(record[:length], 0)


@EACH
def test_trailing_bytes_are_refused(decode: Decoder, record: bytes) -> None:
    decode(record, 0)
    with pytest.raises(DecodeFailed):
        decode(record + b"\0", 0)


@EACH
@pytest.mark.parametrize(
    "number", [HUGE, LEAST, BEYOND, ENDLESS], ids=["huge", "least", "beyond", "endless"]
)
def test_a_hostile_number_anywhere_is_refused_or_is_a_value(
    decode: Decoder, record: bytes, number: bytes
) -> None:
    """Lengths, counts, sizes, indices: wherever such a number lands, no more than a value."""
    for place in range(len(record)):
        for behind in (place, place + 1):
            try:
                decode(record[:place] + number + record[behind:], 0)
            except DecodeFailed:
                continue


@EACH
@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_changed_bytes_are_refused_or_are_a_record(
    decode: Decoder, record: bytes, data: st.DataObject
) -> None:
    changed = bytearray(record)
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    try:
        decode(bytes(changed), 0)
    except DecodeFailed:
        return


def test_text_must_be_utf8() -> None:
    record = codec.encode_usage(usage(meter="mmmm"), header=b"")
    with pytest.raises(DecodeFailed):
        codec.decode_usage(record.replace(b"mmmm", b"mm\xff\xfe"), 0)


def test_an_enum_has_no_symbol_beyond_its_last() -> None:
    event = usage(occurred_at=0, properties={}, quantities={})
    record = codec.encode_usage(event, header=b"")
    place = record.index(b"meter") + len("meter") + 1
    assert _decoded(record, place, b"\x04").status == "failed"
    for wrong in (b"\x06", b"\x05", b"\x01", b"\x80\x01"):
        with pytest.raises(DecodeFailed):
            _decoded(record, place, wrong)


def test_a_boolean_is_0_or_1() -> None:
    record = codec.encode_usage(usage(), header=b"")
    assert codec.decode_usage(record[:-1] + b"\x01", 0).hold_final
    with pytest.raises(DecodeFailed):
        codec.decode_usage(record[:-1] + b"\x02", 0)


def test_decoding_starts_behind_the_header() -> None:
    record = codec.encode_usage(usage(), header=b"\0\0\0\0\x01")
    assert codec.decode_usage(record, 5).event_id == usage().event_id


def _decoded(record: bytes, place: int, byte: bytes) -> UsageEvent:
    return codec.decode_usage(record[:place] + byte + record[place + 1 :], 0)
