"""What Kafka itself allows: consume, produce the value unchanged, offsets in the transaction.

It has the ledger processor's shape and settings (two consumers, commands before usage, one
transactional producer a partition, the commit overlapped with the next batch) and none of its work.

Run as `python -m tests.benchmarks.passthrough`.
"""

import signal
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from confluent_kafka import Consumer, Message, TopicPartition

from drawdown.adapters.kafka import clients
from drawdown.ledger_processor.loop import USAGE_CHUNK, USAGE_WAIT_S
from drawdown.settings import Settings, current

GROUP = "passthrough"
_OUTPUT = {"usage-events": "ledger-entries", "ledger-commands": "ledger-replies"}
_TIMEOUT_S = 30.0


class Lane:
    """One partition: what waits to be sent, and the transaction in flight."""

    def __init__(self, settings: Settings, number: int, committers: ThreadPoolExecutor) -> None:
        self._settings = settings
        self._number = number
        self._committers = committers
        transactional_id = f"{settings.topic('passthrough')}-{number}"
        self._producer = clients.transactional_producer(settings, transactional_id)
        self._producer.init_transactions(_TIMEOUT_S)
        self._in_flight: Future[None] | None = None
        self._began_at = 0.0
        self._clear()

    def _clear(self) -> None:
        self._records: dict[str, list[dict[str, Any]]] = {name: [] for name in _OUTPUT}
        self._offsets: dict[str, int] = {}

    def take(self, name: str, messages: list[Message]) -> None:
        """Queue what came in."""
        records = self._records[name]
        for message in messages:
            records.append({"key": message.key(), "value": message.value()})
        last = messages[-1].offset()
        assert last is not None
        self._offsets[name] = last + 1

    def step(self, consumer: Consumer) -> None:
        """Begin a commit where one is due; wait for the one before where no more fits."""
        usage, commands = self._records["usage-events"], self._records["ledger-commands"]
        full = len(usage) >= self._settings.ledger_usage_batch
        waited = time.monotonic() - self._began_at >= self._settings.commit_interval_ms / 1_000
        if not (commands or full or (usage and waited)):
            return
        if self._in_flight is not None:
            if not (full or self._in_flight.done()):
                return
            self._in_flight.result()
        self._began_at = time.monotonic()
        self._producer.begin_transaction()
        for name, records in self._records.items():
            if records:
                topic = self._settings.topic(_OUTPUT[name])
                queued = self._producer.produce_batch(topic, records, partition=self._number)
                assert queued == len(records), "the producer's queue is full"
        offsets = [
            TopicPartition(self._settings.topic(name), self._number, offset)
            for name, offset in self._offsets.items()
        ]
        group = consumer.consumer_group_metadata()
        self._in_flight = self._committers.submit(self._commit, offsets, group)
        self._clear()

    def _commit(self, offsets: list[TopicPartition], group: Any) -> None:
        self._producer.send_offsets_to_transaction(offsets, group, _TIMEOUT_S)
        self._producer.commit_transaction(_TIMEOUT_S)


class Passthrough:
    """The partitions that the group gives, all of them to one process alone."""

    def __init__(self, settings: Settings) -> None:
        group = settings.group(GROUP)
        self._settings = settings
        self._usage = clients.consumer(settings, group=group)
        self._commands = clients.consumer(settings, group=group)
        self._committers = ThreadPoolExecutor(settings.ledger_partitions_max)
        self._lanes: dict[int, Lane] = {}
        self.stopping = False

    def run(self) -> None:
        """Serve until `stopping`."""
        self._usage.subscribe(
            [self._settings.topic("usage-events")],
            on_assign=self._assigned,
            on_revoke=lambda *_: self._lanes.clear(),
        )
        while not self.stopping:
            if self._lanes:
                commands = self._commands.consume(self._settings.ledger_command_batch, 0.0)
                self._take("ledger-commands", commands)
            self._take("usage-events", self._usage.consume(USAGE_CHUNK, USAGE_WAIT_S))
        self._committers.shutdown()
        self._usage.close()
        self._commands.close()

    def _assigned(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        numbers = [each.partition for each in partitions]
        self._lanes = {each: Lane(self._settings, each, self._committers) for each in numbers}
        topic = self._settings.topic("ledger-commands")
        self._commands.assign([TopicPartition(topic, each, 0) for each in numbers])

    def _take(self, name: str, messages: list[Message]) -> None:
        batches: dict[int, list[Message]] = {}
        for message in messages:
            assert message.error() is None, message.error()
            batches.setdefault(message.partition() or 0, []).append(message)
        for number, batch in batches.items():
            self._lanes[number].take(name, batch)
        for lane in self._lanes.values():
            lane.step(self._usage)


def main() -> None:
    """Run until SIGTERM."""
    sys.setswitchinterval(0.001)
    passthrough = Passthrough(current())

    def stop(*_: object) -> None:
        passthrough.stopping = True

    signal.signal(signal.SIGTERM, stop)
    passthrough.run()


if __name__ == "__main__":
    main()
