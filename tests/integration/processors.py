"""Running ledger processors as they are run: as processes of their own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from confluent_kafka import TopicPartition

from drawdown.adapters.avro.codec import encode_command
from drawdown.adapters.avro.wire import Wire
from drawdown.adapters.kafka.clients import producer, reader
from drawdown.adapters.kafka.ledger_log import read_entries
from drawdown.adapters.kafka.partition_log import PartitionLog, value_of
from drawdown.adapters.kafka.partitioner import partition_of
from drawdown.adapters.kafka.requests import Requests
from drawdown.adapters.kafka.topics import create_topics, ledger_partitions
from drawdown.domain.dead_letters import DeadLetter
from drawdown.domain.entries import PARTITION_CUSTOMER, EntryFacts, EntryType, LedgerEntry
from drawdown.domain.inputs import ApplyRateCard, Command, CommandBody, Grant
from drawdown.domain.rate_cards import RateCard
from drawdown.domain.replies import Reply
from drawdown.settings import Settings

T = TypeVar("T")

STARTED_WITHIN_S = 60.0


class Processor:
    """One ledger processor; its log goes to a file."""

    def __init__(self, settings: Settings, log: Path, variables: dict[str, str]) -> None:
        self.log = log
        environment = {
            **os.environ,
            "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
            "DRAWDOWN_NAMESPACE": settings.namespace,
            "DRAWDOWN_RATE_CARD_LEAD_S": "0",
            "DRAWDOWN_DATA_DIR": str(settings.data_dir),
            # What is sent to the process and read in its log is one process's.
            "DRAWDOWN_LEDGER_WORKERS": "1",
            **variables,
        }
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "drawdown.ledger_processor"], env=environment, stderr=out
            )

    def owned(self) -> set[int]:
        """The partitions that it serves, by what it has logged."""
        owned: set[int] = set()
        for said in self.logged("partition_opened", "partition_given_up"):
            if said["event"] == "partition_opened":
                owned.add(said["partition"])
            else:
                owned.discard(said["partition"])
        return owned

    def logged(self, *events: str) -> list[dict[str, Any]]:
        """What it has logged of these events."""
        lines = self.log.read_text().splitlines()
        # The last line may be half written.
        said = [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]
        return [each for each in said if each["event"] in events]

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal, and wait for the end; the exit code."""
        self.process.send_signal(number)
        return self.process.wait(60)


@contextmanager
def processing(settings: Settings, log: Path, **variables: str) -> Iterator[Processor]:
    """A processor that is killed at the end, if it still runs; with environment variables."""
    processor = Processor(settings, log, variables)
    try:
        yield processor
    finally:
        if processor.process.poll() is None:
            processor.stop(signal.SIGKILL)


def prepare(settings: Settings, card: Callable[[int], RateCard]) -> None:
    """Create the topics and send a rate card, in force from now on or a little later (µs)."""
    create_topics(settings)
    # An idempotent producer would wait for a broker that has just started.
    client = producer(settings, enable_idempotence=False)
    for tried, lead_s in enumerate((2, 5, 15)):
        soon_us = time.time_ns() // 1_000 + lead_s * 1_000_000
        command_id = "card" if tried == 0 else f"card-{tried}"
        value = framed(settings, command(ApplyRateCard(card=card(soon_us)), command_id))
        for partition in range(ledger_partitions(settings)):
            client.produce(settings.topic("ledger-commands"), value=value, partition=partition)
        assert client.flush(30) == 0
        if time.time_ns() // 1_000 < soon_us:
            return
        # Where it was appended too late it is refused; another one follows.
    raise AssertionError("the broker took too long to take a card")


def command(
    body: CommandBody, command_id: str = "card", customer_id: str = PARTITION_CUSTOMER
) -> Command:
    """A command issued now."""
    return Command(
        command_id=command_id,
        issued_at=time.time_ns() // 1_000,
        actor="tester",
        customer_id=customer_id,
        unit="credit",
        reason="",
        body=body,
    )


def framed(settings: Settings, asked: Command) -> bytes:
    """A command's record."""
    return encode_command(asked, header=Wire(settings).header("command"))


def send_raw(settings: Settings, topic: str, partition: int, value: bytes | None) -> None:
    """Produce bytes as they are."""
    client = producer(settings)
    client.produce(settings.topic(topic), value=value, key=b"raw", partition=partition)
    assert client.flush(30) == 0


def ask(settings: Settings, customer_id: str, **bodies: CommandBody) -> list[Reply]:
    """Send commands, each of the id it is named, and wait for the committed replies."""
    commands = [command(body, command_id, customer_id) for command_id, body in bodies.items()]
    with Requests(settings) as requests:
        return list(requests.ask(commands))


def grant(
    settings: Settings, customer_id: str, credits_: int, *, expires_at: int | None = None
) -> Reply:
    """Grant credits, in a lot called `grant`, and wait for the committed reply."""
    body = Grant(amount=credits_ * 1_000_000, kind="promotional", expires_at=expires_at)
    [reply] = ask(settings, customer_id, grant=body)
    return reply


def entries(settings: Settings) -> list[LedgerEntry]:
    """Every committed entry, partition by partition."""
    return [
        entry
        for partition in range(ledger_partitions(settings))
        for _, entry in read_entries(settings, partition)
    ]


def entries_of(settings: Settings, customer_id: str) -> list[EntryFacts]:
    """A customer's committed entries, in their order."""
    home = partition_of(customer_id, ledger_partitions(settings))
    facts = (entry.facts for _, entry in read_entries(settings, home))
    return [each for each in facts if each.customer_id == customer_id]


def deductions(settings: Settings) -> list[LedgerEntry]:
    """Every committed deduction."""
    return [entry for entry in entries(settings) if entry.facts.type == "deduction"]


def dead_letters(settings: Settings) -> list[DeadLetter]:
    """Every committed dead letter."""
    wire = Wire(settings)
    found = []
    for partition in range(ledger_partitions(settings)):
        with PartitionLog(settings, settings.topic("dead-letters"), partition) as log:
            found += [wire.decode_dead_letter(value_of(record)) for record in log.records()]
    return found


def wait_for_letters(settings: Settings, count: int) -> list[DeadLetter]:
    """The committed dead letters once there are so many; more is a failure at once.

    What one transaction wrote to several partitions shows in each at a moment of its own.
    """
    return _wait_for(lambda: dead_letters(settings), count, "dead letters")


def committed(settings: Settings) -> dict[int, int]:
    """The group's committed usage offsets by partition; -1001 where there is none."""
    client = reader(settings, group_id=settings.group("ledger_processor"))
    places = [
        TopicPartition(settings.topic("usage-events"), partition)
        for partition in range(ledger_partitions(settings))
    ]
    found = {each.partition: each.offset for each in client.committed(places, timeout=30)}
    client.close()
    return found


def wait_for_type(
    settings: Settings, customer_id: str, type_: EntryType, count: int = 1
) -> list[EntryFacts]:
    """A customer's entries of a type once there are so many; more is a failure at once."""

    def find() -> list[EntryFacts]:
        return [each for each in entries_of(settings, customer_id) if each.type == type_]

    return _wait_for(find, count, type_)


def wait_for_log(processor: Processor, event: str) -> None:
    """Wait until a processor has logged an event."""
    until = time.monotonic() + STARTED_WITHIN_S
    while f'"{event}"' not in processor.log.read_text():
        assert time.monotonic() < until, f"no {event} within {STARTED_WITHIN_S} s"
        time.sleep(0.2)


def log_lines(processor: Processor, event: str) -> list[dict[str, object]]:
    """The log lines of one event."""
    lines = [json.loads(each) for each in processor.log.read_text().splitlines() if each[0] == "{"]
    return [each for each in lines if each["event"] == event]


def wait_for_deductions(settings: Settings, count: int, within_s: float = STARTED_WITHIN_S) -> None:
    """Wait until so many deductions are committed; more than that is a failure at once."""
    _wait_for(lambda: deductions(settings), count, "deductions", within_s)


def _wait_for(
    find: Callable[[], list[T]], count: int, what: str, within_s: float = STARTED_WITHIN_S
) -> list[T]:
    """What is found once there is so much of it; more is a failure at once."""
    until = time.monotonic() + within_s
    found: list[T] = []
    while time.monotonic() < until:
        found = find()
        assert len(found) <= count, f"{len(found)} {what} of {count}"
        if len(found) == count:
            return found
        time.sleep(0.3)
    raise AssertionError(f"{len(found)} of {count} {what} after {within_s} s")
