"""Deciding one partition's recorded inputs again, beside what the ledger says of them.

1. Entries before the instant fold into both worlds: as it was, and as it might have been.
2. From the first decision recorded at or after the instant on, entries fold into the first world
   alone, and say in which order the inputs were decided; the second decides the inputs anew in
   that order. Inputs without an entry (repeats, idle ticks) are decided where they stood.
3. What had fallen due by a decision is known from what the ledger booked until then, and from how
   far both inputs had been read. At the end both worlds book what is due by the same moment.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from drawdown.domain.entries import (
    PARTITION_CUSTOMER,
    PARTITION_UNIT,
    InputTopic,
    LedgerEntry,
)
from drawdown.domain.inputs import Command, Tick, UsageEvent
from drawdown.domain.ledger import Ledger
from drawdown.domain.watermark import Watermark
from drawdown.errors import LedgerCorrupt
from drawdown.rehearsal import Rehearsal
from drawdown.whatif.change import Change
from drawdown.whatif.tallies import Snapshot, Tally, snapshot

_DUE: Final = frozenset(("due", "tick"))


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedInput:
    """An input record of a partition, decoded; `raw` as it stands in the log."""

    offset: int
    recorded_at: int
    given: UsageEvent | Command
    raw: bytes


Inputs = Mapping[InputTopic, Iterator[RecordedInput]]
"""The input records of a partition by topic, in order, from before the instant on; none that was
dead-lettered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What came of the inputs in one world: by meter since the instant, and in the end."""

    tally: Tally
    end: Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Redecided:
    """Both worlds of a partition, and where they parted. `inputs` were decided again."""

    inputs: int
    start: Snapshot
    before: World
    after: World


def redecide(
    entries: Iterable[LedgerEntry], inputs: Inputs, change: Change, was: Ledger, might_be: Ledger
) -> Redecided:
    """Decide a partition's inputs again; both ledgers are new. Raises `LedgerCorrupt` where an
    input that the ledger decided isn't among `inputs`."""
    redeciding = _Redeciding(inputs, change, was, might_be)
    for entry in entries:
        redeciding.look_at(entry)
    return redeciding.finish()


class _Redeciding:
    """Both worlds so far. `_open` are the entries of a decision that is being read."""

    def __init__(self, inputs: Inputs, change: Change, was: Ledger, might_be: Ledger) -> None:
        self._inputs, self._change = inputs, change
        self._was, self._might_be = Rehearsal(was), Rehearsal(might_be)
        self._watermark = Watermark()
        self._shown = 0
        self._newest = change.since
        self._next: dict[InputTopic, int] = {"usage_events": 0, "ledger_commands": 0}
        self._start: Snapshot | None = None
        self._open: list[LedgerEntry] = []
        self._before, self._after = Tally(), Tally()
        self._count = 0

    def look_at(self, entry: LedgerEntry) -> None:
        """Take the ledger's next entry."""
        self._was.ledger.evolve(entry)
        self._note_due(entry)
        since = self._change.since
        if self._start is None and entry.index == 0 and entry.facts.recorded_at >= since:
            self._start = self._part()
        if self._start is None:
            self._might_be.ledger.evolve(self._change.of_entry(entry))
            self._next[entry.source_topic] = entry.source_offset + 1
            return
        self._before.add(entry.facts)
        self._newest = max(self._newest, entry.facts.recorded_at)
        self._open.append(entry)
        if entry.index + 1 == entry.count:
            self._decide_up_to(entry.source_topic, entry.source_offset)
            self._open.clear()

    def _note_due(self, entry: LedgerEntry) -> None:
        """What was booked as due shows how far the watermark was."""
        facts = entry.facts
        if facts.cause not in _DUE:
            return
        moment = facts.effective_at
        if facts.type == "expiration" or facts.reason == "rollover":
            account = self._was.ledger.account(facts.customer_id, facts.unit)
            assert account is not None, "it was folded a moment ago"
            moment += account.policy.grace_us
        # A booking that an input overtook its watermark by would be a fault of the ledger's.
        self._shown = max(self._shown, moment)

    def _part(self) -> Snapshot:
        """Here the worlds part: the change comes about."""
        might_be = self._might_be
        for command, at in self._change.opening(might_be.ledger):
            decision = might_be.ledger.decide_command(command, at)
            assert decision.outcome == "accepted", f"{command.body}: {decision.detail}"
            might_be.write(decision, "ledger_commands", 0)
        return snapshot(might_be.ledger)

    def _decide_up_to(self, topic: InputTopic, offset: int) -> None:
        """Decide the inputs of a topic up to the one that the ledger decided next."""
        if offset < self._next[topic]:
            raise LedgerCorrupt(f"{topic} offset {offset} was decided twice")
        for each in self._inputs[topic]:
            if each.offset >= self._next[topic]:
                self._decide(topic, each)
            if each.offset == offset:
                self._next[topic] = offset + 1
                return
            if each.offset > offset:
                break
        raise LedgerCorrupt(f"{topic} offset {offset} was decided, but isn't in the log")

    def _decide(self, topic: InputTopic, each: RecordedInput) -> None:
        ledger, given = self._might_be.ledger, each.given
        self._watermark.consumed(topic, each.recorded_at)
        ledger.advance(max(self._watermark.value, self._shown))
        if isinstance(given, UsageEvent):
            decision = ledger.decide_usage(given, each.recorded_at, each.raw)
        else:
            command = self._change.of_command(given, each.recorded_at)
            decision = ledger.decide_command(command, each.recorded_at, each.raw)
        for entry in self._might_be.write(decision, topic, each.offset):
            self._after.add(entry.facts)
        self._count += 1

    def finish(self) -> Redecided:
        """Both worlds in the end."""
        start = self._part() if self._start is None else self._start
        for world in (self._was, self._might_be):
            world.ledger.advance(max(self._newest, self._shown))
            tick = _tick(self._newest)
            # A tick books a share of the accounts that have something due.
            while (due := world.ledger.decide_command(tick, self._newest)).facts:
                world.write(due, "ledger_commands", 0)
        return Redecided(
            inputs=self._count,
            start=start,
            before=World(tally=self._before, end=snapshot(self._was.ledger)),
            after=World(tally=self._after, end=snapshot(self._might_be.ledger)),
        )


def _tick(at: int) -> Command:
    """Books what is due by the end, in both worlds alike."""
    return Command(
        command_id="what-if-end",
        issued_at=at,
        actor="what-if",
        customer_id=PARTITION_CUSTOMER,
        unit=PARTITION_UNIT,
        reason="",
        body=Tick(),
        digest=bytes(32),
    )
