"""What is remembered of commands: for ever where lots move, 35 days after a hold's end where a
hold was asked for (`domain.md`, «Commands, refunds, disputes»)."""

from typing import Final, final

from drawdown.domain.entries import EntryFacts, LedgerEntry
from drawdown.domain.holds import Hold
from drawdown.domain.kept import Kept
from drawdown.domain.memory import WINDOW_US, Remembered, first_decision, standing
from drawdown.domain.numbers import NEVER


@final
class CommandMemory:
    """First decisions of commands by `key_of`; a batch is kept while any of its holds is."""

    def __init__(self) -> None:
        self.first: Final[Kept[Remembered]] = Kept()

    def get(self, key: str, recorded_at: int) -> Remembered | None:
        """The first decision of a command that stands for one recorded then, or None."""
        return standing(self.first, key, recorded_at)

    def remember(self, key: str, entry: LedgerEntry, code: str, until: int = NEVER) -> None:
        """Remember an entry of a command's decision; the first of them stands for it."""
        facts = entry.facts
        if self.get(key, facts.recorded_at) is None:
            self.first.keep(key, first_decision(entry, code, until, facts.cause_digest))

    def named(self, key: str, hold: Hold) -> None:
        """A command named an open hold, or ends it: it is kept at least as long as that."""
        first = self.first.get(key)
        if first is not None and hold.named_by(key):
            self.first.keep(key, first.kept(until=first.until, holds=first.holds + 1))

    def hold_ended(self, facts: EntryFacts, hold: Hold) -> list[str]:
        """Keep the commands of a hold that has ended no longer than the window; their keys."""
        until = facts.effective_at + WINDOW_US
        keys, hold.commands = hold.commands, []
        for key in keys:
            first = self.first.get(key)
            assert first is not None, f"{key!r} named a hold and isn't remembered"
            left = first.holds - 1
            kept_until = until if left == 0 else first.until
            self.first.keep(key, first.kept(until=kept_until, holds=left))
        return keys
