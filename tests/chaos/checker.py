"""The checker: every input decided once, every chain whole, tables equal to the entries.

It reads topics and tables and knows what was sent; of the ledger's own code it uses nothing.
It goes on where it stopped, and remembers a byte for each event and command.
"""

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from tests.chaos.folding import Fold, Wrong, expect
from tests.chaos.load import RATE_PICO, Sent
from tests.chaos.reading import NoRecord, Record, decode, hashed_part

QUIET_WITHIN_S: Final = 240.0
_EVERY_S: Final = 0.3
_ATTO_PER_MICRO: Final = 10**12
_SHOWN: Final = 20

_SEEN, _CHARGED, _REFUSED, _DECIDED, _ANSWERED = 1, 2, 4, 8, 16


class Marks:
    """A byte of flags for each number."""

    def __init__(self) -> None:
        self._flags = bytearray()

    def set(self, number: int, flag: int) -> None:
        """Mark a number."""
        if number >= len(self._flags):
            self._flags.extend(bytes(number + 10_000 - len(self._flags)))
        self._flags[number] |= flag

    def has(self, number: int, flag: int) -> bool:
        """Whether a number is marked by any of these."""
        return number < len(self._flags) and bool(self._flags[number] & flag)

    def without(self, flag: int, below: int) -> list[int]:
        """The numbers below a bound that aren't marked by any of these."""
        return [number for number in range(below) if not self.has(number, flag)]


@dataclass(slots=True)
class Input:
    """An input record that waits to be decided: what it must come to."""

    kind: str
    number: int
    """Of the command; of the event for usage."""
    event: int = -1
    """Of the usage that it carries; -1: none."""
    micro: int = 0
    """Micro-units to be charged."""


@dataclass(slots=True)
class Partition:
    """What is known of one partition."""

    fold: Fold
    waiting: dict[str, dict[int, Input]] = field(
        default_factory=lambda: {"usage_events": {}, "ledger_commands": {}}
    )
    garbage: set[tuple[str, int]] = field(default_factory=set)
    unanswered: deque[tuple[int, int]] = field(default_factory=deque)
    """Offsets and numbers of commands, in order."""
    replies: deque[Record] = field(default_factory=deque)
    """Those that came before all entries up to the one that they say the ledger has reached: each
    partition learns of a transaction's end by a marker of its own."""
    booked: dict[int, list[tuple[str, str, int, int]]] = field(default_factory=dict)
    """Entries of a command's decision by its offset, until it is answered."""
    decided_to: dict[str, int] = field(default_factory=dict)
    open: tuple[str, int, int, int] | None = None
    """The decision under way: topic, offset, entries seen, entries in all."""


@dataclass(slots=True)
class Findings:
    """What the checks came to so far."""

    events: int = 0
    charged: int = 0
    entries: int = 0
    repeats: int = 0
    lost: int = 0
    doubled: int = 0
    differences: list[str] = field(default_factory=list)

    @property
    def fine(self) -> bool:
        """Whether nothing differs."""
        return not (self.lost or self.doubled or self.differences)


class Reading(Protocol):
    """Where records come from; `Topics` reads them from a broker."""

    def read(self, *names: str) -> list[Record]: ...


class Comparing(Protocol):
    """What the entries are compared with; `Tables` is Postgres."""

    def behind(self, folds: Sequence[Fold]) -> dict[int, tuple[int, int]]: ...
    def compare(self, folds: Sequence[Fold]) -> list[str] | None: ...


class Checker:
    """Checks incrementally; `check` waits until all that was sent is settled."""

    def __init__(self, topics: Reading, tables: Comparing, namespace: str, partitions: int) -> None:
        self.findings = Findings()
        self._topics = topics
        self._tables = tables
        self._partitions = [Partition(Fold(namespace)) for _ in range(partitions)]
        self._events = Marks()
        self._commands = Marks()

    def check(self, sent: Sent, *, within_s: float = QUIET_WITHIN_S) -> Findings:
        """Wait for quiet, then compare all of it. What isn't settled in time is lost."""
        deadline = time.monotonic() + within_s
        while True:
            self._read()
            unsettled = self._unsettled(sent)
            if self.findings.differences or not unsettled:
                break
            if time.monotonic() > deadline:
                self.findings.lost += len(unsettled)
                self._differ(*unsettled)
                break
            time.sleep(_EVERY_S)
        self.findings.events = sent.events
        if self.findings.fine:
            self._compare(deadline)
        return self.findings

    def _compare(self, deadline: float) -> None:
        """The tables, at a moment at which both are equally far: due bookings go on meanwhile."""
        while self.findings.fine:
            folds = [each.fold for each in self._partitions]
            if behind := self._tables.behind(folds):
                self._differ(f"projections are behind (found, expected): {behind}")
                return
            differences = self._tables.compare(folds)
            if differences is not None:
                self._differ(*differences)
                return
            if time.monotonic() > deadline:
                self._differ("tables and entries never stood still together")
                return
            self._read()

    def _differ(self, *differences: str) -> None:
        room = _SHOWN - len(self.findings.differences)
        self.findings.differences += differences[: max(0, room)]

    # ---- Reading on.

    def _read(self) -> None:
        """Entries first, so that the inputs of all of them are in the topics already."""
        outputs = self._topics.read("ledger-entries", "ledger-replies", "dead-letters")
        for record in self._topics.read("usage-events", "ledger-commands"):
            self._take_input(record)
        handlers = {
            "ledger-entries": self._take_entry,
            "ledger-replies": self._queue_reply,
            "dead-letters": self._take_dead_letter,
        }
        for topic, take in handlers.items():
            for record in outputs:
                if record.topic == topic:
                    try:
                        take(self._partitions[record.partition], record)
                    except Wrong as wrong:
                        self._differ(f"{_where(record)}: {wrong}")
        for partition in self._partitions:
            self._take_replies(partition)

    def _take_input(self, record: Record) -> None:
        partition = self._partitions[record.partition]
        try:
            if record.topic == "usage-events":
                given = _usage_input(decode(record.value))
                partition.waiting["usage_events"][record.offset] = given
            else:
                given = _command_input(decode(record.value, named=True))
                partition.waiting["ledger_commands"][record.offset] = given
        except NoRecord:
            partition.garbage.add((record.topic, record.offset))
            return
        if given.event >= 0:
            self._events.set(given.event, _SEEN)
        if record.topic == "ledger-commands" and given.kind != "Tick":
            self._commands.set(given.number, _SEEN)
            partition.unanswered.append((record.offset, given.number))

    def _take_entry(self, partition: Partition, record: Record) -> None:
        entry = decode(record.value)
        topic, offset = entry["source_topic"], entry["source_offset"]
        expect("source_partition", entry["source_partition"], record.partition)
        self.findings.entries += 1
        if entry["index"] == 0:
            self._begin_decision(partition, topic, offset, entry["count"])
        assert partition.open is not None
        began = partition.open
        expect("decision", (topic, offset, entry["index"], entry["count"]), began)
        partition.open = (topic, offset, began[2] + 1, began[3])
        given = partition.waiting[topic].get(offset)
        if given is None:
            raise Wrong(f"{topic} {offset} is no input that waits to be decided")
        account = partition.fold.account(entry["facts"]["customer_id"], entry["facts"]["unit"])
        residue = self._judge(given, entry["facts"], account.residue)
        partition.fold.add(entry, hashed_part(record.value))
        expect("residue", entry["facts"]["residue"], residue)
        account.residue = residue
        if topic == "ledger_commands":
            facts = entry["facts"]
            entry_id = f"c-{record.partition}-{offset}-{entry['index']}"
            short = (entry_id, facts["type"], facts["amount"], facts["balance"])
            partition.booked.setdefault(offset, []).append(short)
        if entry["index"] + 1 == entry["count"]:
            del partition.waiting[topic][offset]
            self._decided(topic, given)

    def _begin_decision(self, partition: Partition, topic: str, offset: int, count: int) -> None:
        if partition.open is not None and partition.open[2] != partition.open[3]:
            raise Wrong(f"the decision before it is torn: {partition.open}")
        before = partition.decided_to.get(topic, -1)
        if offset <= before:
            self.findings.doubled += 1
            raise Wrong(f"{topic} {offset} is decided again, after {before}")
        # What was passed over wrote nothing: it must have been decided before.
        waiting = partition.waiting[topic]
        for passed in [each for each in waiting if before < each < offset]:
            given = waiting.pop(passed)
            if self._wrote_rightly_nothing(given):
                self.findings.repeats += 1
            else:
                self.findings.lost += 1
                self._differ(f"{topic} {passed} was passed over: {given}")
        partition.decided_to[topic] = offset
        partition.open = (topic, offset, 0, count)

    def _decided(self, topic: str, given: Input) -> None:
        if topic == "ledger_commands" and given.kind != "Tick":
            self._commands.set(given.number, _DECIDED)

    def _wrote_rightly_nothing(self, given: Input) -> bool:
        """A repeat of what was decided before, or a tick by which nothing was due."""
        if given.kind == "Tick":
            return True
        if given.kind == "usage":
            return self._events.has(given.event, _CHARGED | _REFUSED)
        carried = given.event >= 0 and self._events.has(given.event, _CHARGED)
        return carried or self._commands.has(given.number, _DECIDED)

    def _judge(self, given: Input, facts: dict[str, Any], residue: int) -> int:
        """One entry against its input; the residue that should stand on it."""
        if facts["type"] == "rejected" and given.event >= 0:
            self._events.set(given.event, _REFUSED)
        if facts["type"] != "deduction":
            return residue
        if given.event < 0:
            raise Wrong(f"{given} charges usage")
        if self._events.has(given.event, _CHARGED):
            self.findings.doubled += 1
            raise Wrong(f"event {given.event} is charged a second time")
        details = facts["details"] or {}
        expect("event", details.get("event_id") or facts["cause_id"], f"e-{given.event}")
        self._events.set(given.event, _CHARGED)
        self.findings.charged += 1
        rated, rest = divmod(residue + given.micro * RATE_PICO, _ATTO_PER_MICRO)
        expect("rated", facts["charge"]["rated"], rated)
        return rest

    def _queue_reply(self, partition: Partition, record: Record) -> None:
        partition.replies.append(record)

    def _take_replies(self, partition: Partition) -> None:
        while partition.replies:
            record = partition.replies[0]
            reply = decode(record.value)
            if reply["partition_seq"] > partition.fold.seq:
                return
            partition.replies.popleft()
            try:
                self._take_reply(partition, reply)
            except Wrong as wrong:
                self._differ(f"{_where(record)}: {wrong}")

    def _take_reply(self, partition: Partition, reply: dict[str, Any]) -> None:
        number = _number(reply["command_id"])
        if not partition.unanswered or partition.unanswered[0][1] != number:
            # After a recovery, what wrote nothing is decided again and answered again.
            if reply["outcome"] == "duplicate" and self._commands.has(number, _ANSWERED):
                return
            waiting = [waits for _, waits in partition.unanswered]
            raise Wrong(
                f"{reply['command_id']} is answered out of turn, {reply['outcome']}; "
                f"{len(waiting)} wait, first {waiting[:1]}"
            )
        offset, _ = partition.unanswered.popleft()
        expect(
            "first answer", self._commands.has(number, _ANSWERED), reply["outcome"] == "duplicate"
        )
        self._commands.set(number, _ANSWERED)
        shown = [
            (each["entry_id"], each["type"], each["amount"], each["balance"])
            for each in reply["entries"]
        ]
        expect("entries in the reply", shown, partition.booked.pop(offset, []))

    def _take_dead_letter(self, partition: Partition, record: Record) -> None:
        letter = decode(record.value)
        place = (letter["topic"].partition(".")[2], letter["offset"])
        if place not in partition.garbage:
            raise Wrong(f"{place} is no garbage, or was parked before")
        partition.garbage.discard(place)

    # ---- What is missing.

    def _unsettled(self, sent: Sent) -> list[str]:
        missing: list[str] = []
        for number, partition in enumerate(self._partitions):
            for topic, waiting in partition.waiting.items():
                left = [each for each in waiting.values() if not self._wrote_rightly_nothing(each)]
                missing += [f"partition {number}: {topic} undecided: {each}" for each in left]
            if partition.open is not None and partition.open[2] != partition.open[3]:
                missing.append(f"partition {number}: a decision is torn: {partition.open}")
            missing += [f"{_where(each)}: entries are missing" for each in partition.replies]
            missing += [f"partition {number}: unanswered: {each}" for each in partition.unanswered]
            missing += [f"partition {number}: not parked: {each}" for each in partition.garbage]
        return missing or self._never_seen(sent)

    def _never_seen(self, sent: Sent) -> list[str]:
        """What was sent, by its number, and isn't there."""
        events, commands = self._events, self._commands
        settled = _CHARGED | _REFUSED
        return [
            *(f"event {n} isn't in the topics" for n in events.without(_SEEN, sent.events)),
            *(f"event {n} is undecided" for n in events.without(settled, sent.events)),
            *(f"command {n} isn't answered" for n in commands.without(_ANSWERED, sent.commands)),
        ]


def _where(record: Record) -> str:
    return f"{record.topic} [{record.partition}] {record.offset}"


def _usage_input(record: dict[str, Any]) -> Input:
    number = _number(record["event_id"])
    return Input("usage", number, event=number, micro=_micro(record))


def _command_input(record: dict[str, Any]) -> Input:
    kind, body = record["body"]
    kind = kind.rpartition(".")[2]
    if kind == "Tick":
        return Input(kind, -1)
    usage = body.get("usage")
    if not usage:
        return Input(kind, _number(record["command_id"]))
    number = _number(usage["event_id"])
    return Input(kind, _number(record["command_id"]), event=number, micro=_micro(usage))


def _micro(usage: dict[str, Any]) -> int:
    return 0 if usage["status"] == "failed" else sum(usage["quantities"].values())


def _number(id_: str) -> int:
    return int(id_.partition("-")[2])
