"""Replies: each says what its decision says, and each decision of a command has one."""

import json
from collections.abc import Sequence
from typing import Any, Final

from drawdown.domain.entries import LedgerEntry
from drawdown.domain.replies import Reply

_Expected = dict[str, Any]


class ExpectedReplies:
    """What replies must say, by the id of the first entry that they name."""

    def __init__(self) -> None:
        self._expected: Final[dict[str, str]] = {}

    def expect(self, decision: Sequence[LedgerEntry]) -> None:
        """A decision, whole; one of a command other than a tick is answered."""
        cause = next((each for each in decision if each.facts.cause == "command"), None)
        if cause is None or decision[0].source_topic != "ledger_commands":
            return
        rejection = None
        for each in decision:
            details = each.facts.details
            if each.facts.cause == "command" and details is not None:
                rejection = details.rejection or rejection
        told = {
            "command_id": cause.facts.cause_id,
            "customer_id": cause.facts.customer_id,
            "unit": cause.facts.unit,
            "code": "" if rejection is None else rejection.code,
            "recorded_at": cause.facts.recorded_at,
            "partition_seq": decision[-1].partition_seq,
            "entries": [_entry(each) for each in decision],
        }
        self._expected[decision[0].entry_id] = json.dumps(told, ensure_ascii=False)

    def check(self, reply: Reply) -> tuple[str, str, str] | None:
        """What is wrong with a reply: a sentence, what was expected, what was found; or None."""
        if not reply.entries:
            if reply.outcome == "duplicate":
                return None
            return "a reply without entries that is no duplicate", "duplicate", reply.outcome
        expected = self._expected.pop(reply.entries[0].entry_id, None)
        found = _told(reply)
        if expected is None:
            why = f"{reply.command_id} is answered by no decision, or twice"
            return why, "one reply a decision", json.dumps(found, ensure_ascii=False)
        told = json.loads(expected)
        outcomes = ("rejected",) if told["code"] else ("accepted", "duplicate")
        if told != found or reply.outcome not in outcomes:
            why = f"the reply to {reply.command_id} doesn't say what was decided"
            return why, *_apart(told, {**found, "outcome": reply.outcome}, outcomes[0])
        return None

    def unanswered(self, *, since_seq: int) -> list[tuple[str, str]]:
        """The decisions without a reply, as command and entry id, from a `partition_seq` on."""
        found = []
        for entry_id, text in self._expected.items():
            told = json.loads(text)
            if told["partition_seq"] >= since_seq:
                found.append((told["command_id"], entry_id))
        return found


def _told(reply: Reply) -> _Expected:
    return {
        "command_id": reply.command_id,
        "customer_id": reply.customer_id,
        "unit": reply.unit,
        "code": reply.code,
        "recorded_at": reply.recorded_at,
        "partition_seq": reply.partition_seq,
        "entries": [
            [
                *(each.entry_id, each.type, each.amount, each.balance, each.available),
                *(each.account_seq, each.partition_seq),
            ]
            for each in reply.entries
        ],
    }


def _entry(entry: LedgerEntry) -> list[object]:
    facts = entry.facts
    return [
        *(entry.entry_id, facts.type, facts.amount, facts.balance, facts.available),
        *(facts.account_seq, entry.partition_seq),
    ]


def _apart(told: _Expected, found: _Expected, outcome: str) -> tuple[str, str]:
    """The fields that differ, as they should be and as they are."""
    should = {**told, "outcome": outcome}
    differing = [name for name in should if should[name] != found[name]]
    return tuple(
        ", ".join(f"{name} {each[name]}" for name in differing) for each in (should, found)
    )  # type: ignore[return-value]
