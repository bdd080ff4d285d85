"""The rare paths of reading Avro: numbers of several bytes, blocks, and what is refused.

The generated decoders read one-byte numbers in place and come here for all others. Whatever runs
past the end meets an `IndexError` or the check for trailing bytes, which `codec` turns into
`DecodeFailed`; no length is trusted before it was compared with what is there.
"""

from typing import Final, NoReturn

from mypy_extensions import i64

from drawdown.errors import DecodeFailed

_KEPT_MAX: Final = 4_096
_KEPT_BYTES_MAX: Final = 256
"""What comes again and again is short; both keep what is remembered below a megabyte."""
_NAMES: Final[dict[bytes, str]] = {}
_STRING_MAPS: Final[dict[bytes, dict[str, str]]] = {}
INDEX_MAX: Final = 0xFFFF
LOW_63: Final = 0x7FFF_FFFF_FFFF_FFFF


def refuse(what: str, pos: i64) -> NoReturn:
    """Raise `DecodeFailed`, naming what is wrong and where."""
    raise DecodeFailed(f"{what} at byte {pos}")


def refuse_rest(data: bytes, end: i64) -> NoReturn:
    """Raise for bytes too many, or a last field cut short, whose end lies beyond the record."""
    raise DecodeFailed(f"a record of {end} bytes in {len(data)}")


def read_long(data: bytes, pos: i64) -> tuple[i64, i64]:
    """The zigzag varint at `pos`, and the position after it."""
    byte: i64 = data[pos]
    raw = byte & 127
    shift: i64 = 0
    while byte > 127:
        pos += 1
        shift += 7
        byte = data[pos]
        raw |= (byte & 127) << shift
        if shift == 63 and byte > 1:
            refuse("a number of more than 64 bits", pos)
    # The mask makes the shift a logical one where the compiled `raw` is negative.
    return ((raw >> 1) & LOW_63) ^ -(raw & 1), pos + 1


def read_length(data: bytes, pos: i64) -> tuple[i64, i64]:
    """The length at `pos` of bytes that follow, all of which are there."""
    length, pos = read_long(data, pos)
    if length < 0 or length > len(data) - pos:
        refuse("a length beyond the record", pos)
    return length, pos


def read_index(data: bytes, pos: i64) -> tuple[i64, i64]:
    """The index of an enum's symbol or a union's branch."""
    index, pos = read_long(data, pos)
    # What is too large for a tuple's index at all, compiled, is another error than beyond its end.
    if index < 0 or index > INDEX_MAX:
        refuse("an unknown index", pos)
    return index, pos


def read_count(data: bytes, pos: i64) -> tuple[i64, i64]:
    """The count of a block's items; a negative one is followed by the block's size in bytes."""
    count, pos = read_long(data, pos)
    if count < 0:
        size, pos = read_long(data, pos)
        count = -count
        if size < 0 or size > len(data) - pos:
            refuse("a block beyond the record", pos)
    # Every item of our schemas takes a byte at least, so that no count can keep us long.
    if count < 0 or count > len(data) - pos:
        refuse("more items than bytes", pos)
    return count, pos


def read_string(data: bytes, pos: i64) -> tuple[str, i64]:
    """A string after its length."""
    length, pos = read_length(data, pos)
    return data[pos : pos + length].decode(), pos + length


def read_bytes(data: bytes, pos: i64) -> tuple[bytes, i64]:
    """Bytes after their length."""
    length, pos = read_length(data, pos)
    return data[pos : pos + length], pos + length


def read_boolean(data: bytes, pos: i64) -> tuple[bool, i64]:
    """A byte that is 0 or 1."""
    byte: i64 = data[pos]
    if byte > 1:
        refuse("neither true nor false", pos)
    return byte == 1, pos + 1


def name_of(encoded: bytes) -> str:
    """A string of which there are few different ones, such as a unit: one object for all equals.

    Its hash is taken once, and those who compare it find it identical.
    """
    name = _NAMES.get(encoded)
    if name is None:
        name = encoded.decode()
        if len(encoded) <= _KEPT_BYTES_MAX:
            if len(_NAMES) >= _KEPT_MAX:
                _NAMES.clear()
            _NAMES[encoded] = name
    return name


def string_map_end(data: bytes, pos: i64) -> i64:
    """Where a map of strings at `pos` ends that is one block of short ones; −1: it isn't that."""
    start = pos
    count: i64 = data[pos]
    if count & 129 or count == 0:
        return -1
    pos += 1
    # A key and a value are an even number of strings, and the count is twice that of its items.
    while count > 0:
        size: i64 = data[pos]
        if size & 129:
            return -1
        pos += 1 + (size >> 1)
        count -= 1
    if data[pos] != 0 or pos - start >= _KEPT_BYTES_MAX:
        return -1
    return pos + 1


def known_string_map(encoded: bytes) -> dict[str, str] | None:
    """The value of an encoded map that was remembered. It is shared: nobody may change it."""
    return _STRING_MAPS.get(encoded)


def remember_string_map(encoded: bytes, value: dict[str, str]) -> None:
    """Remember a map of strings by its canonical encoding."""
    if len(_STRING_MAPS) >= _KEPT_MAX:
        _STRING_MAPS.clear()
    _STRING_MAPS[encoded] = value
