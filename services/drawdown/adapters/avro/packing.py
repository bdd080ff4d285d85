"""Tables of encoded numbers and strings, for the interpreted codec.

A table lookup costs an interpreter what a byte of arithmetic does. Numbers are cut in pieces of
14 bits, two bytes each.
"""

from typing import Final

_MORE: Final = [bytes((low & 127 | 128, low >> 7 | 128)) for low in range(1 << 14)]
"""Two bytes that others follow."""
_LAST: Final = [
    bytes((low,)) if low < 128 else bytes((low & 127 | 128, low >> 7)) for low in range(1 << 14)
]
"""The one or two bytes that end a number."""


class Longs(dict[int, bytes]):
    """Numbers as zigzag varints; the small ones are kept, the others made each time."""

    def __missing__(self, value: int) -> bytes:
        raw = value << 1 if value >= 0 else ~(value << 1)
        if raw < 1 << 28:
            if raw < 1 << 14:
                return _LAST[raw]
            return _MORE[raw & 16383] + _LAST[raw >> 14]
        middle = _MORE[raw & 16383] + _MORE[raw >> 14 & 16383]
        if raw < 1 << 42:
            return middle + _LAST[raw >> 28]
        middle += _MORE[raw >> 28 & 16383]
        if raw < 1 << 56:
            return middle + _LAST[raw >> 42]
        if raw >= 1 << 64:
            raise OverflowError(f"{value} has more than 64 bits")
        return middle + _MORE[raw >> 42 & 16383] + _LAST[raw >> 56]


class Strings(dict[str, bytes]):
    """Strings that come again and again (units, meters, lines), as UTF-8 after their length."""

    def __init__(self, kept_max: int) -> None:
        super().__init__()
        self.kept_max = kept_max

    def __missing__(self, value: str) -> bytes:
        encoded = pack_string(value)
        if len(self) >= self.kept_max:
            # What is common comes back at once; what only passed by doesn't.
            self.clear()
        self[value] = encoded
        return encoded


LONG: Final = Longs()
LONG.update((value, LONG[value]) for value in range(-64, 8192))
STRING: Final = Strings(kept_max=4096)


def pack_bytes(value: bytes) -> bytes:
    """Bytes after their length."""
    return LONG[len(value)] + value


def pack_string(value: str) -> bytes:
    """A string's UTF-8 after its length."""
    encoded = value.encode()
    return LONG[len(encoded)] + encoded
