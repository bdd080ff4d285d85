"""Ids: opaque names of 1–128 bytes, compared bytewise (`domain.md`, «Numbers»)."""

from typing import Final

ID_BYTES_MAX: Final = 128


def valid_id(text: str) -> bool:
    """1–128 bytes, without NUL (which no text column of the read models could hold)."""
    length = len(text)
    if length == 0 or length > ID_BYTES_MAX or "\0" in text:
        return False
    # Four bytes a character at most, so that short ids need no encoding to be measured.
    return length <= ID_BYTES_MAX // 4 or len(text.encode()) <= ID_BYTES_MAX
