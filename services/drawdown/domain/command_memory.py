"""What is remembered of commands: for ever where lots move, 35 days after a hold's end where a
hold was asked for (`domain.md`, «Commands, refunds, disputes»)."""

from typing import Final, final

from drawdown.domain.entries import EntryFacts, LedgerEntry
from drawdown.domain.memory import WINDOW_US, Memory, Remembered, first_decision, key_of
from drawdown.domain.numbers import NEVER


@final
class CommandMemory:
    """First decisions of commands by `key_of`; a batch is kept while any of its holds is."""

    def __init__(self) -> None:
        self.first: Final = Memory()
        self._of_hold: Final[dict[str, list[str]]] = {}
        self._open: Final[dict[str, int]] = {}

    def get(self, key: str, recorded_at: int) -> Remembered | None:
        """The first decision of a command that stands for one recorded then, or None."""
        return self.first.get(key, recorded_at)

    def remember(self, key: str, entry: LedgerEntry, code: str, until: int = NEVER) -> None:
        """Remember an entry of a command's decision; the first of them stands for it."""
        facts = entry.facts
        self.first.forget_before(facts.recorded_at)
        if self.first.get(key, facts.recorded_at) is None:
            self.first.keep(key, first_decision(entry, code, until, facts.cause_digest))
        hold = None if facts.details is None else facts.details.hold
        if hold is not None and facts.cause == "command":
            self._named(key, _hold_key(facts, hold.hold_id))

    def _named(self, key: str, hold_key: str) -> None:
        keys = self._of_hold.setdefault(hold_key, [])
        if key not in keys[-1:]:
            keys.append(key)
            self._open[key] = self._open.get(key, 0) + 1

    def hold_ended(self, facts: EntryFacts, hold_id: str) -> None:
        """Keep the commands of a hold that has ended no longer than the window."""
        until = facts.effective_at + WINDOW_US
        for key in self._of_hold.pop(_hold_key(facts, hold_id), []):
            self._open[key] -= 1
            first = self.first.get(key, facts.recorded_at)
            if self._open[key] == 0 and first is not None:
                del self._open[key]
                self.first.keep(key, first.kept_until(until))


def _hold_key(facts: EntryFacts, hold_id: str) -> str:
    return key_of(key_of(facts.customer_id, facts.unit), hold_id)
