"""What the balance projection shows while a trace is played."""

import time
from dataclasses import dataclass
from typing import Final

import psycopg

from drawdown.adapters.kafka.ledger_log import read_entries
from drawdown.adapters.kafka.positions import Positions
from drawdown.adapters.kafka.topics import ledger_partitions
from drawdown.adapters.postgres.connections import Connection, connect
from drawdown.domain.entries import PARTITION_CUSTOMER
from drawdown.settings import Settings

_ACCOUNTS: Final = """
    SELECT a.customer_id, coalesce(l.granted, 0), a.balance, a.available, a.overage_total,
           coalesce(u.charged, 0), coalesce(u.events, 0), a.updated_at
    FROM accounts a
    LEFT JOIN (SELECT customer_id, unit, sum(granted)::bigint AS granted
               FROM lots GROUP BY 1, 2) l USING (customer_id, unit)
    LEFT JOIN (SELECT customer_id, unit, sum(drawn + overdrawn + overage)::bigint AS charged,
                      sum(events)::bigint AS events
               FROM usage_daily GROUP BY 1, 2) u USING (customer_id, unit)
    WHERE a.customer_id <> %s AND a.unit = %s"""


@dataclass(frozen=True, slots=True)
class AccountView:
    """One account as the projection has it. Micro-credits; `updated_at` in µs."""

    customer_id: str
    granted: int
    balance: int
    available: int
    overage_total: int
    charged: int
    events: int
    updated_at: int


class Watch:
    """A look at the projection and at how far it is behind."""

    def __init__(self, settings: Settings, unit: str) -> None:
        self._unit = unit
        self._settings = settings
        self._partitions = ledger_partitions(settings)
        schema = settings.database_schema("balance")
        self._connection: Connection = connect(settings, application="demo", schema=schema)
        self._connection.autocommit = True
        self._positions = Positions(settings)

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()
        self._positions.close()

    def accounts(self) -> list[AccountView]:
        """Every customer's account; none before the projector has made its tables."""
        try:
            rows = self._connection.execute(_ACCOUNTS, [PARTITION_CUSTOMER, self._unit]).fetchall()
        except psycopg.errors.UndefinedTable:
            return []
        return [AccountView(*row) for row in rows]

    def backlog(self) -> int:
        """Usage events that the ledger processor hasn't decided; all before its first commit."""
        backlog = self._positions.backlog("usage-events", self._partitions, "ledger_processor")
        return backlog.records if backlog.lag is None else backlog.lag

    def is_projected(self) -> bool:
        """Whether Postgres has every entry that the ledger has."""
        rows = self._connection.execute("SELECT partition, next_offset FROM position").fetchall()
        positions = {int(partition): int(offset) for partition, offset in rows}
        return not any(
            next(iter(read_entries(self._settings, each, start=positions.get(each, 0))), None)
            for each in range(self._partitions)
        )


def wait_projected(watch: Watch, *, timeout_s: float) -> bool:
    """Wait until everything sent is decided and projected; whether it was within `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while watch.backlog() != 0 or not watch.is_projected():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True
