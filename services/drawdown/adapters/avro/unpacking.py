"""Reading numbers of several bytes, for the interpreted codec.

To the interpreter a loop over bytes costs more than taking eight at once and adding them up with
their continuation bits, whose sum is then known.
"""

import struct
from typing import Final

from drawdown.adapters.avro import reading

_EIGHT: Final = struct.Struct("8B").unpack_from
_MARKS: Final = tuple(sum(128 << 7 * place for place in range(count)) for count in range(8))
"""What the continuation bits of so many bytes add up to."""
_1, _2, _3, _4, _5, _6, _7 = _MARKS[1:]


def read_long(data: bytes, pos: int) -> tuple[int, int]:
    """The zigzag varint at `pos`, and the position after it."""
    try:
        a, b, c, d, e, f, g, h = _EIGHT(data, pos)
    except struct.error:
        return reading.read_long(data, pos)
    if a < 128:
        raw, pos = a, pos + 1
    elif b < 128:
        raw, pos = a + (b << 7) - _1, pos + 2
    elif c < 128:
        raw, pos = a + (b << 7) + (c << 14) - _2, pos + 3
    elif d < 128:
        raw, pos = a + (b << 7) + (c << 14) + (d << 21) - _3, pos + 4
    elif e < 128:
        raw, pos = a + (b << 7) + (c << 14) + (d << 21) + (e << 28) - _4, pos + 5
    elif f < 128:
        raw, pos = a + (b << 7) + (c << 14) + (d << 21) + (e << 28) + (f << 35) - _5, pos + 6
    elif g < 128:
        low = a + (b << 7) + (c << 14) + (d << 21)
        raw, pos = low + (e << 28) + (f << 35) + (g << 42) - _6, pos + 7
    elif h < 128:
        low = a + (b << 7) + (c << 14) + (d << 21)
        raw, pos = low + (e << 28) + (f << 35) + (g << 42) + (h << 49) - _7, pos + 8
    else:
        return reading.read_long(data, pos)
    return (~(raw >> 1) if raw & 1 else raw >> 1), pos
