"""How fresh the figures of a projection are over its partitions."""

import time
from collections.abc import Sequence
from itertools import islice
from typing import Any, Final

from drawdown.adapters.kafka.ledger_log import read_entries
from drawdown.adapters.kafka.partitioner import partition_of
from drawdown.adapters.kafka.topics import ledger_partitions
from drawdown.adapters.postgres.snapshots import rows, snapshot
from drawdown.cli.reading import Freshness
from drawdown.cli.session import now_us
from drawdown.errors import TimedOut
from drawdown.settings import Settings

_LOOKED_AT: Final = 10_000
"""Newer entries that are counted; more are "at least so many"."""
_WAIT_S: Final = 30.0
_LOOK_EVERY_S: Final = 0.2


def freshness_of(settings: Settings, projection: str, customer_id: str = "") -> list[Freshness]:
    """How far a projection is in every partition, or in a customer's."""
    with snapshot(settings, projection) as connection:
        found = {row["partition"]: row for row in rows(connection, "SELECT * FROM position")}
    count = ledger_partitions(settings)
    wanted = [partition_of(customer_id, count)] if customer_id else range(count)
    return [_of(settings, each, found.get(each, {})) for each in wanted]


def _of(settings: Settings, partition: int, position: dict[str, Any]) -> Freshness:
    newer = read_entries(settings, partition, start=position.get("next_offset", 0))
    behind = sum(1 for _ in islice(newer, _LOOKED_AT))
    age_ms = max(0, now_us() - position.get("recorded_at", 0)) // 1_000
    return Freshness(
        partition=partition,
        partition_seq=position.get("partition_seq", 0),
        records_behind=behind,
        lag_ms=age_ms if behind else 0,
    )


def wait_for(settings: Settings, projection: str, customer_id: str = "") -> None:
    """Wait until a projection has what the ledger has now. Raises `TimedOut`."""
    wanted = {
        each.partition: each.partition_seq + each.records_behind
        for each in freshness_of(settings, projection, customer_id)
    }
    deadline = time.monotonic() + _WAIT_S
    while True:
        with snapshot(settings, projection) as connection:
            found = rows(connection, "SELECT partition, partition_seq FROM position")
        got = {row["partition"]: row["partition_seq"] for row in found}
        late = [each for each, seq in wanted.items() if got.get(each, 0) < seq]
        if not late:
            return
        if time.monotonic() > deadline:
            raise TimedOut(
                f"the {projection} projection is behind in partition {late[0]} after {_WAIT_S:g} "
                f"s: does a {projection}_projector run for namespace {settings.namespace}?"
            )
        time.sleep(_LOOK_EVERY_S)


def sentence(found: Sequence[Freshness]) -> str:
    """In words."""
    behind = sum(each.records_behind for each in found)
    if not behind:
        entries = sum(each.partition_seq for each in found)
        return f"up to date with {entries} entries of the ledger"
    last = max(found, key=lambda each: each.lag_ms)
    at_least = "at least " if any(each.records_behind == _LOOKED_AT for each in found) else ""
    return (
        f"{at_least}{behind} entries behind the ledger, {last.lag_ms} ms in partition "
        f"{last.partition}: figures may still change"
    )
