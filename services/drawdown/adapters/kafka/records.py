"""Consumed records: what is read of one, whichever client handed it out. On the hot path."""

from typing import Final, Protocol

BARRIER_KEY: Final = b"$barrier"
"""The key of a record without a value that a writer leaves in its outputs
(`ledger_processor/barrier.py`); it says nothing to whoever reads them."""


class ConsumedRecord(Protocol):
    """`confluent_kafka.Message` is one."""

    def offset(self) -> int | None: ...
    def key(self) -> bytes | str | None: ...
    def value(self) -> bytes | str | None: ...
    def timestamp(self) -> tuple[int, int]: ...


def offset_of(record: ConsumedRecord) -> int:
    """The offset of a record that was read."""
    offset = record.offset()
    assert offset is not None, "a consumed record has an offset"
    return offset


def value_of(record: ConsumedRecord) -> bytes:
    """The value of a record; no bytes, which no schema fits, where it has none."""
    value = record.value()
    return value if isinstance(value, bytes) else _bytes(value)


def key_of(record: ConsumedRecord) -> bytes | None:
    """The key of a record, or None."""
    key = record.key()
    return key if key is None or isinstance(key, bytes) else _bytes(key)


def is_barrier(record: ConsumedRecord) -> bool:
    """Whether a record of an output says nothing, and is to be skipped."""
    return record.value() is None and key_of(record) == BARRIER_KEY


def _bytes(data: str | None) -> bytes:
    return b"" if data is None else data.encode()
