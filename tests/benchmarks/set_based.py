"""The best set-based Postgres writer: `set_based.sql`, one writer, 5,000 events a commit.

Generous to Postgres: no kinds, scopes, expiry or burn order to sort by, no hash chain, and nobody
reads meanwhile.
"""

import itertools
import time
from pathlib import Path

import psycopg

from tests.benchmarks.load import CUSTOMERS, GRANTED, RATES_PICO, Usage, customer, usage
from tests.benchmarks.processes import Run

EVENTS = 100_000
BATCH = 5_000
_SCRIPT = Path(__file__).with_name("set_based.sql")


def set_based(database_url: str) -> Run:
    """Charges a second."""
    with psycopg.connect(database_url) as connection:
        prepare(connection)
        events = usage(EVENTS + BATCH)
        batches = iter(lambda: list(itertools.islice(events, BATCH)), [])
        ready = list(batches)
        # The first batch plans the statements, and isn't counted.
        charge(connection, ready[0])
        began_at = time.monotonic()
        charged = sum(charge(connection, batch) for batch in ready[1:])
        return Run(charged, time.monotonic() - began_at)


def prepare(connection: psycopg.Connection, customers: int = CUSTOMERS) -> None:
    """The tables, with every customer's lots."""
    connection.execute(_SCRIPT.read_text("utf-8"))
    with connection.cursor().copy("COPY accounts (customer_id, balance) FROM STDIN") as copy:
        for number in range(customers):
            copy.write_row((customer(number), sum(GRANTED)))
    with connection.cursor().copy("COPY lots FROM STDIN") as copy:
        for number in range(customers):
            for lot_seq, granted in enumerate(GRANTED):
                copy.write_row((customer(number), lot_seq, granted))
    for quantity, rate in RATES_PICO.items():
        connection.execute("INSERT INTO rates VALUES (%s, %s)", [quantity, rate])
    connection.execute("ANALYZE accounts, lots, rates")
    connection.commit()


def charge(connection: psycopg.Connection, batch: list[Usage]) -> int:
    """One batch, one transaction; how many were no repeats."""
    with connection.transaction():
        with connection.cursor().copy("COPY bench_set_based.staged FROM STDIN") as copy:
            for number, each in enumerate(batch):
                copy.write_row(
                    (
                        number,
                        each.event_id,
                        each.customer_id,
                        each.occurred_at,
                        each.input,
                        each.output,
                    )
                )
        row = connection.execute("SELECT bench_set_based.charge_staged()").fetchone()
    assert row is not None
    return int(row[0])
