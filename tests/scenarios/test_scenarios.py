"""Every scenario of this folder, and that a scenario can fail.

What may stand in a scenario: `drawdown scenario format`.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from drawdown.cli.application import app
from drawdown.errors import InvalidDocument
from drawdown.scenarios import document
from drawdown.scenarios.document import parse_scenario, read_scenario
from drawdown.scenarios.playing import Played, play

SCENARIOS = sorted(Path(__file__).parent.glob("*.yaml"))
CARD = {"meters": {"work": {"lines": [{"quantity": "units", "rate": "1"}]}}}
GRANT = {"at": "2026-01-01T00:00Z", "grant": {"lot_id": "g", "amount": 30, "kind": "included"}}


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
