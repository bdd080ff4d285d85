"""Entries as rows: every field of every entry, by COPY."""

import json
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, Final

from drawdown.adapters.postgres.connections import Cursor
from drawdown.adapters.postgres.literals import NULL, bytea, field, json_field, json_map, json_text
from drawdown.adapters.postgres.store import Slices
from drawdown.domain.entries import Allocation, Charge, EntryDetails, LedgerEntry, RatedLine

_COPY: Final = """COPY entries (
    partition, partition_seq, entry_id, customer_id, unit, account_seq, type, amount, balance, held,
    available, overdraft, debt, overage_total, residue, allocations, charge, details, cause,
    cause_id, cause_digest, burn_order_version, reason, actor, occurred_at, recorded_at,
    effective_at, decision_index, decision_count, hash_version, prev_hash, hash
) FROM STDIN"""


def copy_entries(
    cursor: Cursor,
    slices: Slices,
    take: Callable[[Sequence[LedgerEntry]], None],
) -> None:
    """Write the entries of one partition, and let `take` have each slice of them.

    The database stores one while the next one is decoded, formatted and taken.
    """
    rest = iter(slices)
    first = next(rest)
    _ensure_table(cursor, first[0].source_partition)
    with cursor.copy(_COPY) as copy:
        for entries in chain((first,), rest):
            copy.write("".join([_line(entry) for entry in entries]))
            take(entries)


def _ensure_table(cursor: Cursor, partition: int) -> None:
    """Make the table of a partition that has none yet.

    It is made apart and then attached: unlike `CREATE TABLE … PARTITION OF`, that waits for no
    reader of the others.
    """
    table = f"entries_{partition}"
    found = cursor.execute("SELECT to_regclass(%s)", [table]).fetchone()
    if found is not None and found[0] is not None:
        return
    cursor.execute(f"CREATE TABLE {table} (LIKE entries INCLUDING ALL)".encode())
    attach = f"ALTER TABLE entries ATTACH PARTITION {table} FOR VALUES IN ({partition})"
    cursor.execute(attach.encode())


def _line(entry: LedgerEntry) -> str:
    f = entry.facts
    return (
        f"{entry.source_partition}\t{entry.partition_seq}\t{entry.entry_id}\t"
        f"{field(f.customer_id)}\t{field(f.unit)}\t{f.account_seq}\t{f.type}\t{f.amount}\t"
        f"{f.balance}\t{f.held}\t{f.available}\t{f.overdraft}\t{f.debt}\t{f.overage_total}\t"
        f"{f.residue}\t{_allocations(f.allocations)}\t{_charge(f.charge)}\t{_details(f.details)}\t"
        f"{f.cause}\t{field(f.cause_id)}\t{bytea(f.cause_digest)}\t{f.burn_order_version}\t"
        f"{field(f.reason)}\t{field(f.actor)}\t{f.occurred_at}\t{f.recorded_at}\t"
        f"{f.effective_at}\t{entry.index}\t{entry.count}\t{entry.hash_version}\t"
        f"{bytea(entry.prev_hash)}\t{bytea(entry.hash)}\n"
    )


def _allocations(allocations: list[Allocation]) -> str:
    return json_field("[" + ",".join([_allocation(each) for each in allocations]) + "]")


def _allocation(each: Allocation) -> str:
    return (
        f'{{"lot_id":{json_text(each.lot_id)},"amount":{each.amount},"kind":"{each.kind}",'
        f'"released_minor":{each.released_minor},"currency":{json_text(each.currency)},'
        f'"reserved":{"true" if each.reserved else "false"}}}'
    )


def _charge(charge: Charge | None) -> str:
    if charge is None:
        return NULL
    return json_field(
        f'{{"meter":{json_text(charge.meter)},"status":"{charge.status}",'
        f'"properties":{json_map(charge.properties)},'
        f'"rate_card":{json_text(charge.rate_card)},'
        f'"lines":[{",".join([_rated(line) for line in charge.lines])}],'
        f'"rated":{charge.rated},"overdrawn":{charge.overdrawn},"overage":{charge.overage},'
        f'"uncovered":{charge.uncovered},"hold_id":{json_text(charge.hold_id)},'
        f'"hold_ended":{"true" if charge.hold_ended else "false"},'
        f'"charged_before":{"true" if charge.charged_before else "false"}}}'
    )


def _rated(line: RatedLine) -> str:
    return (
        f'{{"line_id":{json_text(line.line_id)},"quantity":{json_text(line.quantity)},'
        f'"quantity_micro":{line.quantity_micro},"rate_pico":{line.rate_pico},'
        f'"amount":{line.amount},"amount_atto":{line.amount_atto}}}'
    )


def _details(details: EntryDetails | None) -> str:
    """What is there of the details; bytes hexadecimal."""
    if details is None:
        return NULL
    text = json.dumps(details, ensure_ascii=False, default=_plain)
    return json_field(text.replace("\\u0000", "\u2400"))


def _plain(value: Any) -> object:
    """A value of the domain as JSON knows it, without what is absent."""
    if isinstance(value, bytes):
        return value.hex()
    # Compiled classes have no `__dict__`, but they know their fields.
    told = ((name, getattr(value, name)) for name in value.__dataclass_fields__)
    return {name: each for name, each in told if each is not None and each != []}
