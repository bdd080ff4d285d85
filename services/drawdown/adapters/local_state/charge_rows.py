"""Rows of charges, of which there are as many as events. On the hot path.

A row says which entry charged the event, and not what that drew: few are ever refunded, and the
ledger holds it. One of which nothing was given back, and which is the first of its id, is plain:
numbers at fixed places. Any other one is a MessagePack array of the charges of its id, the latest
first. `rows.FORMAT` counts these rows, too.
"""

from sys import intern
from typing import Any, Final

from librt.strings import BytesWriter, read_i32_be, read_i64_be, write_i32_be, write_i64_be
from msgspec.msgpack import Decoder, Encoder

from drawdown.domain.charges import Charged
from drawdown.domain.entries import InputTopic

_encode: Final = Encoder().encode
_decode: Final = Decoder().decode
_PLAIN: Final = 1
"""What a plain charge begins with; a MessagePack array begins otherwise."""
_TOPICS: Final[list[InputTopic]] = ["usage_events", "ledger_commands"]
_SEQ_AT: Final = 2
_OFFSET_AT: Final = 10
_UNTIL_AT: Final = 18
_PARTITION_AT: Final = 26
_INDEX_AT: Final = 30
_DIGEST_AT: Final = 35
"""Behind the digest's length; the unit is the rest."""


def charged_row(charged: Charged) -> bytes:
    """An event's charge, and those of the same id before it."""
    if charged.before is None and charged.returned == 0:
        return _plain(charged)
    charges: list[list[object]] = []
    each: Charged | None = charged
    while each is not None:
        charges.append(_charge(each))
        each = each.before
    return _encode(charges)


def read_charged(row: bytes) -> Charged:
    """An event's charges, the latest first."""
    if row[0] == _PLAIN:
        return _read_plain(row)
    charged: Charged | None = None
    for values in reversed(_decode(row)):
        charged = _read_charge(values, charged)
    assert charged is not None, "a charge was saved"
    return charged


def _plain(charged: Charged) -> bytes:
    out = BytesWriter()
    out.append(_PLAIN)
    out.append(0 if charged.topic == _TOPICS[0] else 1)
    write_i64_be(out, charged.partition_seq)
    write_i64_be(out, charged.offset)
    write_i64_be(out, charged.until)
    write_i32_be(out, charged.partition)
    write_i32_be(out, charged.index)
    digest = charged.digest
    out.append(len(digest))
    out.write(digest)
    out.write(charged.unit.encode())
    return out.getvalue()


def _read_plain(row: bytes) -> Charged:
    end = _DIGEST_AT + row[_DIGEST_AT - 1]
    charged = Charged(
        unit=intern(row[end:].decode()),
        digest=row[_DIGEST_AT:end],
        until=read_i64_be(row, _UNTIL_AT),
        returned=0,
        before=None,
    )
    charged.stands_at(
        read_i64_be(row, _SEQ_AT),
        _TOPICS[row[1]],
        read_i32_be(row, _PARTITION_AT),
        read_i64_be(row, _OFFSET_AT),
        read_i32_be(row, _INDEX_AT),
    )
    return charged


def _charge(charged: Charged) -> list[object]:
    return [
        charged.unit,
        charged.digest,
        charged.until,
        charged.returned,
        charged.partition_seq,
        charged.topic,
        charged.partition,
        charged.offset,
        charged.index,
    ]


def _read_charge(values: Any, before: Charged | None) -> Charged:
    charged = Charged(
        unit=values[0],
        digest=values[1],
        until=values[2],
        returned=values[3],
        before=before,
    )
    charged.stands_at(values[4], values[5], values[6], values[7], values[8])
    return charged
