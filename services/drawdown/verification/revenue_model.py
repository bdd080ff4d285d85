"""The fold of the ledger against the revenue read model, row by row."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from drawdown.adapters.postgres.connections import Connection
from drawdown.verification.read_model import Differ
from drawdown.verification.revenue_days import RevenueDays
from drawdown.verification.snapshots import rows

PROJECTION: Final = "revenue"

_MONEY: Final = (
    "billed_minor",
    "recognized_minor",
    "breakage_minor",
    "refunded_minor",
    "chargeback_minor",
    "adjusted_minor",
    "transferred_minor",
    "advance_minor",
    "receivable_minor",
    "returned_minor",
    "contra_minor",
    "disputed_minor",
)
_CREDITS: Final = ("granted", "spent", "expired", "voided", "clawed_back")
_DAY: Final = (*_MONEY, *_CREDITS, "kind", "currency", "partition_seq")
_Key = tuple[str, ...]
_ADJUSTED: Final = ("customer_id", "unit", "lot_id", "day::text", "reason")


class RevenueModel:
    """What the revenue projection shows of one partition.

    `connection` looks names up in its schema, and had better see one snapshot.
    """

    def __init__(self, connection: Connection, partition: int) -> None:
        self._connection = connection
        self._partition = partition

    def compare(self, told: RevenueDays, differ: Differ) -> int:
        """Hold every row against what the entries say; how many days of lots were compared.

        `told` must have the partition's entries up to the read model's position, from the first.
        """
        days = {
            key: {
                **{name: figures[name] for name in (*_MONEY, *_CREDITS)},
                "kind": told.priced_in[key[:3]][0],
                "currency": told.priced_in[key[:3]][1],
                "partition_seq": told.last[key],
            }
            for key, figures in told.days.items()
        }
        key = ("customer_id", "unit", "lot_id", "day::text")
        self._compare("days", key, _DAY, days, differ)
        adjusted = _valued(told.adjustments, "adjusted_minor")
        self._compare("adjustments", _ADJUSTED, ("adjusted_minor",), adjusted, differ)
        overage = _valued(told.overage, "overage")
        self._compare(
            "overage", ("customer_id", "unit", "day::text"), ("overage",), overage, differ
        )
        return len(days)

    def _compare(
        self,
        table: str,
        key: _Key,
        columns: _Key,
        told: Mapping[Any, Mapping[str, object]],
        differ: Differ,
    ) -> None:
        unseen = set(told)
        for row in rows(self._connection, table, (*key, *columns), self._partition):
            name, shown = row[: len(key)], row[len(key) :]
            account = f"{name[0]} ({name[1]})"
            expected = told.get(name)
            unseen.discard(name)
            if expected is None:
                differ(
                    table, f"{name} is shown, but the ledger has none", account, "no row", "a row"
                )
                continue
            for column, is_shown in zip(columns, shown, strict=True):
                says = expected[column]
                if is_shown != says:
                    why = f"{name}: {column} is {is_shown!r}, the ledger says {says!r}"
                    differ(table, why, account, f"{column} {says!r}", f"{column} {is_shown!r}")
        for name in sorted(unseen):
            differ(table, f"{name} is missing", f"{name[0]} ({name[1]})", "a row", "no row")


def _valued(told: Counter[Any], name: str) -> dict[Any, dict[str, object]]:
    return {key: {name: amount} for key, amount in told.items()}
