"""The intake: which partitions are read from the two inputs, and which of them rest.

A partition rests while its commands are caught up with (usage only), and while what it has decided
fills its bounds because the broker is slow (both). What rests waits in the topic, not in memory.
Of a partition that has halted only the commands are looked at, for one that parks what halts it.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from confluent_kafka import OFFSET_INVALID, Consumer, KafkaException, Message, TopicPartition

from drawdown.adapters.kafka.hearing import Hearing
from drawdown.adapters.kafka.stable_offsets import Offsets
from drawdown.clock import Clock
from drawdown.ledger_processor.ends import ANSWER_S, Ends
from drawdown.settings import Settings

Parks = Callable[[Message], bool]
"""Whether a record of `ledger-commands` is a command that parks a record."""


class Intake:
    """The two consumers' assignments, kept alike."""

    def __init__(
        self,
        settings: Settings,
        usage: Consumer,
        commands: Consumer,
        offsets: Offsets,
        parks: Parks,
        clock: Clock,
    ) -> None:
        self._parks: Final = parks
        self._usage_topic: Final = settings.topic("usage-events")
        self._command_topic: Final = settings.topic("ledger-commands")
        self._usage: Final = usage
        self._commands: Final = commands
        self._read: Final[set[int]] = set()
        self._resting: Final[set[int]] = set()
        self._watched: Final[set[int]] = set()
        # A rate card that was sent an hour ago must not be overtaken by usage of a minute ago.
        self.catching_up: Final[set[int]] = set()
        self.usage_ends: Final = Ends(offsets, self._usage_topic, "usage_events", clock)
        self.command_ends: Final = Ends(offsets, self._command_topic, "ledger_commands", clock)
        self.usage_heard: Final = Hearing(offsets, self._usage_topic, clock, within_s=ANSWER_S)
        self.commands_heard: Final = Hearing(offsets, self._command_topic, clock, within_s=ANSWER_S)

    @property
    def resting(self) -> int:
        """How many partitions aren't read because they have no room."""
        return len(self._resting)

    def hold_off(self) -> None:
        """Answer the group's assignment without reading anything of it yet."""
        self._usage.incremental_assign([])

    def begin(self, number: int, usage_offset: int, command_offset: int) -> None:
        """Read a partition from these offsets on: its commands to their end, then usage too."""
        usage = TopicPartition(self._usage_topic, number, usage_offset)
        self._usage.incremental_assign([usage])
        self._usage.pause([usage])
        self._read.add(number)
        self.catching_up.add(number)
        self._read_commands(number, command_offset)
        self.usage_heard.reads(number, usage_offset)
        self.commands_heard.reads(number, command_offset)

    def _read_commands(self, number: int, offset: int) -> None:
        place = TopicPartition(self._command_topic, number, offset)
        self._commands.incremental_assign([place])
        # It may have been given up while it rested, and the client forgets that by no assignment.
        self._commands.resume([place])

    @property
    def any_commands(self) -> bool:
        """Whether commands are read of any partition."""
        return bool(self._read or self._watched)

    def watch(self, number: int) -> None:
        """Decide nothing more of a partition that is read, and look out for a command that parks a
        record of it."""
        offset = self.commands_heard.next_offset(number)
        self.end(number)
        if offset is not None and number not in self._read:
            self._read_commands(number, offset)
            self._watched.add(number)

    def parked(self, number: int, commands: Sequence[Message]) -> bool:
        """Whether what is watched for is among these commands of a partition."""
        return number in self._watched and any(self._parks(each) for each in commands)

    def unwatch(self, numbers: list[int]) -> None:
        """Don't look at the commands of these any more, whichever of them are watched."""
        watched = [number for number in numbers if number in self._watched]
        if watched:
            commands = [self._place(self._command_topic, n) for n in watched]
            self._commands.incremental_unassign(commands)
            self._watched.difference_update(watched)

    def caught_up(self, number: int) -> None:
        """Its commands were read to their end once, so nothing they set is missing: go on."""
        if number in self.catching_up:
            self.catching_up.discard(number)
            if number not in self._resting:
                self._usage.resume([self._place(self._usage_topic, number)])

    def ended(self, ends: Ends, ended: dict[int, int]) -> None:
        """What was handed out of one input is decided; the partitions that end there, by offset."""
        for number, offset in ended.items():
            if number in self._read:
                ends.reached(number, offset)

    def rest(self, number: int) -> None:
        """Read no more of a partition for now."""
        if number in self._read and number not in self._resting:
            self._resting.add(number)
            self._usage.pause([self._place(self._usage_topic, number)])
            self._commands.pause([self._place(self._command_topic, number)])

    def go_on(self, number: int) -> None:
        """Read it again, if it rested."""
        if number in self._resting:
            self._resting.discard(number)
            self._commands.resume([self._place(self._command_topic, number)])
            if number not in self.catching_up:
                self._usage.resume([self._place(self._usage_topic, number)])

    def end(self, number: int) -> None:
        """Read a partition no more; while the group is changing, its next word does that."""
        if number in self._read:
            with suppress(KafkaException):
                self.end_all([number])

    def end_all(self, numbers: list[int]) -> None:
        """Read these no more, whichever of them are read; the answer to a revocation."""
        self.unwatch(numbers)
        read = [number for number in numbers if number in self._read]
        self._usage.incremental_unassign([self._place(self._usage_topic, n) for n in read])
        if read:
            commands = [self._place(self._command_topic, n) for n in read]
            self._commands.incremental_unassign(commands)
        self._read.difference_update(read)
        self._resting.difference_update(read)
        self.catching_up.difference_update(read)
        self.usage_ends.forget(read)
        self.command_ends.forget(read)
        self.usage_heard.ends(read)
        self.commands_heard.ends(read)

    def look(self) -> None:
        """Raises `Unavailable` where nothing is heard of a partition that goes on."""
        self.usage_heard.look(self._resting | self.catching_up)
        self.commands_heard.look(self._resting)

    def _place(self, topic: str, number: int) -> TopicPartition:
        return TopicPartition(topic, number, OFFSET_INVALID)
