"""Bytes as people look at them: offset, sixteen in hexadecimal, the same as text."""

from collections.abc import Iterator
from typing import Final

_WIDTH: Final = 16


def dump(data: bytes) -> Iterator[str]:
    """The lines of a dump; what is no printable ASCII is a dot."""
    for start in range(0, len(data), _WIDTH):
        row = data[start : start + _WIDTH]
        left, right = row[: _WIDTH // 2].hex(" "), row[_WIDTH // 2 :].hex(" ")
        text = "".join(chr(each) if 32 <= each < 127 else "." for each in row)
        yield f"{start:08x}  {left:<23}  {right:<23}  |{text}|"
