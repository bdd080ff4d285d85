"""The loop: two consumers, one writer a partition, commands before usage in every turn.

The group subscribes to `usage-events` alone. A second consumer is assigned by hand to the same
partitions of `ledger-commands`, so that a command never waits behind prefetched usage, and so that
the two topics are co-partitioned whatever the assignor does.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from functools import partial
from typing import Final

import structlog
from confluent_kafka import OFFSET_INVALID, Consumer, Message, TopicPartition

from drawdown.clock import Clock
from drawdown.domain.numbers import SECOND_US
from drawdown.domain.watermark import Watermark
from drawdown.errors import PartitionHalted, StateUnwritable
from drawdown.ledger_processor.counting import (
    count,
    is_end,
    observe_due_lag,
    observe_lag,
    owned,
    report_error,
    set_halted,
)
from drawdown.ledger_processor.partition import (
    Committed,
    Deciding,
    PartitionWriter,
    TransactionFailed,
)
from drawdown.ledger_processor.ticking import Ticker
from drawdown.settings import Settings

USAGE_CHUNK: Final = 250
"""Usage taken in one turn; commands are looked at after each partition's share of it, so that none
waits much longer than these take (some milliseconds, compiled)."""
SLICE: Final = 125
"""Compiled code never yields the interpreter, and a commit thread needs it twice: so it is called
for a millisecond or two at a time."""
USAGE_WAIT_S: Final = 0.002
"""How long a turn waits for usage; a command waits as long at worst when there is none."""
LAG_INTERVAL_S: Final = 5.0
FENCED_S: Final = 15.0
"""Whoever fenced a partition owns it, and the group says so within a session timeout (10 s). If it
doesn't, it was an outsider: then the group is left and joined again, for a new assignment."""


class Start:
    """What opening a partition yields: its writer, and where its inputs go on."""

    def __init__(self, writer: PartitionWriter, usage_offset: int, command_offset: int) -> None:
        self.writer: Final = writer
        self.usage_offset: Final = usage_offset
        self.command_offset: Final = command_offset


class Loop:
    """Runs until `stop`. `open_partition` fences and recovers a partition.

    `run` is `join`, a `turn` after the other, `finish`, `close`.
    """

    def __init__(
        self,
        settings: Settings,
        usage: Consumer,
        commands: Consumer,
        open_partition: Callable[[int], Start],
        committers: Executor,
        ticker: Ticker,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._usage = usage
        self._commands = commands
        self._open_partition = open_partition
        self._committers = committers
        self._ticker = ticker
        self._clock = clock
        self._writers: dict[int, PartitionWriter] = {}
        # A rate card that was sent an hour ago must not be overtaken by usage of a minute ago.
        self._catching_up: set[int] = set()
        self._fenced_at: dict[int, float] = {}
        self._stopping = False
        self._lag_at = 0.0
        self._log = structlog.get_logger()

    def stop(self) -> None:
        """Finish the transactions and leave the group; safe to call from a signal handler."""
        self._stopping = True

    def run(self) -> None:
        """Serve until stopped."""
        self.join()
        try:
            while not self._stopping:
                self.turn()
            self.finish()
        finally:
            self.close()

    def join(self) -> None:
        """Ask the group for partitions."""
        topic = self._settings.topic("usage-events")
        self._usage.subscribe(
            [topic], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost
        )

    def finish(self) -> None:
        """Commit all that is decided."""
        self._finish(list(self._writers))

    def close(self) -> None:
        """Leave the group and let go of everything; what isn't committed is left undone."""
        # Closing hands every partition back, which flushes nothing more.
        self._writers.clear()
        self._usage.close()
        self._commands.close()
        self._ticker.close()
        self._committers.shutdown(wait=False, cancel_futures=True)

    def turn(self) -> None:
        """Take what has come, commands first; decide it, and begin the commits that are due."""
        usage, ended = _by_partition(self._usage.consume(USAGE_CHUNK, USAGE_WAIT_S))
        # Commands go first, and what waits in hand must not fall due by their time.
        self._tell_watermarks(usage, lambda watermark: watermark.waiting("usage_events"))
        self._serve_commands()
        for number, batch in usage.items():
            # A record of a partition that was just revoked may still be handed out.
            if number in self._writers:
                self._decide_usage(self._writers[number], batch)
            self._serve_commands()
        # While commands are caught up with, usage rests: its end isn't known then.
        ended -= self._catching_up
        self._tell_watermarks(ended, lambda watermark: watermark.ended("usage_events"))
        now = self._clock.monotonic()
        self._ticker.look(self._served(), now, self._clock.now_us())
        if now - self._lag_at > LAG_INTERVAL_S:
            self._lag_at = now
            observe_lag(self._settings, self._usage, self._commands, list(self._writers))
            observe_due_lag(self._served(), self._clock.now_us())
        if any(now - fenced_at > FENCED_S for fenced_at in self._fenced_at.values()):
            self._join_again()

    def _served(self) -> dict[int, Deciding]:
        """The deciders of partitions that have caught up with their commands."""
        return {
            number: writer.decider
            for number, writer in self._writers.items()
            if number not in self._catching_up
        }

    def _decide_commands(self, messages: list[Message]) -> None:
        limit_us = self._clock_limit_us()
        commands, ended = _by_partition(messages)
        for number, batch in commands.items():
            if number in self._writers:
                decider = self._writers[number].decider
                self._guarded(number, partial(decider.decide_commands, batch, limit_us))
        self._tell_watermarks(ended, lambda watermark: watermark.ended("ledger_commands"))
        for number in ended & self._catching_up:
            self._serve_usage(number)

    def _tell_watermarks(self, numbers: Iterable[int], tell: Callable[[Watermark], None]) -> None:
        """Tell the watermarks of those of these partitions that are served here."""
        for number in numbers:
            if number in self._writers:
                tell(self._writers[number].decider.watermark)

    def _serve_usage(self, number: int) -> None:
        """Its commands were read to their end once, so nothing they set is missing: go on."""
        self._catching_up.discard(number)
        self._usage.resume([self._at("usage-events", number)])

    def _serve_commands(self) -> None:
        """Decide the commands that have come, and begin every commit that is due."""
        if self._writers:
            at_most = self._settings.ledger_command_batch
            self._decide_commands(self._commands.consume(at_most, 0.0))
        self._complete()
        self._begin_due()

    def _decide_usage(self, writer: PartitionWriter, batch: list[Message]) -> None:
        limit_us = self._clock_limit_us()
        self._guarded(writer.number, partial(_decide_in_slices, writer, batch, limit_us))
        if writer.full and writer.number in self._writers:
            self._guarded(writer.number, partial(self._make_room, writer))

    def _make_room(self, writer: PartitionWriter) -> None:
        """Back-pressure: wait for the commit in flight, then begin the next."""
        self._record(writer, writer.finished(wait=True))
        writer.begin(self._usage.consumer_group_metadata())

    def _complete(self) -> None:
        for number, writer in list(self._writers.items()):
            if writer.committing:
                self._guarded(number, partial(self._collect, writer))

    def _collect(self, writer: PartitionWriter) -> None:
        self._record(writer, writer.finished())

    def _begin_due(self) -> None:
        now = self._clock.monotonic()
        for number, writer in list(self._writers.items()):
            if writer.due(now) and not writer.committing:
                self._guarded(number, partial(writer.begin, self._usage.consumer_group_metadata()))

    def _finish(self, numbers: list[int]) -> None:
        """Commit what is decided in these partitions."""
        for number in numbers:
            writer = self._writers.get(number)
            if writer is not None:
                self._guarded(number, partial(self._flush, writer))

    def _flush(self, writer: PartitionWriter) -> None:
        self._record(writer, writer.finished(wait=True))
        if writer.decider.outbox.inputs or writer.decider.outbox.ticks:
            writer.begin(self._usage.consumer_group_metadata())
            self._record(writer, writer.finished(wait=True))
        try:
            writer.save()
        except StateUnwritable as error:
            # Who opens the partition next folds more, and that is all.
            self._log.warning("state_not_saved", partition=writer.number, reason=str(error))

    def _record(self, writer: PartitionWriter, committed: Committed | None) -> None:
        if committed is not None:
            count(writer.number, committed)

    def _guarded(self, number: int, step: Callable[[], None]) -> None:
        """Do a step of one partition; what fails there leaves the others alone."""
        try:
            step()
        except TransactionFailed as failure:
            self._log.warning("transaction_failed", partition=number, reason=str(failure))
            self._step_back(number) if failure.fenced else self._reopen(number)
        except PartitionHalted as halt:
            self._halt(number, str(halt))
        except AssertionError as wrong:
            self._log.exception("invariant_broken", partition=number)
            self._halt(number, f"a programmer's error: {wrong}")

    def _clock_limit_us(self) -> int:
        return self._clock.now_us() + self._settings.clock_ahead_max_s * SECOND_US

    # ---- Partitions come and go.

    def _join_again(self) -> None:
        """Leave the group and join it: only a new assignment brings back what was fenced."""
        self._log.warning("joining_again", partitions=sorted(self._fenced_at))
        self._fenced_at.clear()
        self._usage.unsubscribe()
        self.join()

    def _step_back(self, number: int) -> None:
        """Another one writes the partition: leave it to that one, and to the group's decision."""
        self._give_up(number)
        self._fenced_at[number] = self._clock.monotonic()

    def _assigned(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        # Fencing is mostly waiting for the broker, so the partitions are opened side by side.
        at_most = max(0, self._settings.ledger_partitions_max - len(self._writers))
        for each in partitions[at_most:]:
            self._halt(each.partition, "this process has as many as it may: start another one")
        numbers = [each.partition for each in partitions[:at_most]]
        futures = [self._committers.submit(self._open_partition, number) for number in numbers]
        for number, future in zip(numbers, futures, strict=True):
            self._open(number, future.result)
        owned(len(self._writers))

    def _open(self, number: int, started: Callable[[], Start]) -> None:
        began_at = self._clock.monotonic()
        try:
            start = started()
        except PartitionHalted as halt:
            self._halt(number, str(halt))
            return
        self._fenced_at.pop(number, None)
        self._writers[number] = start.writer
        usage = self._at("usage-events", number, start.usage_offset)
        self._usage.incremental_assign([usage])
        self._usage.pause([usage])
        self._catching_up.add(number)
        self._commands.incremental_assign(
            [self._at("ledger-commands", number, start.command_offset)]
        )
        set_halted(number, halted=False)
        self._log.info(
            "partition_opened",
            partition=number,
            usage_offset=start.usage_offset,
            command_offset=start.command_offset,
            seconds=round(self._clock.monotonic() - began_at, 3),
        )

    def _revoked(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        numbers = [each.partition for each in partitions]
        self._finish(numbers)
        for number in numbers:
            self._give_up(number)
            self._fenced_at.pop(number, None)

    def _lost(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        for each in partitions:
            self._give_up(each.partition)
            self._fenced_at.pop(each.partition, None)

    def _reopen(self, number: int) -> None:
        """Throw a partition's state and producer away, and recover both."""
        self._give_up(number)
        self._open(number, partial(self._open_partition, number))

    def _halt(self, number: int, reason: str) -> None:
        self._log.error("partition_halted", partition=number, reason=reason)
        self._give_up(number)
        set_halted(number, halted=True)

    def _give_up(self, number: int) -> None:
        writer = self._writers.pop(number, None)
        if writer is None:
            return
        writer.close()
        self._catching_up.discard(number)
        self._ticker.forget(number)
        for consumer, topic in ((self._usage, "usage-events"), (self._commands, "ledger-commands")):
            consumer.incremental_unassign([self._at(topic, number)])
        owned(len(self._writers))
        self._log.info("partition_given_up", partition=number)

    def _at(self, topic: str, number: int, offset: int = OFFSET_INVALID) -> TopicPartition:
        return TopicPartition(self._settings.topic(topic), number, offset)


def _by_partition(messages: list[Message]) -> tuple[dict[int, list[Message]], set[int]]:
    """Each partition's records in order, and the partitions whose end stands behind them."""
    batches: dict[int, list[Message]] = {}
    ended: set[int] = set()
    for message in messages:
        number = message.partition()
        if message.error() is not None:
            if not is_end(message):
                report_error(message)
            elif number is not None:
                ended.add(number)
            continue
        assert number is not None
        batch = batches.get(number)
        if batch is None:
            batches[number] = [message]
        else:
            batch.append(message)
        if ended:
            ended.discard(number)
    return batches, ended


def _decide_in_slices(writer: PartitionWriter, batch: list[Message], limit_us: int) -> None:
    for start in range(0, len(batch), SLICE):
        writer.decider.decide_usage(batch[start : start + SLICE], limit_us)
