"""The guide's own way in Postgres: `SELECT … FOR UPDATE`, update, insert, commit.

It is generous to Postgres: one balance an account instead of lots, the charge rated before the
clock starts, no residue, no hash chain. A repeat is refused by the entries' primary key.
"""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import psycopg

from drawdown.domain.numbers import ATTO_PER_MICRO, MICRO
from tests.benchmarks.load import CUSTOMERS, GRANTED, RATES_PICO, Usage, customer, usage
from tests.benchmarks.processes import Run

CONNECTIONS = (1, 4, 16)
SECONDS = 4.0

_SCHEMA = """
DROP SCHEMA IF EXISTS bench_row_lock CASCADE;
CREATE SCHEMA bench_row_lock;
SET search_path TO bench_row_lock;
CREATE TABLE accounts (customer_id text PRIMARY KEY, balance bigint NOT NULL)
    WITH (fillfactor = 60);
CREATE TABLE entries (
    customer_id text, event_id text, amount bigint NOT NULL, balance bigint NOT NULL,
    meter text NOT NULL, input bigint NOT NULL, output bigint NOT NULL, occurred_at bigint NOT NULL,
    PRIMARY KEY (customer_id, event_id));
"""


def row_lock(database_url: str) -> Run:
    """Charges a second, at the best number of connections."""
    runs = [_measured(database_url, connections) for connections in CONNECTIONS]
    return max(runs, key=lambda run: run.rate)


def _measured(database_url: str, connections: int) -> Run:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(_SCHEMA)
        with connection.cursor().copy("COPY accounts FROM STDIN") as copy:
            for number in range(CUSTOMERS):
                copy.write_row((customer(number), sum(GRANTED)))
        connection.execute("ANALYZE accounts; CHECKPOINT")
    batches = [list(usage(20_000, seed=n, prefix=f"w{n}")) for n in range(connections)]
    start = threading.Barrier(connections + 1)
    with ThreadPoolExecutor(connections) as pool:
        futures = [pool.submit(_charge_all, database_url, each, start) for each in batches]
        start.wait(60)
        began_at = time.monotonic()
        charged = sum(future.result() for future in futures)
        return Run(charged, time.monotonic() - began_at)


def _charge_all(database_url: str, events: Sequence[Usage], start: threading.Barrier) -> int:
    charged = 0
    with psycopg.connect(database_url, options="-c search_path=bench_row_lock") as connection:
        start.wait(60)
        until = time.monotonic() + SECONDS
        for event in events:
            charge(connection, event)
            charged += 1
            if time.monotonic() > until:
                break
    return charged


def charge(connection: psycopg.Connection, event: Usage) -> None:
    """One event, one transaction."""
    atto = event.input * RATES_PICO["input"] + event.output * RATES_PICO["output"]
    amount = atto * MICRO // ATTO_PER_MICRO
    with connection.transaction():
        found = connection.execute(
            "SELECT balance FROM accounts WHERE customer_id = %s FOR UPDATE", [event.customer_id]
        ).fetchone()
        assert found is not None
        balance = found[0] - amount
        connection.execute(
            "UPDATE accounts SET balance = %s WHERE customer_id = %s", [balance, event.customer_id]
        )
        connection.execute(
            "INSERT INTO entries VALUES (%s, %s, %s, %s, 'llm.tokens', %s, %s, %s)",
            [
                event.customer_id,
                event.event_id,
                -amount,
                balance,
                event.input,
                event.output,
                event.occurred_at,
            ],
        )
