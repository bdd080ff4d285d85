"""What a partition has decided and not yet begun to commit."""

from typing import Final, final

Record = dict[str, bytes]
"""A record to produce: `key` and `value`."""


@final
class Outbox:
    """Records to produce, the input positions they bring the partition to, and what they count."""

    def __init__(self) -> None:
        self.entries: Final[list[Record]] = []
        self.replies: Final[list[Record]] = []
        self.dead_letters: Final[list[Record]] = []
        self.next_usage_offset = -1
        self.next_command_offset = -1
        self.events = 0
        self.commands = 0
        self.duplicates = 0
        self.rejections: Final[dict[str, int]] = {}
        self.dead_reasons: Final[dict[str, int]] = {}

    @property
    def inputs(self) -> int:
        """How many input records were consumed."""
        return self.events + self.commands + len(self.dead_letters)

    def count_rejection(self, code: str) -> None:
        """Count a refusal."""
        self.rejections[code] = self.rejections.get(code, 0) + 1

    def count_dead_letter(self, reason: str) -> None:
        """Count a dead letter."""
        self.dead_reasons[reason] = self.dead_reasons.get(reason, 0) + 1
