"""What a partition has decided and not yet begun to commit."""

from typing import Final, final

from drawdown.adapters.topics import DEAD_LETTERS, LEDGER, REPLIES
from drawdown.domain.entries import InputTopic

Record = dict[str, bytes]
"""A record to produce: `key` and `value`."""


@final
class Outbox:
    """Records to produce, the input positions they bring the partition to, and what they count.

    `size_bytes` is that of the records' values.
    """

    def __init__(self) -> None:
        self.entries: Final[list[Record]] = []
        self.replies: Final[list[Record]] = []
        self.dead_letters: Final[list[Record]] = []
        self.last_hash = b""
        """The hash of the last of the entries."""
        self.decided: Final[dict[InputTopic, int]] = {}
        """The offset of the last input that has entries, by its topic."""
        self.next_usage_offset = -1
        self.next_command_offset = -1
        self.events = 0
        self.commands = 0
        self.ticks = 0
        self.size_bytes = 0
        self.duplicates = 0
        self.rejections: Final[dict[str, int]] = {}
        self.types: Final[dict[str, int]] = {}
        self.dead_reasons: Final[dict[str, int]] = {}

    @property
    def outputs(self) -> list[tuple[str, list[Record]]]:
        """The topics that it has records for, by their short names, and the records."""
        records = (
            (LEDGER, self.entries),
            (REPLIES, self.replies),
            (DEAD_LETTERS, self.dead_letters),
        )
        return [each for each in records if each[1]]

    @property
    def inputs(self) -> int:
        """How many input records were consumed; a tick that booked nothing is none."""
        return self.events + self.commands + len(self.dead_letters)

    @property
    def deductions(self) -> int:
        """How many of the entries are of the one type that `types` leaves out."""
        return len(self.entries) - sum(self.types.values())

    def successor(self) -> "Outbox":
        """An empty one at the same positions: each transaction states both, so that the broker
        never forgets one of them as unused."""
        following = Outbox()
        following.next_usage_offset = self.next_usage_offset
        following.next_command_offset = self.next_command_offset
        return following

    def count_entry(self, type_: str) -> None:
        """Count an entry that is no deduction; of those there are too many to count each."""
        self.types[type_] = self.types.get(type_, 0) + 1

    def count_rejection(self, code: str) -> None:
        """Count a refusal."""
        self.rejections[code] = self.rejections.get(code, 0) + 1

    def count_dead_letter(self, reason: str) -> None:
        """Count a dead letter."""
        self.dead_reasons[reason] = self.dead_reasons.get(reason, 0) + 1
