"""The set-based writer charges what exact arithmetic does, and nothing twice."""

from collections import defaultdict

import psycopg
import pytest

from drawdown.domain.numbers import ATTO_PER_MICRO, MICRO
from tests.benchmarks.load import GRANTED, RATES_PICO, usage
from tests.benchmarks.set_based import charge, prepare


@pytest.mark.integration
def test_it_agrees_with_exact_arithmetic(database: str) -> None:
    events = list(usage(3_000))
    exact: dict[str, int] = defaultdict(int)
    for each in events:
        pico = each.input * RATES_PICO["input"] + each.output * RATES_PICO["output"]
        exact[each.customer_id] += pico * MICRO
    with psycopg.connect(database) as connection:
        prepare(connection)
        charged = sum(charge(connection, events[at : at + 1_000]) for at in range(0, 3_000, 1_000))
        repeats = charge(connection, [*events[:500], *events[:500]])
        rows = connection.execute(
            "SELECT customer_id, a.balance, residue, sum(remaining)::bigint "
            "FROM bench_set_based.accounts a JOIN bench_set_based.lots USING (customer_id) "
            "GROUP BY customer_id"
        ).fetchall()
        connection.execute("DROP SCHEMA bench_set_based CASCADE")
    assert (charged, repeats) == (3_000, 0)
    expected = {
        customer_id: (sum(GRANTED) - atto // ATTO_PER_MICRO, atto % ATTO_PER_MICRO)
        for customer_id, atto in exact.items()
    }
    found = {row[0]: (row[1], row[2]) for row in rows if row[0] in exact}
    assert found == expected
    assert [row for row in rows if row[1] != row[3]] == []
