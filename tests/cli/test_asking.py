"""Commands of the command line that are commands of the ledger, and how their replies are told."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from typer.testing import CliRunner

from drawdown.adapters.documents.commands import BODIES, write_command
from drawdown.cli import asking, grants, referrals
from drawdown.cli.application import app
from drawdown.domain.inputs import Command
from drawdown.domain.replies import Reply, ReplyEntry
from drawdown.errors import TimedOut
from drawdown.settings import Settings


class Ledger:
    """Answers commands as one would that accepts whatever it is sent."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.code = ""
        self.silences = 0
        """How many commands get no reply before one does."""

    def send(self, _: Settings, commands: Iterable[Command | None]) -> Iterator[Reply]:
        """Like `send_commands`."""
        for command in commands:
            assert command is not None
            self.sent.append(write_command(command))
            if self.silences:
                self.silences -= 1
                raise TimedOut("no reply")
            yield self._reply(command)

    def _reply(self, command: Command) -> Reply:
        entry = ReplyEntry(
            entry_id="c-0-1-0",
            type="grant",
            amount=5_000_000,
            balance=12_500_000,
            available=12_500_000,
            account_seq=1,
            partition_seq=1,
        )
        return Reply(
            command_id=command.command_id,
            customer_id=command.customer_id,
            unit=command.unit,
            outcome="rejected" if self.code else "accepted",
            code=self.code,
            detail="",
            first_entry_id="",
            entries=[entry],
            recorded_at=0,
            partition_seq=1,
        )


@pytest.fixture
def ledger(monkeypatch: pytest.MonkeyPatch) -> Ledger:
    made = Ledger()
    for module in (asking, referrals):
        monkeypatch.setattr(module, "send_commands", made.send)
        monkeypatch.setattr(module, "connected", Settings)
    return made


@pytest.mark.parametrize(
    ("line", "body"),
    [
        (
            "grant acme 5 --kind purchased --price 1.50 --currency USD --payment p --lot l",
            {
                "type": "grant",
                "amount": "5",
                "kind": "purchased",
                "price_minor": 150,
                "currency": "USD",
                "payment_id": "p",
                "lot_id": "l",
            },
        ),
        (
            "grant acme 5 --meter m --meter n --property region=eu --freeze verification",
            {
                "kind": "promotional",
                "meters": ["m", "n"],
                "properties": {"region": "eu"},
                "freeze": "verification",
            },
        ),
        ("void acme l", {"type": "void", "lot_id": "l"}),
        ("void acme l 2.5", {"lot_id": "l", "amount": "2.5"}),
        ("adjust acme -5 --reason twice", {"type": "adjust", "amount": "-5", "reason": "twice"}),
        ("expiry acme l never", {"type": "change_expiry", "lot_id": "l"}),
        (
            "expiry acme l 2030-01-01T00:00:00Z",
            {"expires_at": "2030-01-01T00:00:00Z"},
        ),
        ("freeze acme", {"type": "freeze"}),
        ("unfreeze acme l", {"type": "unfreeze", "lot_id": "l"}),
        (
            "dispute acme d p lost",
            {"type": "note_dispute", "dispute_id": "d", "payment_id": "p", "state": "lost"},
        ),
        ("redrive acme e --rate-card c@2", {"event_id": "e", "rate_card": "c@2"}),
        ("refund usage acme r e 1", {"type": "refund_usage", "event_id": "e", "amount": "1"}),
        (
            "refund purchase acme r p 0 --money-minor 250",
            {"type": "refund_purchase", "payment_id": "p", "money_minor": 250},
        ),
        (
            "policy acme --overage-mode overdraft --overdraft-limit 50 --grace 1h",
            {
                "type": "change_policy",
                "policy": {"overage_mode": "overdraft", "overdraft_limit": "50", "grace": "1h"},
            },
        ),
        (
            "hold place acme h 3 --meter m --expires 2030-01-01T00:00:00Z --property model=x",
            {"type": "place_hold", "hold_id": "h", "meter": "m", "properties": {"model": "x"}},
        ),
        ("hold extend acme h --amount 2", {"type": "extend_hold", "amount": "2"}),
        ("hold capture acme h --amount 1 --no-final", {"amount": "1", "final": False}),
        ("hold release acme h --unit token", {"type": "release_hold", "unit": "token"}),
    ],
)
def test_a_line_is_the_command_it_reads_as(ledger: Ledger, line: str, body: dict[str, Any]) -> None:
    result = CliRunner().invoke(app, line.split())
    assert result.exit_code == 0, result.output
    [sent] = ledger.sent
    assert sent["customer_id"] == "acme"
    assert {name: sent.get(name) for name in body} == body
    assert "balance 12.5" in result.stdout


def test_a_capture_may_carry_usage(ledger: Ledger) -> None:
    line = "hold capture acme h --event e --meter m --quantity input=1.5 --property model=x"
    assert CliRunner().invoke(app, line.split()).exit_code == 0
    usage = ledger.sent[0]["usage"]
    assert usage.pop("occurred_at") == ledger.sent[0]["issued_at"]
    assert usage == {
        "event_id": "e",
        "meter": "m",
        "status": "succeeded",
        "properties": {"model": "x"},
        "quantities": {"input": "1.5"},
    }


def test_an_allowance_is_told_by_pairs(ledger: Ledger) -> None:
    pairs = ("amount=100", "anchor=2026-01-01T00:00:00Z", "period=month")
    options = [option for pair in pairs for option in ("--recurring", pair)]
    assert CliRunner().invoke(app, ["policy", "acme", *options]).exit_code == 0
    recurring = ledger.sent[0]["policy"]["recurring"]
    assert (recurring["amount"], recurring["period"]) == ("100", "month")


def test_a_time_may_be_told_from_now(ledger: Ledger) -> None:
    line = "hold place acme h 3 --meter m --expires +15m"
    assert CliRunner().invoke(app, line.split()).exit_code == 0
    assert ledger.sent[0]["expires_at"] > ledger.sent[0]["issued_at"]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("void acme", "Missing argument"),
        ("hold place acme h 3 --meter m --expires soon", "'soon' is no time"),
        ("hold place acme h 3 --meter m --expires +soon", "no duration"),
        ("dispute acme d p undecided", "'undecided' is none of opened"),
        ("grant acme 1 --property eu", "isn't NAME=VALUE"),
        ("refund usage acme r e 0.0000001", "more than 6 decimal places"),
    ],
)
def test_what_cannot_be_meant_is_not_sent(ledger: Ledger, line: str, complaint: str) -> None:
    result = CliRunner().invoke(app, line.split())
    assert result.exit_code != 0
    assert complaint in result.output
    assert ledger.sent == []


def test_a_refusal_is_told_and_leaves_with_1(ledger: Ledger) -> None:
    ledger.code = "lot_closed"
    result = CliRunner().invoke(app, ["void", "acme", "l"])
    assert result.exit_code == 1
    assert "refused: lot_closed: the lot is closed" in result.stderr
    as_json = CliRunner().invoke(app, ["void", "acme", "l", "--json"])
    assert as_json.exit_code == 1
    assert json.loads(as_json.stdout)["code"] == "lot_closed"


def test_a_referral_is_two_grants_repeated_until_both_are_answered(ledger: Ledger) -> None:
    ledger.silences = 2
    line = "refer acme bolt 5 --referral r1 --json"
    result = CliRunner().invoke(app, line.split())
    assert result.exit_code == 0, result.output
    assert [each["customer_id"] for each in json.loads(result.stdout)] == ["acme", "bolt"]
    ids = {(each["command_id"], each["referral_id"]) for each in ledger.sent}
    assert ids == {("referral-r1", "r1")}
    assert [each["customer_id"] for each in ledger.sent] == ["acme", "acme", "acme", "bolt"]


def test_every_command_of_a_customer_can_be_asked_for() -> None:
    asked = {ask.type for _, ask in grants.ASKS.values()}
    asked |= {ask.type for ask in (*grants.HOLDS.values(), *grants.REFUNDS.values())}
    others = {"batch", "park_record", "apply_rate_card", "close_period", "tick"}
    assert asked == set(BODIES) - others
