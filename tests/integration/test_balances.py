"""Balances by kind, usage by hour, entries by partition, and the topic `balances`."""

from collections import defaultdict
from typing import Any

import pytest
from confluent_kafka import Message, Producer, TopicPartition
from tests.domain.building import CREDIT, T, command
from tests.integration.projecting import await_true, balance_projector, rows, running
from tests.integration.told import ToldLedger, publish_told
from tests.plugins.sealed_ledger import SealedLedger, publish

from drawdown.adapters.avro import generic
from drawdown.adapters.avro.wire import HEADER_BYTES, Wire
from drawdown.adapters.kafka.clients import consumer
from drawdown.adapters.kafka.topics import create_topics
from drawdown.adapters.postgres.connections import connect
from drawdown.balance_projector.publication import BalancePublication
from drawdown.domain.accounts import Account
from drawdown.domain.entries import PARTITION_CUSTOMER, LedgerEntry
from drawdown.domain.inputs import Grant
from drawdown.settings import Settings

pytestmark = pytest.mark.integration

KINDS = ("purchased", "promotional", "included", "adjustment")
HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
NEPAL_US = 5 * HOUR_US + 45 * 60_000_000
"""The offset of `Asia/Kathmandu`."""
Key = tuple[str, str]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    small = settings.model_copy(
        update={"partitions": 2, "projector_batch": 7, "publish_interval_s": 0.2}
    )
    create_topics(small)
    return small


def await_published(settings: Settings, entries: int, partition: int = 0) -> None:
    query = f"SELECT published FROM position WHERE partition = {partition}"
    await_true(lambda: rows(settings, query) == [(entries,)], "all is published")


def published(settings: Settings) -> list[tuple[int, bytes, dict[str, Any]]]:
    """Partition, key and record of each record of the topic."""
    client = consumer(settings, group=settings.group("test"))
    places = [TopicPartition(settings.topic("balances"), partition, 0) for partition in range(2)]
    ends = [client.get_watermark_offsets(place)[1] for place in places]
    client.assign(places)
    found: list[Message] = []
    while len(found) < sum(ends):
        found += client.consume(100, 1)
    client.close()
    return [_record(settings, each) for each in found]


def _record(settings: Settings, message: Message) -> tuple[int, bytes, dict[str, Any]]:
    key, value, partition = message.key(), message.value(), message.partition()
    assert isinstance(key, bytes)
    assert isinstance(value, bytes)
    assert partition is not None
    newest = Wire(settings).newest("balance", value)
    return partition, key, generic.decode(newest, "balance", HEADER_BYTES)


def between(settings: Settings, after_seq: int, up_to_seq: int) -> dict[Key, dict[str, Any]]:
    """The records that these entries of partition 0 make, by account."""
    publication = BalancePublication(Wire(settings))
    schema = settings.database_schema("balance")
    with connect(settings, application="test", schema=schema) as connection:
        cursor = connection.cursor()
        found = publication.records(cursor, partition=0, after_seq=after_seq, up_to_seq=up_to_seq)
        records = [
            generic.decode(value or b"", "balance", HEADER_BYTES) for _, value in list(found)
        ]
    return {(each["customer_id"], each["unit"]): each for each in records}


def by_account(entries: list[LedgerEntry]) -> dict[Key, list[LedgerEntry]]:
    found: dict[Key, list[LedgerEntry]] = defaultdict(list)
    for entry in entries:
        if entry.facts.customer_id != PARTITION_CUSTOMER:
            found[entry.facts.customer_id, entry.facts.unit].append(entry)
    return found


def stated(account: Account) -> dict[str, int]:
    """What a record says of an account, from its fold."""
    remaining = dict.fromkeys(KINDS, 0)
    for lot in account.lots.values():
        remaining[lot.kind] += lot.remaining
    return {
        "balance": account.balance,
        "held": account.held,
        "available": account.available,
        "overdraft": account.overdraft,
        "debt": account.debt,
        "overage_total": account.overage_total,
        "account_seq": account.account_seq,
        **remaining,
    }


def burned(entries: list[LedgerEntry]) -> int:
    """Drawn and overdrawn in the hour of the last entry and the 23 before it."""
    since = entries[-1].facts.recorded_at // HOUR_US - 23
    charges = [each.facts for each in entries if each.facts.occurred_at // HOUR_US >= since]
    return sum(
        each.charge.rated - each.charge.overage - each.charge.uncovered
        for each in charges
        if each.charge is not None
    )


@pytest.fixture
def told(settings: Settings, producer: Producer) -> ToldLedger:
    """A ledger with entries of every type, projected and published."""
    told = ToldLedger(settings, "every_kind_of_entry")
    publish_told(settings, producer, told)
    with running(balance_projector(settings)):
        await_published(settings, len(told.entries))
    return told


def test_records_state_accounts_as_they_fold(settings: Settings, told: ToldLedger) -> None:
    records = published(settings)
    last = {key: record for _, key, record in records}
    accounts = {f"{each.customer_id}\0{each.unit}".encode(): each for each in told.accounts()}
    assert set(last) == set(accounts)
    entries = by_account(told.entries)
    for key, account in accounts.items():
        record, own = last[key], entries[account.customer_id, account.unit]
        expected = stated(account)
        assert {name: record[name] for name in expected} == expected
        assert (record["partition"], record["partition_seq"]) == (0, own[-1].partition_seq)
        assert record["as_of"] == own[-1].facts.recorded_at
        assert record["burn_rate_day"] == burned(own)
        kinds = sum(record[kind] for kind in KINDS)
        assert kinds == record["balance"] + record["overdraft"] + record["debt"]
    for _, _, record in records:
        assert record["available_lowest"] <= record["available"] <= record["available_highest"]


@pytest.mark.parametrize("step", [1, 3, 1_000])
def test_lowest_and_highest_miss_nothing_between_records(
    settings: Settings, told: ToldLedger, step: int
) -> None:
    extremes: dict[Key, list[int]] = defaultdict(list)
    for start in range(0, len(told.entries), step):
        for key, record in between(settings, start, start + step).items():
            extremes[key] += record["available_lowest"], record["available_highest"]
    expected = {
        key: [entry.facts.available for entry in entries]
        for key, entries in by_account(told.entries).items()
    }
    assert {key: (min(each), max(each)) for key, each in extremes.items()} == {
        key: (min(each), max(each)) for key, each in expected.items()
    }


def test_available_of_all_kinds_is_the_account_s(settings: Settings, told: ToldLedger) -> None:
    wrong = rows(
        settings,
        "SELECT a.customer_id, a.available, sum(k.available) FROM accounts a"
        " LEFT JOIN balances_by_kind k USING (customer_id, unit) GROUP BY a.customer_id, a.unit"
        " HAVING a.available <> coalesce(sum(k.available), 0) - a.overdraft - a.debt",
    )
    assert wrong == []
    shown = {
        (row[0], row[1], row[2]): (row[3], row[4])
        for row in rows(
            settings,
            "SELECT customer_id, unit, kind, remaining, reserved FROM balances_by_kind",
        )
    }
    expected: dict[tuple[str, str, str], tuple[int, int]] = {}
    for account in told.accounts():
        for lot in account.lots.values():
            key = (account.customer_id, account.unit, lot.kind)
            remaining, reserved = expected.get(key, (0, 0))
            expected[key] = (remaining + lot.remaining, reserved + lot.reserved)
    assert shown == expected


def test_units_of_a_customer_have_records_of_their_own_in_its_partition(
    settings: Settings, producer: Producer
) -> None:
    ledger = SealedLedger(settings, 1)
    ledger.live(["acme"], 3)
    included = Grant(amount=7 * CREDIT, kind="included")
    other = command(included, "other", customer_id="acme", unit="minute")
    ledger.decide(other, T + 5 * HOUR_US)
    publish(settings, producer, ledger)
    with running(balance_projector(settings)):
        await_published(settings, len(ledger.entries), partition=1)
    last = {key: (partition, record) for partition, key, record in published(settings)}
    assert set(last) == {b"acme\0credit", b"acme\0minute"}
    assert {partition for partition, _ in last.values()} == {1}
    assert last[b"acme\0minute"][1]["included"] == 7 * CREDIT


def test_hours_are_utc_and_days_of_the_reporting_zone(
    settings: Settings, producer: Producer
) -> None:
    zoned = settings.model_copy(update={"reporting_zone": "Asia/Kathmandu"})
    ledger = SealedLedger(settings)
    ledger.live(["acme"], 30)
    publish(settings, producer, ledger)
    with running(balance_projector(zoned)):
        await_published(settings, len(ledger.entries))
    hours: dict[int, int] = defaultdict(int)
    days: dict[int, int] = defaultdict(int)
    for entry in ledger.entries:
        if entry.facts.charge is not None:
            hours[entry.facts.occurred_at // HOUR_US] += entry.facts.charge.rated
            days[(entry.facts.occurred_at + NEPAL_US) // DAY_US] += entry.facts.charge.rated
    shown = rows(
        settings,
        "SELECT (extract(epoch FROM hour) / 3600)::bigint, sum(rated)::bigint"
        " FROM usage_hourly GROUP BY 1",
    )
    assert {row[0]: row[1] for row in shown} == hours
    shown = rows(
        settings, "SELECT day - '1970-01-01', sum(rated)::bigint FROM usage_daily GROUP BY 1"
    )
    assert {row[0]: row[1] for row in shown} == days
    assert sorted(days.values()) != sorted(daily_utc(hours).values())


def daily_utc(hours: dict[int, int]) -> dict[int, int]:
    """The same by days UTC."""
    found: dict[int, int] = defaultdict(int)
    for hour, credits in hours.items():
        found[hour // 24] += credits
    return found


def test_each_partition_s_entries_have_a_table_that_no_reader_delays(
    settings: Settings, producer: Producer
) -> None:
    one, other = SealedLedger(settings, 0), SealedLedger(settings, 1)
    one.live(["acme"], 5)
    other.live(["zenith"], 5)
    publish(settings, producer, one)
    schema = settings.database_schema("balance")
    with running(balance_projector(settings)):
        await_published(settings, len(one.entries))
        with connect(settings, application="test", schema=schema) as reader:
            # An export that takes long.
            seen = reader.execute("SELECT count(*) FROM entries").fetchone()
            publish(settings, producer, other)
            await_published(settings, len(other.entries), partition=1)
    assert seen == (len(one.entries),)
    tables = "SELECT tableoid::regclass::text, count(*) FROM entries GROUP BY 1 ORDER BY 1"
    assert rows(settings, tables) == [
        ("entries_0", len(one.entries)),
        ("entries_1", len(other.entries)),
    ]
    plan = rows(settings, "EXPLAIN SELECT * FROM entries WHERE partition = 1 AND partition_seq > 3")
    told = "\n".join(str(row[0]) for row in plan)
    assert "entries_1" in told
    assert "entries_0" not in told
