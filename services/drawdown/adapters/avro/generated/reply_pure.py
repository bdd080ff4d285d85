"""Packs `ReplyEntry` and its parts from tables of encoded pieces; for the interpreter.

Generated from `schemas/reply.v1.avsc` by `adapters.avro.generate`: don't edit.
"""

from typing import Final, assert_never

from drawdown.adapters.avro.packing import LONG, STRING, pack_bytes
from drawdown.domain.replies import (
    Reply,
    ReplyEntry,
)

_ENTRYTYPE_BYTES: Final[dict[str, bytes]] = {
    "grant": b'\x00',
    "deduction": b'\x02',
    "hold_placed": b'\x04',
    "hold_extended": b'\x06',
    "hold_captured": b'\x08',
    "hold_released": b'\n',
    "hold_expired": b'\x0c',
    "expiration": b'\x0e',
    "refund": b'\x10',
    "void": b'\x12',
    "clawback": b'\x14',
    "freeze": b'\x16',
    "unfreeze": b'\x18',
    "adjustment": b'\x1a',
    "expiry_changed": b'\x1c',
    "overdraft_settled": b'\x1e',
    "dispute_noted": b' ',
    "policy_changed": b'"',
    "rejected": b'$',
    "rate_card_applied": b'&',
    "period_closed": b'(',
    "record_parked": b'*',
}
_OUTCOME_BYTES: Final[dict[str, bytes]] = {
    "accepted": b'\x00',
    "rejected": b'\x02',
    "duplicate": b'\x04',
}


def pack_ReplyEntry(value: ReplyEntry) -> bytes:
    entry_id = value.entry_id.encode()
    return b"".join((
        LONG[len(entry_id)],
        entry_id,
        _ENTRYTYPE_BYTES[value.type],
        LONG[value.amount],
        LONG[value.balance],
        LONG[value.available],
        LONG[value.account_seq],
        LONG[value.partition_seq],
    ))


def pack_Reply(value: Reply) -> bytes:
    command_id = value.command_id.encode()
    customer_id = value.customer_id.encode()
    code = value.code.encode()
    detail = value.detail.encode()
    first_entry_id = value.first_entry_id.encode()
    entries = value.entries
    return b"".join((
        LONG[len(command_id)],
        command_id,
        LONG[len(customer_id)],
        customer_id,
        STRING[value.unit],
        _OUTCOME_BYTES[value.outcome],
        LONG[len(code)],
        code,
        LONG[len(detail)],
        detail,
        LONG[len(first_entry_id)],
        first_entry_id,
        LONG[len(entries)],
        b"".join([pack_ReplyEntry(entries_item) for entries_item in entries]) + b"\x00" if entries else b"",
        LONG[value.recorded_at],
        LONG[value.partition_seq],
    ))
