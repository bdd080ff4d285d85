"""What the decoder remembers of earlier records changes nothing of later ones."""

from hashlib import sha256

import pytest
from tests.contracts.codec_values import usage

from drawdown.adapters.avro import codec
from drawdown.adapters.avro.reading import string_map_end
from drawdown.errors import DecodeFailed

PLAIN = {"model": "swift-1", "region": "eu"}


def _decoded(properties: dict[str, str]) -> tuple[dict[str, str], bytes]:
    event = codec.decode_usage(codec.encode_usage(usage(properties=properties), header=b""), 0)
    return event.properties, event.digest


@pytest.mark.parametrize(
    "properties",
    [{}, PLAIN, {"model": "é" * 40}, {f"p{n:02}": "v" for n in range(70)}, {"": ""}],
)
def test_properties_come_back_the_second_time_as_the_first(properties: dict[str, str]) -> None:
    first, second = _decoded(properties), _decoded(properties)
    assert first == second
    assert first[0] == properties
    assert first[1] == codec.usage_digest(usage(properties=properties))


def test_a_map_in_another_order_is_digested_as_the_canonical_one() -> None:
    encoded = codec.encode_usage(usage(properties=PLAIN), header=b"")
    codec.decode_usage(encoded, 0)
    model, region = b"\x0amodel\x0eswift-1", b"\x0cregion\x04eu"
    assert model + region in encoded
    other = encoded.replace(model + region, region + model)
    for _ in range(2):
        event = codec.decode_usage(other, 0)
        assert event.properties == PLAIN
        assert event.digest == codec.usage_digest(usage(properties=PLAIN))
    assert sha256(other).digest() != sha256(encoded).digest()


def test_more_maps_than_are_remembered_come_back() -> None:
    for number in range(5_000):
        properties = {"request": str(number)}
        assert _decoded(properties)[0] == properties
    assert _decoded(PLAIN)[0] == PLAIN


def test_a_known_map_that_is_cut_short_is_refused() -> None:
    encoded = codec.encode_usage(usage(properties=PLAIN), header=b"")
    codec.decode_usage(encoded, 0)
    end = encoded.index(b"swift-1") + 3
    with pytest.raises(DecodeFailed):
        codec.decode_usage(encoded[:end], 0)


@pytest.mark.parametrize(
    ("encoded", "end"),
    [
        (b"\x00", -1),
        (b"\x02\x02a\x02b\x00", 6),
        (b"\x02\x02a\x02b\x02", -1),
        (b"\x01\x08\x02a\x02b\x00", -1),
        (b"\x02\x02a\x80\x01" + b"v" * 64 + b"\x00", -1),
    ],
)
def test_only_one_block_of_short_strings_is_found_by_its_bytes(encoded: bytes, end: int) -> None:
    assert string_map_end(encoded, 0) == end
