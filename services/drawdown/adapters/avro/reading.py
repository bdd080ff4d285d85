"""The rare paths of reading Avro: numbers of several bytes, blocks, and what is refused.

The generated decoders read one-byte numbers in place and come here for all others. Whatever runs
past the end meets an `IndexError` or the check for trailing bytes, which `codec` turns into
`DecodeFailed`; no length is trusted before it was compared with what is there.
"""

from typing import Final, NoReturn

from mypy_extensions import i64

from drawdown.errors import DecodeFailed

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
