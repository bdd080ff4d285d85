"""The rows of single entries in the read model, held against the entries themselves."""

import time
from collections.abc import Sequence
from typing import Any, Final

from drawdown.adapters.postgres.connections import Connection
from drawdown.domain.entries import Charge, EntryDetails, LedgerEntry
from drawdown.verification.read_model import Differ
from drawdown.verification.snapshots import position

_EVERY_S: Final = 0.1
_PLACE: Final = ("partition_seq", "entry_id", "hash_version", "prev_hash", "hash")
_FACTS: Final = (
    *("customer_id", "unit", "account_seq", "type", "amount", "balance", "held", "available"),
    *("overdraft", "debt", "overage_total", "residue", "cause", "cause_id", "cause_digest"),
    *("burn_order_version", "reason", "actor", "occurred_at", "recorded_at", "effective_at"),
)
_OTHERS: Final = ("decision_index", "decision_count", "allocations", "charge", "details")
_COLUMNS: Final = (*_PLACE, *_FACTS, *_OTHERS)
_ALLOCATION: Final = ("lot_id", "amount", "kind", "released_minor", "currency", "reserved")
_LINE: Final = ("line_id", "quantity", "quantity_micro", "rate_pico", "amount", "amount_atto")
_CHARGE: Final = (
    *("meter", "status", "properties", "rate_card", "rated", "overdrawn", "overage"),
    *("uncovered", "hold_id", "hold_ended", "charged_before"),
)
_NUL: Final = "\u2400"
"""What stands for U+0000 in the database."""


class EntryRows:
    """Checks rows of one partition as its entries are read; rows never change."""

    def __init__(
        self, connection: Connection, partition: int, differ: Differ, *, deadline: float
    ) -> None:
        """It is waited for the projector until `deadline` (monotonic)."""
        self._connection = connection
        self._partition = partition
        self._differ = differ
        self._deadline = deadline
        self._shown = 0
        self.checked = 0

    def check(self, entries: Sequence[LedgerEntry]) -> None:
        """Hold entries, which follow one another, against their rows, as far as those are shown."""
        self._wait_for(entries[-1].partition_seq)
        told = [each for each in entries if each.partition_seq <= self._shown]
        if not told:
            return
        rows = self._connection.execute(
            f"SELECT {', '.join(_COLUMNS)} FROM entries "
            "WHERE partition = %s AND partition_seq BETWEEN %s AND %s".encode(),
            [self._partition, told[0].partition_seq, told[-1].partition_seq],
        ).fetchall()
        self._connection.rollback()
        by_seq = {row[0]: row for row in rows}
        for entry in told:
            self._check_one(entry, by_seq.get(entry.partition_seq))
        self.checked += len(told)

    def _check_one(self, entry: LedgerEntry, row: tuple[Any, ...] | None) -> None:
        account = f"{entry.facts.customer_id} ({entry.facts.unit})"
        if row is None:
            self._differ("entries", f"{entry.entry_id} is missing", account, "a row", "no row")
            return
        for column, shown, told in zip(_COLUMNS, row, _expected(entry), strict=True):
            if shown != told:
                why = f"{entry.entry_id}: {column} is {shown!r}, the ledger says {told!r}"
                self._differ("entries", why, account, f"{column} {told!r}", f"{column} {shown!r}")

    def _wait_for(self, partition_seq: int) -> None:
        while self._shown < partition_seq:
            self._shown = position(self._connection, self._partition)
            self._connection.rollback()
            if self._shown >= partition_seq or time.monotonic() > self._deadline:
                return
            time.sleep(_EVERY_S)


def _expected(entry: LedgerEntry) -> list[object]:
    facts = entry.facts
    return [
        *(getattr(entry, name) for name in _PLACE),
        *(getattr(facts, name) for name in _FACTS),
        *(entry.index, entry.count),
        [{name: _plain(getattr(each, name)) for name in _ALLOCATION} for each in facts.allocations],
        None if facts.charge is None else _charge(facts.charge),
        None if facts.details is None else _details(facts.details),
    ]


def _charge(charge: Charge) -> dict[str, object]:
    lines = [{name: _plain(getattr(each, name)) for name in _LINE} for each in charge.lines]
    return {**{name: _plain(getattr(charge, name)) for name in _CHARGE}, "lines": lines}


def _details(details: EntryDetails) -> object:
    """What is there of the details, as the projection writes them."""
    return _plain(details)


def _plain(value: Any) -> object:
    """A value of the domain as JSON has it, without what is absent."""
    if isinstance(value, str):
        return value.replace("\0", _NUL)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {_plain(name): _plain(each) for name, each in value.items()}
    fields = getattr(value, "__dataclass_fields__", None)
    if fields is None:
        return value
    told = {name: getattr(value, name) for name in fields}
    return {name: _plain(each) for name, each in told.items() if each is not None and each != []}
