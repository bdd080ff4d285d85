"""Reads and writes `ReplyEntry` and its parts byte by byte; compiled, the hot path.

Generated from `schemas/reply.v1.avsc` by `adapters.avro.generate`: don't edit.
"""

from typing import Final, Literal, assert_never

from librt.strings import BytesWriter
from mypy_extensions import i64

from drawdown.adapters.avro.hashing import sha256_of
from drawdown.adapters.avro.reading import (
    known_string_map,
    name_of,
    read_boolean,
    read_bytes,
    read_count,
    read_index,
    read_length,
    read_long,
    read_string,
    refuse,
    remember_string_map,
    string_map_end,
)
from drawdown.adapters.avro.writing import (
    write_bytes,
    write_long,
    write_name,
    write_string,
)
from drawdown.domain.replies import (
    Reply,
    ReplyEntry,
)

if __file__.endswith(".py"):
    from drawdown.adapters.avro.unpacking import read_long

_ENTRYTYPE: Final[tuple[Literal["grant", "deduction", "hold_placed", "hold_extended", "hold_captured", "hold_released", "hold_expired", "expiration", "refund", "void", "clawback", "freeze", "unfreeze", "adjustment", "expiry_changed", "overdraft_settled", "dispute_noted", "policy_changed", "rejected", "rate_card_applied", "period_closed", "record_parked"], ...]] = (
    "grant",
    "deduction",
    "hold_placed",
    "hold_extended",
    "hold_captured",
    "hold_released",
    "hold_expired",
    "expiration",
    "refund",
    "void",
    "clawback",
    "freeze",
    "unfreeze",
    "adjustment",
    "expiry_changed",
    "overdraft_settled",
    "dispute_noted",
    "policy_changed",
    "rejected",
    "rate_card_applied",
    "period_closed",
    "record_parked",
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
_OUTCOME: Final[tuple[Literal["accepted", "rejected", "duplicate"], ...]] = (
    "accepted",
    "rejected",
    "duplicate",
)
_OUTCOME_BYTES: Final[dict[str, bytes]] = {
    "accepted": b'\x00',
    "rejected": b'\x02',
    "duplicate": b'\x04',
}


def read_ReplyEntry(data: bytes, pos: i64) -> tuple[ReplyEntry, i64]:
    entry_id, pos = read_string(data, pos)
    type_index, pos = read_index(data, pos)
    type = _ENTRYTYPE[type_index]
    amount, pos = read_long(data, pos)
    balance, pos = read_long(data, pos)
    available, pos = read_long(data, pos)
    account_seq, pos = read_long(data, pos)
    partition_seq, pos = read_long(data, pos)
    return ReplyEntry(
        entry_id=entry_id,
        type=type,
        amount=amount,
        balance=balance,
        available=available,
        account_seq=account_seq,
        partition_seq=partition_seq,
    ), pos


def write_ReplyEntry(out: BytesWriter, value: ReplyEntry) -> None:
    write_string(out, value.entry_id)
    out.write(_ENTRYTYPE_BYTES[value.type])
    write_long(out, value.amount)
    write_long(out, value.balance)
    write_long(out, value.available)
    write_long(out, value.account_seq)
    write_long(out, value.partition_seq)


def read_Reply(data: bytes, pos: i64) -> tuple[Reply, i64]:
    command_id, pos = read_string(data, pos)
    customer_id, pos = read_string(data, pos)
    unit, pos = read_string(data, pos)
    outcome_index, pos = read_index(data, pos)
    outcome = _OUTCOME[outcome_index]
    code, pos = read_string(data, pos)
    detail, pos = read_string(data, pos)
    first_entry_id, pos = read_string(data, pos)
    entries: list[ReplyEntry] = []
    while True:
        entries_count, pos = read_count(data, pos)
        if entries_count == 0:
            break
        for _ in range(entries_count):
            entries_item, pos = read_ReplyEntry(data, pos)
            entries.append(entries_item)
    recorded_at, pos = read_long(data, pos)
    partition_seq, pos = read_long(data, pos)
    return Reply(
        command_id=command_id,
        customer_id=customer_id,
        unit=unit,
        outcome=outcome,
        code=code,
        detail=detail,
        first_entry_id=first_entry_id,
        entries=entries,
        recorded_at=recorded_at,
        partition_seq=partition_seq,
    ), pos


def write_Reply(out: BytesWriter, value: Reply) -> None:
    write_string(out, value.command_id)
    write_string(out, value.customer_id)
    write_name(out, value.unit)
    out.write(_OUTCOME_BYTES[value.outcome])
    write_string(out, value.code)
    write_string(out, value.detail)
    write_string(out, value.first_entry_id)
    entries = value.entries
    if entries:
        write_long(out, len(entries))
        for entries_item in entries:
            write_ReplyEntry(out, entries_item)
    out.append(0)
    write_long(out, value.recorded_at)
    write_long(out, value.partition_seq)
