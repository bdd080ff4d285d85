"""The expiration projector on the real broker and the real database: rows, topic, command line."""

import json
import time
from typing import Any

import pytest
from confluent_kafka import Producer, TopicPartition
from tests.domain.building import CREDIT, T, command
from tests.expiration_projector.written import Written
from tests.integration.projecting import WITHIN_S, await_true, running
from tests.integration.told import ToldLedger, publish_told
from tests.plugins.sealed_ledger import SealedLedger, publish
from typer.testing import CliRunner

from drawdown.adapters.avro import generic
from drawdown.adapters.avro.wire import HEADER_BYTES
from drawdown.adapters.kafka.clients import consumer
from drawdown.adapters.kafka.topics import create_topics
from drawdown.cli.application import app
from drawdown.cli.projections import known
from drawdown.domain.inputs import ChangeExpiry, Freeze, Grant, Tick
from drawdown.domain.numbers import DAY_US
from drawdown.expiration_projector.__main__ import SERVICE, build
from drawdown.projection.loop import Projector
from drawdown.projection.rebuild import Options, rebuild
from drawdown.projection.service import assemble
from drawdown.settings import Settings, current

pytestmark = pytest.mark.integration
PARTITION_OF_ACME = 0


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Two partitions, and batches so small that one ledger takes many."""
    small = settings.model_copy(update={"partitions": 2, "projector_batch": 7})
    create_topics(small)
    return small


def expiration_projector(settings: Settings) -> Projector:
    """The projector as its process builds it."""
    return assemble(settings, SERVICE, build(settings))


def newest(settings: Settings) -> dict[tuple[str, str, str], dict[str, Any]]:
    """The newest record of each lot in the topic, by what its key names."""
    topic = settings.topic("expirations")
    client = consumer(settings, group=settings.group("reader"), enable_partition_eof=True)
    client.assign([TopicPartition(topic, each, 0) for each in range(2)])
    found: dict[tuple[str, str, str], dict[str, Any]] = {}
    ended, deadline = 0, time.monotonic() + WITHIN_S
    while ended < 2:
        assert time.monotonic() < deadline, "the topic doesn't end"
        for message in client.consume(100, 0.1):
            if message.error() is not None:
                ended += 1
                continue
            key, value = message.key(), message.value()
            assert isinstance(key, bytes)
            assert isinstance(value, bytes)
            record = generic.decode(value, "expiration", HEADER_BYTES)
            customer_id, unit, lot_id = json.loads(key)
            name = (customer_id, unit, lot_id)
            assert name == (record["customer_id"], record["unit"], record["lot_id"])
            assert record["partition"] == message.partition()
            if name not in found or found[name]["partition_seq"] <= record["partition_seq"]:
                found[name] = record
    client.close()
    return found


def read(*arguments: str) -> Any:
    result = CliRunner().invoke(app, [*arguments, "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def grant(ledger: SealedLedger, lot_id: str, expires_at: int | None, price_minor: int = 0) -> None:
    granted = Grant(
        lot_id=lot_id,
        amount=10 * CREDIT,
        kind="purchased" if price_minor else "promotional",
        price_minor=price_minor,
        currency="USD" if price_minor else "",
        expires_at=expires_at,
    )
    ledger.decide(command(granted, f"grant {lot_id}"))


def ledger_of_acme(settings: Settings) -> SealedLedger:
    """Lots that expired, expire, never expire, are frozen and were moved."""
    ledger = SealedLedger(settings, PARTITION_OF_ACME)
    ledger.begin()
    grant(ledger, "gone", T + 10 * DAY_US, 1_001)
    grant(ledger, "soon", T + 40 * DAY_US, 999)
    grant(ledger, "frozen", T + 40 * DAY_US)
    grant(ledger, "moved", T + 20 * DAY_US)
    grant(ledger, "never", None)
    ledger.decide(command(Freeze(lot_id="frozen"), "freeze"), T + DAY_US)
    moved = ChangeExpiry(lot_id="moved", expires_at=T + 45 * DAY_US)
    ledger.decide(command(moved, "move"), T + DAY_US)
    at = T + 15 * DAY_US
    ledger.ledger.advance(at)
    ledger.decide(command(Tick(), "tick", customer_id="$partition", issued_at=at), at)
    assert [each.facts.type for each in ledger.entries].count("expiration") == 1
    return ledger


def test_rows_topic_and_command_line_say_what_the_ledger_says(
    settings: Settings, producer: Producer, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = ledger_of_acme(settings)
    publish(settings, producer, ledger)
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)
    current.cache_clear()
    with running(expiration_projector(settings)):
        await_true(lambda: whole(settings), "every lot is published, and what expired")
        assert Written(settings).differences(ledger.entries, ledger.accounts()) == []
        _check_topic(settings)
        _check_commands()


def whole(settings: Settings) -> bool:
    found = newest(settings)
    return len(found) == 5 and found["acme", "credit", "gone"]["expired"] > 0


def environment(settings: Settings) -> dict[str, str]:
    return {
        "DRAWDOWN_NAMESPACE": settings.namespace,
        "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "DATABASE_URL": settings.database_url,
        "DRAWDOWN_PARTITIONS": "2",
    }


def _check_topic(settings: Settings) -> None:
    lots = {lot_id: record for (_, _, lot_id), record in newest(settings).items()}
    gone, soon, never, frozen = (lots[each] for each in ("gone", "soon", "never", "frozen"))
    assert (gone["remaining"], gone["expired"]) == (0, 10 * CREDIT)
    assert (gone["expired_at"], gone["breakage_minor"]) == (T + 10 * DAY_US, 1_001)
    # 2026-01-01 is a Thursday: 40 days later is a Tuesday, whose week began a day before.
    asked = [(each["days"], (each["due_at"] - T) // DAY_US) for each in soon["reminders"]]
    assert asked == [(30, 10), (7, 33), (1, 39), (0, 39)]
    assert {each["amount"] for each in soon["reminders"]} == {10 * CREDIT}
    assert [each["days"] for each in lots["moved"]["reminders"]] == [30, 7, 0, 1]
    assert (frozen["freezes"], frozen["reminders"]) == (["manual"], [])
    assert (never["expires_at"], never["reminders"]) == (None, [])


def _check_commands() -> None:
    told = read("expirations", "--at", "2026-01-01T00:00:00Z", "--days", "45", "--wait")
    listed = [
        (each["lot_id"], each["state"], each["breakage_minor"]) for each in told["expirations"]
    ]
    assert listed == [("gone", "expired", 1_001), ("soon", "expires", 999)]
    assert [(each["state"], each["amount"]) for each in told["customers"]] == [
        ("expired", "10"),
        ("expires", "10"),
    ]
    assert [each["records_behind"] for each in told["freshness"]] == [0, 0]
    later = read("expirations", "acme", "--at", "2026-01-16T00:00:00Z")
    assert [each["lot_id"] for each in later["expirations"]] == ["soon"]
    table = CliRunner().invoke(app, ["expirations", "--at", "2026-01-01T00:00:00Z"])
    assert "10.01 USD" in table.stdout
    csv = CliRunner().invoke(app, ["expirations", "acme", "--at", "2026-01-01T00:00Z", "--csv"])
    assert len(csv.stdout.splitlines()) == 2
    assert CliRunner().invoke(app, ["reminders"]).exit_code == 2
    due = read(
        "reminders", "acme", "--from", "2026-01-01T00:00:00Z", "--until", "2026-02-09T00:00Z"
    )
    assert [(each["lot_id"], each["days"]) for each in due["reminders"]] == [
        *(("gone", 7), ("gone", 1), ("soon", 30), ("moved", 30)),
        *(("soon", 7), ("moved", 7)),
    ]
    assert [each["week"] for each in due["digests"]] == ["2026-W02"]


def test_a_rebuild_in_other_batches_comes_to_the_same_rows(
    settings: Settings, producer: Producer
) -> None:
    told = ToldLedger(settings, "every_kind_of_entry")
    publish_told(settings, producer, told)
    lots = sum(len(each.lots) for each in told.accounts())
    with running(expiration_projector(settings)):
        await_true(lambda: len(newest(settings)) == lots, "every lot is published")
        assert Written(settings).differences(told.entries, told.accounts()) == []
        projection = known("expiration")
        options = Options(workers=1, late_indexes=projection.late_indexes)
        outcome = rebuild(settings, projection.build, options, lambda *_: None)
        assert (outcome.swapped, outcome.difference_count) == (True, 0)
        assert Written(settings).differences(told.entries, told.accounts()) == []
    indexes = Written(settings).rows(
        "SELECT indexname FROM pg_indexes WHERE schemaname = current_schema()"
    )
    assert {("lots_by_expiry",), ("expirations_by_time",), ("lots_by_position",)} <= set(indexes)
