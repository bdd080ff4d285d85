"""Repair by the command line, of a ledger that a real processor writes."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)
from tests.domain import cards
from tests.domain.building import card
from tests.domain.building import usage as built_usage
from tests.integration.processors import (
    Processor,
    ask,
    command,
    deductions,
    entries_of,
    framed,
    log_lines,
    prepare,
    processing,
    send_raw,
    wait_for_deductions,
    wait_for_letters,
    wait_for_log,
    wait_for_type,
)
from tests.integration.projecting import await_true
from typer.testing import CliRunner, Result

from drawdown.adapters.avro.codec import encode_usage
from drawdown.adapters.avro.wire import Wire
from drawdown.adapters.kafka.clients import admin
from drawdown.adapters.kafka.partitioner import partition_of
from drawdown.cli import app
from drawdown.domain.entries import PARTITION_CUSTOMER
from drawdown.domain.inputs import ApplyRateCard, Grant, UsageEvent
from drawdown.domain.numbers import MICRO
from drawdown.settings import Settings, current

pytestmark = [pytest.mark.integration, pytest.mark.long]


@pytest.fixture
def settings(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """Two partitions, a card of one credit a token, and the command line pointed at them."""
    small = settings.model_copy(update={"partitions": 2, "rate_card_lead_s": 0})
    prepare(small, lambda soon_us: card(effective_from=soon_us))
    monkeypatch.setenv("DRAWDOWN_NAMESPACE", small.namespace)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", small.kafka_bootstrap_servers)
    monkeypatch.setenv("DATABASE_URL", small.database_url)
    current.cache_clear()
    yield small
    current.cache_clear()


def run(line: str, *more: str) -> Result:
    return CliRunner().invoke(app, [*line.split(), *more])


def told(line: str, *more: str, code: int = 0) -> Any:
    """What a command says as JSON."""
    result = run(line, *more, "--json")
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def usage(event_id: str, customer_id: str, meter: str = "tokens", note: str = "") -> UsageEvent:
    return built_usage(
        event_id,
        customer_id=customer_id,
        meter=meter,
        occurred_at=time.time_ns() // 1_000 + 5 * MICRO,
        properties={"note": note} if note else {},
        quantities={meter: MICRO},
    )


def send(settings: Settings, event: UsageEvent, *, astray: bool = False) -> bytes:
    """Send an event to its partition, or to the other one; the record."""
    home = partition_of(event.customer_id, 2)
    value = encode_usage(event, header=Wire(settings).header("usage-event"))
    send_raw(settings, "usage-events", 1 - home if astray else home, value)
    return value


def test_dead_letters_are_listed_shown_and_sent_to_where_they_belong(
    settings: Settings, tmp_path: Path
) -> None:
    small, large = usage("small", "acme"), usage("large", "bolt", note="x" * 100_000)
    value = send(settings, small, astray=True)
    send(settings, large, astray=True)
    send_raw(settings, "usage-events", 0, b"garbage")
    send_raw(settings, "ledger-commands", 1, None)
    with processing(settings, tmp_path / "log"):
        wait_for_letters(settings, 4)
        listed = told("dead-letters list")
        assert listed["by_reason"] == {"wrong_partition": 2, "schema_unknown": 2}
        assert listed["dead_letters"][0]["length"] == len(value)
        few = told("dead-letters list --reason wrong_partition --limit 1")
        assert (len(few["dead_letters"]), few["left_out"]) == (1, 1)
        assert told("dead-letters list --topic ledger-commands")["by_reason"] == {
            "schema_unknown": 1
        }
        assert told("dead-letters list --since 2999-01-01T00:00:00Z")["dead_letters"] == []

        [origin] = [
            each["origin"] for each in listed["dead_letters"] if each["length"] == len(value)
        ]
        shown = told("dead-letters show", origin)
        assert shown["record"]["event_id"] == "small"
        assert (shown["value"], shown["became"]) == (value[:256].hex(), [])

        planned = told("dead-letters redrive --reason wrong_partition --dry-run")
        assert [each["offset"] for each in planned["records"]] == [None, None]
        sent = told("dead-letters redrive --reason wrong_partition")
        assert {(each["id"], each["partition"]) for each in sent["records"]} == {
            ("small", partition_of("acme", 2)),
            ("large", partition_of("bolt", 2)),
        }
        wait_for_deductions(settings, 2)
        charged = {each.facts.cause_id: each.facts.occurred_at for each in deductions(settings)}
        assert charged == {"small": small.occurred_at, "large": large.occurred_at}
        [became] = told("dead-letters show", origin)["became"]
        assert became["type"] == "deduction"
        # Sent again it is a duplicate.
        assert told("dead-letters redrive", origin)["sent"] == 1
        garbage = [each for each in listed["dead_letters"] if each["reason"] == "schema_unknown"]
        failed = told("dead-letters redrive", *(each["origin"] for each in garbage), code=1)
        assert failed["sent"] == 0
        assert all("still doesn't decode" in each["problem"] for each in failed["records"])
        ask(settings, "acme", last=Grant(amount=MICRO, kind="promotional"))
    assert len(deductions(settings)) == 2


def test_what_cannot_be_meant_is_said(settings: Settings) -> None:
    for line, said in (
        ("dead-letters redrive", "name either origins or a --reason"),
        ("dead-letters redrive nonsense", "is no origin"),
        ("dead-letters show other.usage-events-0-1", "isn't of namespace"),
        ("dead-letters list --reason because", "is none of"),
        ("dead-letters park usage-events-0-0", "say why with --reason"),
        ("dead-letters park usage-events-9-0 --reason r", "there are 2 partitions"),
        ("dead-letters park usage-events-0-0 --reason r", "holds no record yet"),
        ("rejections list --reason because", "is no rejection code"),
    ):
        result = run(line)
        assert (result.exit_code, said in result.output) == (2, True), result.output


def send_with_its_producers_time(settings: Settings, topic: str, value: bytes, home: int) -> None:
    """A record that no processor of this ledger decides: its append time isn't the broker's."""
    client = admin(settings)

    def stamp(kind: str) -> None:
        entry = ConfigEntry(
            "message.timestamp.type", kind, incremental_operation=AlterConfigOpType.SET
        )
        resource = ConfigResource(
            ResourceType.TOPIC, settings.topic(topic), incremental_configs=[entry]
        )
        for future in client.incremental_alter_configs([resource]).values():
            future.result(30)
        time.sleep(0.5)  # The broker takes it over in its own time.

    stamp("CreateTime")
    send_raw(settings, topic, home, value)
    stamp("LogAppendTime")


def halted(processor: Processor) -> str:
    """The log of a processor, once a partition has halted."""
    wait_for_log(processor, "partition_halted")
    return processor.log.read_text()


def test_a_command_and_usage_that_cannot_be_decided_are_parked(
    settings: Settings, tmp_path: Path
) -> None:
    home = partition_of("acme", 2)
    header = Wire(settings).header("usage-event")
    bad = framed(settings, command(Grant(amount=7, kind="promotional"), "bad", "acme"))
    send_with_its_producers_time(settings, "ledger-commands", bad, home)
    lost = encode_usage(usage("lost", "acme"), header=header)
    send_with_its_producers_time(settings, "usage-events", lost, home)
    first_line, second_line = [
        f"dead-letters park {topic}-{home}-{offset}"
        for topic, offset in (("ledger-commands", 1), ("usage-events", 0))
    ]
    with processing(settings, tmp_path / "first") as first:
        assert "ledger-commands offset 1 carries its producer's time" in halted(first)
        answer = told(first_line, "--reason", "a wrong clock")
        assert (answer["outcome"], answer["code"]) == ("accepted", "")
        # It was opened again, and has come to the usage.
        await_true(lambda: len(log_lines(first, "partition_halted")) == 2, "it halts again")
        assert first.stop() == 0
    with processing(settings, tmp_path / "second") as second:
        halted(second)
        sent = told(f"{second_line} --timeout 0.1", "--reason", "a wrong clock", code=75)
        assert sent["outcome"] == "sent"
        send(settings, usage("kept", "acme"))
        wait_for_type(settings, "acme", "deduction")
        for line in (first_line, second_line):
            answer = told(line, "--reason", "a wrong clock")
            assert (answer["outcome"], answer["code"]) == ("duplicate", "")
        late = f"dead-letters park usage-events-{home}-1"
        assert told(late, "--reason", "late", code=1)["code"] == "record_decided"
        assert len(log_lines(second, "partition_halted")) == 1
    letters = sorted(wait_for_letters(settings, 2), key=lambda each: each.topic)
    assert [(each.reason, each.value) for each in letters] == [("parked", bad), ("parked", lost)]
    assert letters[0].detail == f"park-ledger-commands-{home}-1 by cli: a wrong clock"
    assert [each.type for each in entries_of(settings, "acme")] == ["deduction"]


def test_rejected_usage_is_decided_again(settings: Settings, tmp_path: Path) -> None:
    with processing(settings, tmp_path / "log"):
        for number in range(3):
            send(settings, usage(f"e{number}", "acme", meter="images"))
        send(settings, usage("other", "bolt", meter="images"))
        wait_for_type(settings, "acme", "rejected", 3)
        wait_for_type(settings, "bolt", "rejected")
        assert told("rejections list --reason no_rate")["by_code"] == {"no_rate": 4}
        few = told("rejections list --customer acme --limit 1")
        assert (few["rejections"][0]["event_id"], few["left_out"]) == ("e0", 2)
        again = told("rejections redrive --customer bolt", code=1)
        assert again["outcomes"] == {"rejected": 1}
        assert again["refused"][0]["refused"]["code"] == "no_rate"

        newer = cards.card(
            cards.meter(cards.line("images", "2"), name="images"),
            version="2",
            effective_from=time.time_ns() // 1_000 + MICRO,
        )
        ask(settings, PARTITION_CUSTOMER, card2=ApplyRateCard(card=newer))
        assert told("rejections redrive --dry-run")["found"] == 4
        done = told("rejections redrive --rate-card card@2")
        assert done["outcomes"] == {"accepted": 4}
        assert told("rejections list")["rejections"] == []
        assert told("rejections redrive --rate-card card@2")["found"] == 0
    charged = deductions(settings)
    assert sorted(each.facts.details.event_id for each in charged if each.facts.details) == [
        "e0",
        "e1",
        "e2",
        "other",
    ]
