"""Every scenario of this folder, and that a scenario can fail.

What may stand in a scenario: `drawdown scenario format`.
"""

import json
from pathlib import Path
from typing import Any, get_args

import pytest
from typer.testing import CliRunner

from drawdown.adapters.documents.commands import BODIES, RECURRING, ROLLOVER
from drawdown.adapters.documents.entries import ACCOUNT, LOT
from drawdown.adapters.documents.entries import HOLD as HOLD_SHAPE
from drawdown.adapters.documents.usage import COLUMNS
from drawdown.cli.application import app
from drawdown.domain.codes import MEANING
from drawdown.domain.entries import EntryType
from drawdown.errors import InvalidDocument
from drawdown.scenarios import document
from drawdown.scenarios.document import parse_scenario, read_scenario
from drawdown.scenarios.playing import Played, play

SCENARIOS = sorted(Path(__file__).parent.glob("*.yaml"))
CARD = {"meters": {"work": {"lines": [{"quantity": "units", "rate": "1"}]}}}
GRANT: dict[str, Any] = {
    "at": "2026-01-01T00:00Z",
    "grant": {"lot_id": "g", "amount": 30, "kind": "included"},
}


def played(*steps: dict[str, Any], **top: Any) -> Played:
    told = {"scenario": "test", "rate_card": CARD, "steps": list(steps), **top}
    return play(parse_scenario(told, where="test"))


def use(units: object, **more: Any) -> dict[str, Any]:
    return {"usage": {"quantities": {"units": units}}, **more}


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_scenario(path: Path) -> None:
    result = play(read_scenario(path))
    assert result.passed, result.first_difference


def test_every_scenario_expects_something() -> None:
    assert len(SCENARIOS) > 10
    for path in SCENARIOS:
        steps = read_scenario(path).steps
        assert any(step.expectation for step in steps), f"{path.name} expects nothing"


@pytest.mark.parametrize(
    ("expect", "difference"),
    [
        ({"balance": 24}, "balance of acme: expected 24, got 25"),
        ({"available": "25.000001"}, "available of acme: expected 25.000001, got 25"),
        ({"lots": {"g": 24}}, "remaining of lot g: expected 24, got 25"),
        ({"lots": {"h": 24}}, "remaining of lot h: expected 24, got no such lot"),
        ({"outcome": "rejected"}, "outcome: expected rejected, got accepted"),
        ({"code": "no_rate"}, "code: expected no_rate, got nothing"),
        ({"entries": []}, "entries: expected [], got [deduction -5]"),
        ({"entries": [{"amount": -4}]}, "entry 1.amount: expected -4, got -5"),
        (
            {"entries": [{"allocations": {"g": 4}}]},
            "entry 1.allocations: expected {g: 4}, got {g: 5}",
        ),
        (
            {"entries": [{"charge": {"lines": [{"amount": 4}]}}]},
            "entry 1.charge.lines 1.amount: expected 4, got 5",
        ),
        (
            {"entries": [{"details": {"lot": {"lot_id": "g"}}}]},
            "entry 1.details: expected {lot: {lot_id: g}}, got nothing",
        ),
        (
            {"accounts": [{"customer_id": "bolt", "balance": 0}]},
            "bolt: expected an account, got none",
        ),
    ],
)
def test_a_wrong_expectation_fails_and_is_explained(expect: Any, difference: str) -> None:
    result = played(GRANT, use(5, expect=expect))
    assert not result.passed
    assert result.first_difference == f"step 2 (usage, 2026-01-01T00:00:00Z): {difference}"


HOLD = {"place_hold": {"hold_id": "h", "amount": 4, "expires_at": "2026-01-01T01:00Z"}}


@pytest.mark.parametrize(
    ("expect", "difference"),
    [
        ({"holds": {"h": "released"}}, "state of hold h: expected released, got open"),
        ({"holds": {"h": 5}}, "reserved of hold h: expected 5, got 4"),
        (
            {"holds": {"h": {"reservations": {"g": "3.5"}}}},
            "reservations of hold h.g: expected 3.5, got 4",
        ),
        ({"holds": {"i": "open"}}, "state of hold i: expected open, got no such hold"),
        ({"lots": {"g": {"reserved": 3}}}, "reserved of lot g: expected 3, got 4"),
        ({"lots": {"g": {"freezes": ["manual"]}}}, "freezes of lot g: expected [manual], got []"),
        ({"frozen": True}, "frozen of acme: expected True, got False"),
        ({"outcomes": {"rejected": 2}}, "rejected: expected 2, got 0"),
        (
            {"as_of": {"at": "2026-01-01T00:00Z", "balance": 29}},
            "balance as of 2026-01-01T00:00:00Z, as known now: expected 29, got 30",
        ),
        (
            {"as_of": [{"at": "2025-01-01T00:00Z", "known": "then", "lots": {"g": 30}}]},
            "lot g as of 2025-01-01T00:00:00Z, as known then: expected 30, got no such lot",
        ),
    ],
)
def test_wrong_expectations_of_holds_and_times_are_explained(expect: Any, difference: str) -> None:
    result = played(GRANT, {**HOLD, "expect": expect})
    assert result.first_difference == f"step 2 (place_hold, 2026-01-01T00:00:00Z): {difference}"


def test_of_a_repeated_step_outcomes_are_counted() -> None:
    expect = {"outcomes": {"accepted": 7, "rejected": 3}, "held": 28, "holds": {"h-7": "open"}}
    result = played(GRANT, {**HOLD, "repeat": 10, "expect": expect})
    assert result.passed, result.first_difference
    assert result.steps[-1].outcomes == {"accepted": 7, "rejected": 3}


def test_a_tick_books_what_is_due_for_everybody() -> None:
    expect = {
        "entries": [{"type": "hold_expired", "customer_id": "acme"}],
        "held": 0,
        "holds": {"h": "expired"},
    }
    tick = {"at": "2026-01-01T02:00Z", "tick": {}, "expect": expect}
    result = played(GRANT, HOLD, tick)
    assert result.passed, result.first_difference


def test_reminders_are_told_from_the_account_s_lots() -> None:
    grant = {**GRANT["grant"], "expires_at": "2026-03-01T00:00Z"}
    told: dict[str, Any] = {
        "until": "2026-02-23T00:00Z",
        "due": [{"days": 30}, {"days": 7, "amount": 30}],
    }
    step = {"at": "2026-01-01T00:00Z", "grant": grant, "expect": {"reminders": told}}
    result = played(step)
    assert result.passed, result.first_difference
    told["due"][1]["amount"] = 29
    assert "reminder 2.amount: expected 29, got 30" in played(step).first_difference
    told["due"].pop()
    assert "reminders: expected" in played(step).first_difference


def test_a_step_that_only_looks_books_nothing() -> None:
    look = {"at": "2026-01-01T02:00Z", "expect": {"holds": {"h": "open"}, "held": 4}}
    result = played(GRANT, HOLD, look)
    assert result.passed, result.first_difference


def test_the_format_tells_every_command_field_and_code() -> None:
    told = CliRunner().invoke(app, ["scenario", "format"]).stdout
    for name in (*BODIES, *get_args(EntryType), *MEANING, *ACCOUNT.fields, *LOT.fields):
        assert name in told, name
    for name in (*HOLD_SHAPE.fields, *RECURRING.fields, *ROLLOVER.fields, *COLUMNS):
        assert name in told, name


def test_amounts_are_compared_as_numbers() -> None:
    expect = {"balance": "25.0", "lots": {"g": {"spent": "5.000000"}}}
    assert played(GRANT, use("5", expect=expect)).passed


def test_the_command_line_exits_with_1_on_a_difference(tmp_path: Path) -> None:
    path = tmp_path / "wrong.json"
    steps = [GRANT, use(5, expect={"balance": 0})]
    path.write_text(json.dumps({"scenario": "wrong", "rate_card": CARD, "steps": steps}))
    result = CliRunner().invoke(app, ["scenario", "run", str(path), "--json"])
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert told["passed"] is False
    assert told["first_difference"].endswith("balance of acme: expected 0, got 25")
    assert [entry["type"] for entry in told["entries"]] == [
        "rate_card_applied",
        "grant",
        "deduction",
    ]
    assert told["steps"][2]["accounts"][0]["lots"][0]["remaining"] == "25"


@pytest.mark.parametrize(
    ("step", "complaint"),
    [
        ({"grnt": {}}, "grnt is unknown; did you mean grant?"),
        ({"grant": {"amout": 3, "kind": "included"}}, "amout is unknown; did you mean amount?"),
        ({"grant": {"kind": "included"}}, "amount is missing"),
        ({"grant": {"amount": "1.0000001", "kind": "included"}}, "more than 6 decimal places"),
        ({"grant": {"amount": 1, "kind": "gift"}}, "'gift' is none of purchased"),
        ({"grant": None, "usage": None}, "two inputs"),
        ({"at": "2025-01-01T00:00Z"}, "its time is before the step before it"),
        ({"at": "2026-02-01"}, "has no zone"),
        ({"expect": {"balanc": 1}}, "balanc is unknown; did you mean balance?"),
        ({"expect": {"entries": [{"typ": "grant"}]}}, "typ is unknown; did you mean type?"),
        ({"usage": {}, "repeat": 0}, "repeat must be"),
    ],
)
def test_what_cannot_be_meant_is_refused(step: dict[str, Any], complaint: str) -> None:
    with pytest.raises(InvalidDocument, match=r"test: step 2") as refused:
        played(GRANT, step)
    assert complaint in str(refused.value)


def test_repeated_inputs_are_inputs_of_their_own() -> None:
    result = played(GRANT, use("0.1", repeat=10, expect={"balance": 29, "account_seq": 11}))
    assert result.passed, result.first_difference


def test_the_example_in_the_format_passes(tmp_path: Path) -> None:
    assert document.__doc__ is not None
    example = document.__doc__.partition("\n\n")[2].partition("\n\nAt the top")[0]
    path = tmp_path / "example.yaml"
    path.write_text(example)
    result = play(read_scenario(path))
    assert result.passed, result.first_difference
