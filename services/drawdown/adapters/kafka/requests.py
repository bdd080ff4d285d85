"""Requests: commands sent, and their replies once the decisions are committed.

    with Requests(settings) as requests:
        for reply in requests.ask(commands): …

The reply reader stands at the end of `ledger-replies` before the first command is sent, so no
reply can be missed. Replies are matched by customer, command id and partition; where one command
is sent twice, in the order of sending.
"""

import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

from confluent_kafka import KafkaException, Message, TopicPartition
from confluent_kafka.cimpl import KafkaError

from drawdown.adapters.avro.codec import decode_reply, encode_command
from drawdown.adapters.avro.schema_ids import resolver
from drawdown.adapters.avro.wire import HEADER_BYTES, WireFormat
from drawdown.adapters.kafka.clients import producer, reader
from drawdown.adapters.kafka.partitioner import partition_of
from drawdown.adapters.kafka.positions import span
from drawdown.adapters.kafka.quiet import LOGGER
from drawdown.adapters.kafka.records import is_barrier
from drawdown.adapters.kafka.topics import TIMEOUT_S, ledger_partitions
from drawdown.domain.entries import PARTITION_CUSTOMER
from drawdown.domain.inputs import Command, ParkRecord, Tick
from drawdown.domain.replies import Reply
from drawdown.errors import TimedOut, Unavailable, UsageError
from drawdown.settings import Settings

REPLY_TIMEOUT_S: Final = 60.0
"""Longer than a rebalance with a recovery behind it usually takes."""
_REPLIES: Final = 1_000
_POLL_S: Final = 0.05

_Key = tuple[int, str, str]
"""Partition, customer, command id."""


@dataclass(slots=True)
class _Question:
    """A command on its way to one partition or to each, and the replies that have come."""

    command: Command
    asked_at: float
    open: set[int]
    replies: dict[int, Reply] = field(default_factory=dict)


@dataclass(slots=True)
class _Waiting:
    """Questions in the order they were asked, and those still open by key."""

    in_order: deque[_Question] = field(default_factory=deque)
    by_key: dict[_Key, deque[_Question]] = field(default_factory=dict)

    def add(self, question: _Question) -> None:
        self.in_order.append(question)
        for partition in question.open:
            key = (partition, question.command.customer_id, question.command.command_id)
            self.by_key.setdefault(key, deque()).append(question)

    def answer(self, partition: int, reply: Reply) -> None:
        key = (partition, reply.customer_id, reply.command_id)
        if questions := self.by_key.get(key):
            question = questions.popleft()
            question.open.remove(partition)
            question.replies[partition] = reply
            if not questions:
                del self.by_key[key]

    def answered(self) -> Iterator[_Question]:
        """Questions from the front, as far as all their replies have come."""
        while self.in_order and not self.in_order[0].open:
            yield self.in_order.popleft()


class Requests:
    """A sender of commands that waits for their committed replies. Not for several threads."""

    def __init__(self, settings: Settings, *, timeout_s: float = REPLY_TIMEOUT_S) -> None:
        """Raises `InvalidSetting` where topics are missing, `Unavailable` without a broker."""
        self._settings = settings
        self._timeout_s = timeout_s
        self._in_flight_max = settings.commands_in_flight
        self._partitions = ledger_partitions(settings)
        ids = resolver(settings)
        self._commands = settings.topic("ledger-commands")
        self._header = WireFormat(ids, topic=self._commands, schema="command").header
        replies = settings.topic("ledger-replies")
        self._replies = WireFormat(ids, topic=replies, schema="reply")
        self._failure = ""
        self._waiting = _Waiting()
        self._producer = producer(settings, linger_ms=1, logger=LOGGER)
        self._reader = reader(settings, logger=LOGGER)
        self._reader.assign(self._ends())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._producer.flush(TIMEOUT_S)
        self._reader.close()

    def ask(self, commands: Iterable[Command | None]) -> Iterator[Reply]:
        """Send commands, `commands_in_flight` at once; their replies in the commands' order.

        None among them says that there is no further one yet: replies are looked for meanwhile.
        What is about no customer goes to every partition, and its reply is the first refusal or
        else partition 0's; a tick has none. Raises `TimedOut` if a reply doesn't come,
        `Unavailable` if the broker doesn't take a command.
        """
        for question in self._answered(commands):
            replies = [question.replies[partition] for partition in sorted(question.replies)]
            yield next((each for each in replies if each.outcome == "rejected"), replies[0])

    def ask_every_partition(self, command: Command) -> list[Reply]:
        """Send one copy to each partition; the replies by partition."""
        assert command.customer_id == PARTITION_CUSTOMER
        [question] = self._answered([command])
        return [question.replies[partition] for partition in sorted(question.replies)]

    def _answered(self, commands: Iterable[Command | None]) -> Iterator[_Question]:
        for command in commands:
            if command is not None:
                self._send(command)
            if command is None:
                self._look()
            yield from self._waiting.answered()
            while len(self._waiting.in_order) >= self._in_flight_max:
                self._look()
                yield from self._waiting.answered()
        while self._waiting.in_order:
            self._look()
            yield from self._waiting.answered()

    def _send(self, command: Command) -> None:
        homes = range(self._partitions)
        if isinstance(command.body, ParkRecord):
            # A record is of one partition; none other knows it.
            homes = range(command.body.partition, command.body.partition + 1)
        elif command.customer_id != PARTITION_CUSTOMER:
            home = partition_of(command.customer_id, self._partitions)
            homes = range(home, home + 1)
        if not isinstance(command.body, Tick):
            self._waiting.add(_Question(command, time.monotonic(), set(homes)))
        value = encode_command(command, header=self._header)
        for partition in homes:
            while not self._queued(command, value, partition):
                # The broker is slow: what is queued goes first.
                self._look()
        self._producer.poll(0)

    def _queued(self, command: Command, value: bytes, partition: int) -> bool:
        """Whether there was room for it."""
        try:
            self._producer.produce(
                self._commands,
                key=command.customer_id.encode(),
                value=value,
                partition=partition,
                on_delivery=self._delivered,
            )
        except BufferError:
            return False
        except KafkaException as error:
            raise UsageError(f"{command.command_id}: {error.args[0].str()}") from error
        return True

    def _delivered(self, error: KafkaError | None, _record: Message) -> None:
        if error is not None:
            self._failure = f"the broker didn't take a command: {error.str()}"

    def _look(self) -> None:
        """Wait a moment for replies, and judge whether there is still hope."""
        self._producer.poll(0)
        for record in self._reader.consume(_REPLIES, timeout=_POLL_S):
            if record.error() is None and not is_barrier(record):
                self._take(record)
        if self._failure:
            raise Unavailable(self._failure)
        self._give_up_if_late()

    def _give_up_if_late(self) -> None:
        first = self._waiting.in_order[0] if self._waiting.in_order else None
        if first and first.open and time.monotonic() - first.asked_at > self._timeout_s:
            raise TimedOut(
                f"no reply to command {first.command.command_id} of {first.command.customer_id} "
                f"within {self._timeout_s:g} s: does a ledger processor run for namespace "
                f"{self._settings.namespace}? (`drawdown status`)"
            )

    def _take(self, record: Message) -> None:
        value, partition = record.value(), record.partition()
        assert isinstance(value, bytes)
        assert partition is not None
        reply = decode_reply(self._replies.newest(value), HEADER_BYTES)
        self._waiting.answer(partition, reply)

    def _ends(self) -> list[TopicPartition]:
        topic = self._settings.topic("ledger-replies")
        ends = []
        for partition in range(self._partitions):
            place = TopicPartition(topic, partition)
            try:
                _, high = span(self._reader, place)
            except KafkaException as error:
                message = f"the broker doesn't answer: {error.args[0].str()}"
                raise Unavailable(message) from error
            ends.append(TopicPartition(topic, partition, high))
        return ends
