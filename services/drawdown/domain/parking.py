"""Parking: one input record that can't be decided is skipped, because somebody said so.

Such a record halts its partition: deciding it breaks an assertion, or its append time is wrong.
`ParkRecord` stands in the partition's commands, and what it decides is an entry of `$partition`,
so that what is skipped is a function of the log. Usage is decided after the commands that wait, so
it is enough to have decided the command. A command that halts stands before the one that parks it:
whoever opens a partition looks ahead for those (`expect`), and when their turn comes they are
accepted, since the record that they name was skipped.
"""

from collections.abc import Iterable
from typing import Final, final

from drawdown.domain.drafts import Draft
from drawdown.domain.entries import EntryDetails, InputTopic, LedgerEntry, ParkedRecord
from drawdown.domain.inputs import Command, ParkRecord
from drawdown.domain.refusals import Refusal

INPUTS: Final[dict[str, InputTopic]] = {
    "usage-events": "usage_events",
    "ledger-commands": "ledger_commands",
}
"""The input topics by their short names."""


@final
class Parked:
    """A record that an entry parks: its topic and offset, the entry, and who said so and why."""

    def __init__(self, topic: InputTopic, offset: int, entry_id: str, said: str) -> None:
        self.topic: Final[InputTopic] = topic
        self.offset: Final = offset
        self.entry_id: Final = entry_id
        self.said: Final = said


@final
class Parking:
    """The records of one partition that are skipped, by topic and offset.

    `evolve` folds what the ledger says. How far the inputs have been read is told by their reader,
    as the watermark is; told nothing, no record counts as decided.
    """

    def __init__(self, partition: int) -> None:
        self.partition: Final = partition
        self._accepted: Final[dict[tuple[InputTopic, int], Parked]] = {}
        self._skipped: Final[set[tuple[InputTopic, int]]] = set()
        self._skips: Final[dict[InputTopic, dict[int, str]]] = {
            "usage_events": {},
            "ledger_commands": {},
        }
        self._read: Final[dict[InputTopic, int]] = {"usage_events": 0, "ledger_commands": 0}
        self._stands_at = 0

    def skips(self, topic: InputTopic) -> dict[int, str]:
        """The offsets of a topic that are to be skipped, each with who said so and why."""
        return self._skips[topic]

    def accepted(self) -> list[Parked]:
        """Every record that an entry of the ledger parks, in the order of the entries."""
        return list(self._accepted.values())

    def restore(self, parked: Iterable[Parked]) -> None:
        """Begin with what was saved."""
        for each in parked:
            self._accept(each)

    def _accept(self, parked: Parked) -> None:
        self._accepted[parked.topic, parked.offset] = parked
        self._skips[parked.topic][parked.offset] = parked.said

    def records(self) -> list[tuple[InputTopic, int]]:
        """Every record that an entry of the ledger parks."""
        return list(self._accepted)

    def read(self, *, usage: int, commands: int, stands_at: int) -> None:
        """The next offsets to be read, which never go back, and that of the command which is
        decided now."""
        self._read["usage_events"] = max(usage, self._read["usage_events"])
        self._read["ledger_commands"] = max(commands, self._read["ledger_commands"])
        self._stands_at = stands_at

    def expect(self, command: Command, body: ParkRecord) -> None:
        """A command further on, which will be accepted, parks this record."""
        self._skips[INPUTS[body.topic]][body.offset] = said(
            command.command_id, command.actor, command.reason
        )

    def skipped(self, topic: InputTopic, offset: int) -> None:
        """The record was passed over, and is a dead letter that says so."""
        self._skipped.add((topic, offset))

    def evolve(self, entry: LedgerEntry) -> None:
        """Fold one entry."""
        facts = entry.facts
        if facts.details is None or facts.details.parked is None:
            return
        parked = facts.details.parked
        why = said(facts.cause_id, facts.actor, facts.reason)
        self._accept(Parked(parked.topic, parked.offset, entry.entry_id, why))

    def refusal(self, body: ParkRecord) -> Refusal | None:
        """Why a record can't be parked, or None."""
        topic = INPUTS.get(body.topic)
        where = f"{body.topic} [{body.partition}] offset {body.offset}"
        if topic is None or body.partition != self.partition or body.offset < 0:
            return Refusal("unknown_record", f"{where} is no input of partition {self.partition}")
        if topic == "ledger_commands" and body.offset >= self._stands_at:
            return Refusal("unknown_record", f"{where} doesn't stand before this command")
        by = self._accepted.get((topic, body.offset))
        if by is not None:
            return Refusal("record_decided", f"{where} was parked by {by.entry_id}")
        if body.offset < self._read[topic] and (topic, body.offset) not in self._skipped:
            return Refusal("record_decided", f"{where} was read before")
        return None


def park(parking: Parking, draft: Draft, body: ParkRecord) -> Refusal | None:
    """Skip a record that wasn't read yet, or that was skipped by looking ahead."""
    refusal = parking.refusal(body)
    if refusal is None:
        parked = ParkedRecord(topic=INPUTS[body.topic], offset=body.offset)
        draft.book("record_parked", details=EntryDetails(parked=parked))
    return refusal


def said(command_id: str, actor: str, reason: str) -> str:
    """Who parked a record and why, as its dead letter says it."""
    by = f"by {actor}" if actor else "by nobody named"
    return f"{command_id} {by}: {reason}" if reason else f"{command_id} {by}"
