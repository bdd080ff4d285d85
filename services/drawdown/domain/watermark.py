"""The watermark: up to when what falls due may be booked (`domain.md`, «Time»)."""

from typing import final

from drawdown.domain.entries import InputTopic


@final
class Watermark:
    """How far a partition has read its two inputs, in µs of their append times.

    What falls due is booked up to the earlier of the two; an input that was read to its end counts
    as far as the other. It never goes back.
    """

    def __init__(self) -> None:
        self.value = 0
        self._usage = 0
        self._commands = 0
        self._usage_ended = False
        self._commands_ended = False

    def consumed(self, topic: InputTopic, recorded_at: int) -> None:
        """A record of an input was consumed."""
        if topic == "usage_events":
            self._usage = max(self._usage, recorded_at)
            self._usage_ended = False
        else:
            self._commands = max(self._commands, recorded_at)
            self._commands_ended = False
        self._move()

    def waiting(self, topic: InputTopic) -> None:
        """Records of an input have come and are not consumed yet: it isn't read to its end."""
        if topic == "usage_events":
            self._usage_ended = False
        else:
            self._commands_ended = False

    def ended(self, topic: InputTopic) -> None:
        """An input was read to its end."""
        if topic == "usage_events":
            self._usage_ended = True
        else:
            self._commands_ended = True
        self._move()

    def _move(self) -> None:
        usage, commands = self._usage, self._commands
        reached = min(usage, commands)
        if self._usage_ended and commands > reached:
            reached = commands
        if self._commands_ended and usage > reached:
            reached = usage
        if reached > self.value:
            self.value = reached
