"""Reads: balances, statements and rate cards, and how fresh they are."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, LiteralString

from drawdown.adapters.documents.entries import ACCOUNT, FACTS, HOLD, LOT, PLACE
from drawdown.adapters.kafka.ledger_log import read_entries
from drawdown.adapters.kafka.partitioner import partition_of
from drawdown.adapters.kafka.topics import ledger_partitions
from drawdown.adapters.postgres.snapshots import rows, snapshot
from drawdown.cli.session import now_us
from drawdown.domain.entries import PARTITION_CUSTOMER
from drawdown.domain.rate_cards import RateCard
from drawdown.errors import TimedOut
from drawdown.settings import Settings

_WAIT_S: Final = 30.0
_LOOK_EVERY_S: Final = 0.05

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """How far a projection is in a partition."""

    partition: int
    partition_seq: int
    records_behind: int
    """Entries that the ledger has and the projection hasn't."""
    lag_ms: int
    """The age of the last entry it has; 0 when there is no newer one."""

    def document(self) -> dict[str, int]:
        """As JSON."""
        return {
            "partition": self.partition,
            "partition_seq": self.partition_seq,
            "records_behind": self.records_behind,
            "lag_ms": self.lag_ms,
        }

    def sentence(self) -> str:
        """In words."""
        state = "up to date"
        if self.records_behind:
            behind = f"{self.records_behind} entries and {self.lag_ms} ms"
            state = f"{behind} behind the ledger"
        return f"{state}, at entry {self.partition_seq} of partition {self.partition}"


class ProjectionReads:
    """Reads of one projection, one connection each, and how far it is."""

    def __init__(self, settings: Settings, projection: str) -> None:
        self._settings = settings
        self._projection = projection

    def freshness(self, customer_id: str) -> Freshness:
        """How far the projection is where the customer's entries are."""
        return self.freshness_at(partition_of(customer_id, ledger_partitions(self._settings)))

    def freshness_at(self, partition: int) -> Freshness:
        """How far the projection is in a partition."""
        position = self._position(partition)
        entries = [entry for _, entry in self._newer(partition, position)]
        age_ms = max(0, now_us() - position.get("recorded_at", 0)) // 1_000
        return Freshness(
            partition=partition,
            partition_seq=position.get("partition_seq", 0),
            records_behind=len(entries),
            lag_ms=age_ms if entries else 0,
        )

    def wait(self, customer_id: str) -> None:
        """Wait until the projection has what the ledger has now. Raises `TimedOut`."""
        self.wait_at(partition_of(customer_id, ledger_partitions(self._settings)))

    def wait_at(self, partition: int) -> None:
        """Wait until the projection has what a partition has now. Raises `TimedOut`."""
        position = self._position(partition)
        newest = [entry.partition_seq for _, entry in self._newer(partition, position)]
        wanted = newest[-1] if newest else 0
        deadline = time.monotonic() + _WAIT_S
        while (got := self._position(partition).get("partition_seq", 0)) < wanted:
            if time.monotonic() > deadline:
                raise TimedOut(
                    f"the {self._projection} projection is at entry {got} of {wanted} in partition "
                    f"{partition} after {_WAIT_S:g} s: does a {self._projection}_projector run for "
                    f"namespace {self._settings.namespace}? (`drawdown status`)"
                )
            time.sleep(_LOOK_EVERY_S)

    def rows(self, query: LiteralString, values: Sequence[object] = ()) -> list[Row]:
        """Rows as dictionaries. Raises `UsageError` where the projection has never run."""
        with snapshot(self._settings, self._projection) as connection:
            return rows(connection, query, values)

    @contextmanager
    def snapshot(self) -> Iterator[Callable[[str, Mapping[str, object]], list[Row]]]:
        """Queries that see one moment. Raises as `rows`."""
        with snapshot(self._settings, self._projection) as connection:
            yield lambda query, values: rows(connection, query, values)

    def _position(self, partition: int) -> Row:
        found = self.rows("SELECT * FROM position WHERE partition = %s", [partition])
        return found[0] if found else {}

    def _newer(self, partition: int, position: Row) -> Any:
        start = position.get("next_offset", 0)
        return read_entries(self._settings, partition, start=start)


class BalanceReads(ProjectionReads):
    """Reads of the balance projection."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, "balance")

    def accounts(self, customer_id: str, unit: str = "") -> list[dict[str, Any]]:
        """A customer's accounts with their lots and open holds, as JSON; of one unit, or of all."""
        query: LiteralString = (
            "SELECT * FROM {table} WHERE customer_id = %s AND (%s = '' OR unit = %s) "
        )
        values = [customer_id, unit, unit]
        lots = self.rows(query.replace("{table}", "lots") + "ORDER BY unit, lot_seq", values)
        open_holds = "AND state = 'open' ORDER BY unit, placed_at, hold_id"
        holds = self.rows(query.replace("{table}", "holds") + open_holds, values)
        return [
            {
                **ACCOUNT.write(account),
                "lots": [LOT.write(lot) for lot in lots if lot["unit"] == account["unit"]],
                "holds": [HOLD.write(hold) for hold in holds if hold["unit"] == account["unit"]],
            }
            for account in self.rows(query.replace("{table}", "accounts") + "ORDER BY unit", values)
        ]

    def entries(self, customer_id: str, unit: str, limit: int) -> list[dict[str, Any]]:
        """A customer's last entries, the newest first, as JSON."""
        rows = self.rows(
            "SELECT *, decision_index AS index, decision_count AS count FROM entries "
            "WHERE customer_id = %s AND unit = %s ORDER BY account_seq DESC LIMIT %s",
            [customer_id, unit, limit],
        )
        return [
            {**PLACE.write(row), **FACTS.write({k: v for k, v in row.items() if v is not None})}
            for row in rows
        ]


def rate_cards(settings: Settings) -> list[RateCard]:
    """The rate cards that the ledger has applied, in that order."""
    return [
        entry.facts.details.rate_card
        for _, entry in read_entries(settings, 0)
        if entry.facts.customer_id == PARTITION_CUSTOMER
        and entry.facts.type == "rate_card_applied"
        and entry.facts.details is not None
        and entry.facts.details.rate_card is not None
    ]
