"""The loop: two consumers, one writer a partition, commands before usage in every turn.

The group subscribes to `usage-events` alone. A second consumer is assigned by hand to the same
partitions of `ledger-commands`, so that a command never waits behind prefetched usage, and so that
the two topics are co-partitioned whatever the assignor does.

No partition waits for another: openings and commits run in threads, what fails in one is handled
there by its kind (`failures`), and one whose commit is slow isn't read until it has come through.
"""

from concurrent.futures import Executor
from functools import partial
from random import Random
from typing import Final

import structlog
from confluent_kafka import Consumer, Message, TopicPartition

from drawdown.adapters.kafka.contacts import Contacts
from drawdown.adapters.kafka.group_silence import Silence
from drawdown.adapters.kafka.leaving import leave
from drawdown.adapters.kafka.stable_offsets import Offsets
from drawdown.clock import Clock, Steadiness
from drawdown.domain.numbers import SECOND_US
from drawdown.errors import StateUnwritable
from drawdown.ledger_processor.batches import by_partition, latest_us
from drawdown.ledger_processor.counting import (
    count,
    observe_due_lag,
    observe_lag,
    observe_memory,
)
from drawdown.ledger_processor.ends import ANSWER_S
from drawdown.ledger_processor.intake import Intake, Parks
from drawdown.ledger_processor.openings import Openings, OpenPartition
from drawdown.ledger_processor.partition import Committed, PartitionWriter
from drawdown.ledger_processor.partitions import Partitions
from drawdown.ledger_processor.past import Past
from drawdown.ledger_processor.ticking import Ticker
from drawdown.settings import Settings

USAGE_CHUNK: Final = 250
"""Usage taken in one turn."""
USAGE_BETWEEN: Final = 100
"""Commands are looked at after so much usage, and after each turn, so that none waits much longer
than this takes (a few milliseconds, compiled). Where usage trickles in, to look after each
partition's few records would cost more than deciding them."""
SLICE: Final = 125
"""Compiled code never yields the interpreter, and a commit thread needs it twice: so it is called
for a millisecond or two at a time."""
USAGE_WAIT_S: Final = 0.002
"""How long a turn waits for usage; a command waits as long at worst when there is none."""
ROOM_WAIT_S: Final = 0.25
"""How long a turn waits for the commit of a partition that has no room for more. Most come within
it, and then what was prefetched is kept; not to read the partition for a while throws it away."""
LAG_INTERVAL_S: Final = 5.0


class Loop:
    """Runs until `stop`. `open_partition` fences and recovers a partition, in a thread.

    `run` is `join`, a `turn` after the other, `finish`, `close`. Raises `Refused` when every
    partition that the group gives is refused by the broker, and so does a consumer that is;
    `Unavailable` when the group's client can't go on.
    """

    def __init__(
        self,
        settings: Settings,
        usage: Consumer,
        commands: Consumer,
        offsets: Offsets,
        open_partition: OpenPartition,
        threads: Executor,
        ticker: Ticker,
        past: Past,
        parks: Parks,
        clock: Clock,
        chance: Random,
    ) -> None:
        self._settings = settings
        self._usage = usage
        self._commands = commands
        self._threads = threads
        self._ticker = ticker
        self._past = past
        self._clock = clock
        openings = Openings(settings, open_partition, threads, clock, chance)
        self._intake = Intake(settings, usage, commands, offsets, parks, clock)
        self._partitions = Partitions(settings, self._intake, openings, ticker, clock)
        self._writers = self._partitions.writers
        self._guarded = self._partitions.guarded
        self._steadiness = Steadiness(clock)
        self._silence = Silence(offsets, settings.topic("usage-events"), clock, within_s=ANSWER_S)
        self._contacts = Contacts(
            lambda: {
                "usage events": usage,
                "commands": commands,
                "offsets": offsets,
                "ticks": ticker.producer,
            },
            settings.topic("usage-events"),
            clock,
        )
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
            [topic],
            on_assign=lambda _, partitions: self._assigned(_numbers(partitions)),
            on_revoke=lambda _, partitions: self._revoked(_numbers(partitions)),
            on_lost=lambda _, partitions: self._let_go(_numbers(partitions)),
        )

    def finish(self) -> None:
        """Commit all that is decided."""
        self._finish(list(self._writers))

    def close(self) -> None:
        """Leave the group and let go of everything; what isn't committed is left undone."""
        # Closing hands every partition back, which flushes nothing more.
        self._partitions.close()
        leave(self._usage)
        leave(self._commands)
        self._ticker.close()
        self._past.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def turn(self) -> None:
        """Take what has come, commands first; decide it, and begin the commits that are due."""
        usage, ended = by_partition(self._usage.consume(USAGE_CHUNK, USAGE_WAIT_S))
        self._intake.usage_heard.heard(usage, ended)
        # Commands go first, and what waits in hand must not fall due by their time.
        self._intake.usage_ends.forget(usage)
        self._serve_commands()
        decided = 0
        for number, batch in usage.items():
            # A record of a partition that was just revoked may still be handed out.
            if self._partitions.reads(number):
                self._decide_usage(self._writers[number], batch)
                decided += len(batch)
            if decided >= USAGE_BETWEEN:
                self._serve_commands()
                decided = 0
        self._intake.ended(self._intake.usage_ends, ended)
        self._partitions.serve_opened()
        self._observe(self._clock.monotonic())

    def _observe(self, now: float) -> None:
        """Look at what time alone brings about. Raises `Unavailable` where the clock was set, or
        where only new clients will hear of the group or of a partition again."""
        self._steadiness.look()
        self._silence.look()
        self._contacts.look()
        self._intake.look()
        self._partitions.look(self._clock_limit_us())
        served = self._partitions.served()
        self._ticker.look(served, now, self._clock.now_us())
        if now - self._lag_at > LAG_INTERVAL_S:
            self._lag_at = now
            numbers = list(self._writers)
            observe_lag(self._settings, self._usage, self._commands, numbers)
            observe_due_lag(served, self._clock.now_us())
            observe_memory(served)
            self._partitions.show()
        if fenced := self._partitions.membership.fenced_too_long(now):
            # Only a new assignment brings back what was fenced.
            self._log.warning("joining_again", partitions=fenced)
            self._usage.unsubscribe()
            self.join()

    def _decide_commands(self, messages: list[Message]) -> None:
        limit_us = self._clock_limit_us()
        commands, ended = by_partition(messages)
        self._intake.commands_heard.heard(commands, ended)
        self._intake.command_ends.forget(commands)
        for number, batch in commands.items():
            if self._partitions.reads(number):
                writer = self._writers[number]
                self._intake.usage_ends.confirm(number, writer.decider, latest_us(batch))
                self._guarded(number, partial(writer.decider.decide_commands, batch, limit_us))
                self._bound(writer)
            elif self._intake.parked(number, batch):
                self._partitions.try_again(number, "a record of it is parked")
        self._intake.ended(self._intake.command_ends, ended)
        for number in ended:
            self._intake.caught_up(number)

    def _serve_commands(self) -> None:
        """Decide the commands that have come, and begin every commit that is due."""
        if self._intake.any_commands:
            at_most = self._settings.ledger_command_batch
            self._decide_commands(self._commands.consume(at_most, 0.0))
        self._complete()
        self._begin_due()

    def _decide_usage(self, writer: PartitionWriter, batch: list[Message]) -> None:
        limit_us = self._clock_limit_us()
        self._intake.command_ends.confirm(writer.number, writer.decider, latest_us(batch))
        self._guarded(writer.number, partial(_decide_in_slices, writer, batch, limit_us))
        self._bound(writer)

    def _bound(self, writer: PartitionWriter) -> None:
        if writer.full and self._writers.get(writer.number) is writer:
            self._guarded(writer.number, partial(self._make_room, writer))

    def _make_room(self, writer: PartitionWriter) -> None:
        """Back-pressure: begin the next commit, or read no more until the last came through."""
        if writer.committing:
            self._record(writer, writer.finished(within_s=ROOM_WAIT_S))
        if writer.committing:
            self._intake.rest(writer.number)
        else:
            self._begin(writer)

    def _complete(self) -> None:
        for number, writer in list(self._writers.items()):
            if writer.committing:
                self._guarded(number, partial(self._collect, writer))

    def _collect(self, writer: PartitionWriter) -> None:
        self._record(writer, writer.finished())

    def _begin_due(self) -> None:
        now = self._clock.monotonic()
        for number, writer in list(self._writers.items()):
            if writer.committing:
                continue
            if writer.due(now) or (number in self._partitions.winding_up and writer.pending):
                self._guarded(number, partial(self._begin, writer))
            else:
                self._partitions.wound_up(number)

    def _begin(self, writer: PartitionWriter) -> None:
        writer.begin(self._group())
        if writer.number not in self._partitions.winding_up:
            self._intake.go_on(writer.number)

    def _assigned(self, numbers: list[int]) -> None:
        self._silence.assigned()
        self._partitions.assigned(numbers)

    def _revoked(self, numbers: list[int]) -> None:
        self._finish(numbers)
        self._let_go(numbers)

    def _let_go(self, numbers: list[int]) -> None:
        self._partitions.let_go(numbers)
        self._silence.taken(len(self._partitions.membership.given))

    def _finish(self, numbers: list[int]) -> None:
        """Commit what is decided in these partitions; what takes too long is left undone."""
        until = self._clock.monotonic() + self._settings.rebalance_timeout_s
        writers = [self._writers[number] for number in numbers if number in self._writers]
        for step in (self._collect_until, self._begin_rest, self._collect_until, self._save):
            for writer in writers:
                if self._writers.get(writer.number) is writer:
                    self._guarded(writer.number, partial(step, writer, until))

    def _collect_until(self, writer: PartitionWriter, until: float) -> None:
        left_s = max(0.001, until - self._clock.monotonic())
        self._record(writer, writer.finished(within_s=left_s))
        if writer.committing:
            # Whoever opens the partition next learns from the ledger what became of it.
            self._log.warning("not_committed_in_time", partition=writer.number)

    def _begin_rest(self, writer: PartitionWriter, _until: float) -> None:
        if writer.pending and not writer.committing:
            writer.begin(self._group())

    def _save(self, writer: PartitionWriter, _until: float) -> None:
        try:
            writer.save()
        except StateUnwritable as error:
            # Whoever opens the partition next folds more, and that is all.
            self._log.warning("state_not_saved", partition=writer.number, reason=str(error))

    def _group(self) -> object:
        """The group as a consumer names it that is no member. With a membership the broker would
        refuse every commit that an ordinary rebalance passes by, and fence nobody who isn't fenced
        already: whoever opens a partition does so by its one transactional id."""
        return self._commands.consumer_group_metadata()

    def _record(self, writer: PartitionWriter, committed: Committed | None) -> None:
        if committed is not None:
            self._partitions.openings.succeeded(writer.number)
            count(writer.number, committed)

    def _clock_limit_us(self) -> int:
        return self._clock.now_us() + self._settings.clock_ahead_max_s * SECOND_US


def _numbers(partitions: list[TopicPartition]) -> list[int]:
    return [each.partition for each in partitions]


def _decide_in_slices(writer: PartitionWriter, batch: list[Message], limit_us: int) -> None:
    for start in range(0, len(batch), SLICE):
        writer.decider.decide_usage(batch[start : start + SLICE], limit_us)
