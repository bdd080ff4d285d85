"""Replies held against the decisions that they answer."""

from dataclasses import replace

from drawdown.adapters.avro.schema_ids import FileSchemaIds
from drawdown.adapters.avro.wire import HEADER_BYTES, Wire
from drawdown.domain.inputs import CommandBody, Grant, PlaceHold, ReleaseHold, Tick
from drawdown.domain.numbers import DAY_US, MICRO, MINUTE_US
from drawdown.domain.replies import Reply
from drawdown.settings import load
from drawdown.verification.replies import ExpectedReplies
from tests.ledger_processor.test_deciding import NOW, Partition, entries

WIRE = Wire(load(), FileSchemaIds())


class Asked:
    """Commands decided by the real decider, with their replies."""

    def __init__(self) -> None:
        self.partition = Partition()
        self.expected = ExpectedReplies()
        self.replies: list[Reply] = []

    def ask(self, command_id: str, body: CommandBody, at: int = NOW) -> None:
        outbox = self.partition.command(command_id, "ann", body, at)
        if outbox.entries:
            self.expected.expect(entries(outbox))
        self.replies += [WIRE.decode_reply(each["value"]) for each in outbox.replies]


def asked() -> Asked:
    """Grants, a repeat, a refusal, a hold released twice: due bookings stand before some."""
    made = Asked()
    lot = Grant(amount=MICRO, kind="promotional", expires_at=NOW + DAY_US)
    made.ask("g", lot)
    made.ask("g", lot)
    made.ask("zero", Grant(amount=0, kind="promotional"))
    held = PlaceHold(hold_id="h", amount=1, meter="m", expires_at=NOW + MINUTE_US)
    made.ask("h", held)
    made.ask("r", ReleaseHold(hold_id="h"))
    made.partition.decider.watermark.ended("usage_events")
    made.ask("late", Grant(amount=MICRO, kind="promotional"), NOW + 2 * DAY_US)
    return made


def test_every_reply_of_the_decider_says_what_was_decided() -> None:
    made = asked()
    assert [made.expected.check(each) for each in made.replies] == [None] * 6
    assert made.expected.unanswered(since_seq=0) == []


def test_a_decision_without_a_reply_is_named_as_far_as_replies_are_retained() -> None:
    made = asked()
    for reply in made.replies[1:]:
        assert made.expected.check(reply) is None
    [(command_id, entry_id)] = made.expected.unanswered(since_seq=1)
    assert command_id == "g"
    assert entry_id.startswith("c-0-")
    assert made.expected.unanswered(since_seq=2) == []


def test_a_reply_that_says_something_else_is_told_apart() -> None:
    made = asked()
    [entry] = made.replies[0].entries
    wrong = replace(made.replies[0], entries=[replace(entry, balance=7)])
    found = made.expected.check(wrong)
    assert found is not None
    why, expected, was = found
    assert why == "the reply to g doesn't say what was decided"
    assert (expected.startswith("entries [["), "1000000, 1000000, 1, 1" in expected) == (True, True)
    assert ", 7, 1000000, 1, 1" in was


def test_a_reply_that_comes_twice_or_of_nothing_is_found() -> None:
    made = asked()
    assert made.expected.check(made.replies[0]) is None
    again = made.expected.check(made.replies[0])
    assert again is not None
    assert "is answered by no decision, or twice" in again[0]
    empty = made.expected.check(replace(made.replies[0], entries=[]))
    assert empty == ("a reply without entries that is no duplicate", "duplicate", "accepted")
    refused = replace(made.replies[2], outcome="accepted")
    outcome = made.expected.check(refused)
    assert outcome is not None
    assert (outcome[1], outcome[2]) == ("outcome rejected", "outcome accepted")


def test_a_tick_and_usage_are_not_answered() -> None:
    made = Asked()
    ticked = made.partition.command("t", "$partition", Tick())
    assert ticked.replies == []
    assert made.expected.unanswered(since_seq=0) == []
    assert HEADER_BYTES == 5
