"""`drawdown rates`, as far as it needs neither broker nor database."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from drawdown.adapters.documents.rate_card import read_rate_card
from drawdown.cli.application import app
from drawdown.cli.rates import in_force
from tests.domain.cards import card, line, meter

EXAMPLES = Path(__file__).parents[2] / "schemas" / "examples" / "rate-cards"
PRICES = {
    "gpt": {"mode": "chat", "input_cost_per_token": 1e-06, "output_cost_per_token": 1.5e-15},
    "other": {"output_cost_per_image": 0.04, "dbu_cost": 1},
}


def rates(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["rates", *arguments])


def estimate(name: str, meter: str, *arguments: str) -> Result:
    return rates("estimate", "--card", str(EXAMPLES / name), "--meter", meter, *arguments)


def document(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def prices(tmp_path: Path) -> Path:
    path = tmp_path / "prices.2026-08-01.json"
    path.write_text(json.dumps(PRICES))
    return path


def test_estimate_says_what_usage_costs_line_by_line() -> None:
    usage = ("--quantity", "input=1374", "--quantity", "output=211.123457")
    found = document(
        estimate("llm-demo.yaml", "llm.tokens", "--property", "model=sage-1", *usage, "--json")
    )
    assert found["rate_card"] == "llm-demo@1"
    assert (found["credits"], found["charged"], found["residue"]) == (
        "5.54623457",
        "5.546234",
        "0.00000057",
    )
    assert [each["arithmetic"] for each in found["lines"]] == [
        ["1374 × 2.5 ÷ 1000 = 3.435"],
        ["211.123457 × 10 ÷ 1000 = 2.11123457"],
    ]


@pytest.mark.parametrize(
    ("meter", "quantity", "arithmetic"),
    [
        (
            "email.sent",
            "emails=1500",
            [
                "tier 1 (up to 1000): 1000 × 0.02 + 1 flat = 21",
                "tier 2 (no end): 500 × 0.01 = 5",
                "all tiers = 26",
            ],
        ),
        ("document.read", "pages=11", ["11 ÷ 10, rounded up = 2", "2 × 4 = 8"]),
        ("workflow.run", "steps=2", ["2 × 0.1 = 0.2", "at least 0.5: max(0.2, 0.5) = 0.5"]),
        ("workflow.run", "steps=0", ["0 costs nothing = 0"]),
    ],
)
def test_estimate_writes_the_arithmetic_out(
    meter: str, quantity: str, arithmetic: list[str]
) -> None:
    found = document(estimate("abstract-currency.yaml", meter, "--quantity", quantity, "--json"))
    assert found["lines"][0]["arithmetic"] == arithmetic


def test_estimate_of_volume_tiers_and_a_customer_s_override() -> None:
    bulk = ("--property", "kind=bulk", "--quantity", "tasks=200", "--json")
    found = document(estimate("value-units.yaml", "task.completed", *bulk))
    assert found["lines"][0]["arithmetic"] == ["tier 2 (up to 1000) takes all: 200 × 0.8 = 160"]
    large = ("--property", "model=large", "--quantity", "messages=1", "--json")
    own = estimate("abstract-currency.yaml", "chat.message", *large, "--customer", "acme")
    assert document(own)["credits"] == "4"


def test_estimate_shows_a_table_and_the_total() -> None:
    shown = estimate("time-units.yaml", "gpu.time", "--quantity", "minutes=1.5")
    assert shown.exit_code == 0
    assert "total 1.5 credits, charged 1.5" in shown.output


@pytest.mark.parametrize(
    ("meter", "quantity", "finding"),
    [
        ("other", "minutes=1", "time-units@1 has no meter other; it has gpu.time, agent.runtime"),
        ("gpu.time", "hours=1", "gpu.time has no line for hours with these properties"),
        ("gpu.time", "minutes", "--quantity minutes: must be name=value"),
        ("gpu.time", "minutes=x", "--quantity minutes: 'x' is not a decimal number"),
        ("gpu.time", "minutes=-1", "--quantity minutes: must be 0 or more"),
    ],
)
def test_estimate_says_what_is_wrong(meter: str, quantity: str, finding: str) -> None:
    refused = estimate("time-units.yaml", meter, "--quantity", quantity)
    assert refused.exit_code == 2
    assert finding in refused.output


def test_estimate_checks_a_stated_total() -> None:
    usage = ("--quantity", "input=1", "--quantity", "total=2")
    refused = estimate("direct-cost.yaml", "llm.tokens", *usage)
    assert "the total of llm.tokens isn't the sum of the other quantities" in refused.output


def test_check_shows_a_card_or_every_finding(tmp_path: Path) -> None:
    assert "email.sent" in rates("check", str(EXAMPLES / "abstract-currency.yaml")).output
    good = document(rates("check", str(EXAMPLES / "direct-cost.yaml"), "--json"))
    assert good["card"] == "direct-cost"
    bad = tmp_path / "bad.yaml"
    bad.write_text("card: c\nmeters: {m: {lines: [{quantity: a}]}}\n")
    refused = rates("check", str(bad))
    assert refused.exit_code == 2
    for finding in ("version: is missing", "meters.m.lines[0].rate: is missing"):
        assert finding in refused.output


def test_import_writes_a_card_that_can_be_read(prices: Path, tmp_path: Path) -> None:
    made = tmp_path / "card.yaml"
    factors = ("--markup", "1.3", "--credits-per-usd", "1000")
    result = rates("import", "litellm", str(prices), *factors, "--out", str(made))
    assert result.exit_code == 0, result.output
    assert "2 rates were rounded half-even to 12 places" in result.output
    assert "not imported dbu_cost (1 ×)" in result.output
    read = read_rate_card(made, soonest=7)
    assert (read.label, read.effective_from) == ("litellm@2026-08-01", 7)
    tokens = read.meters[1]
    assert [each.rate_pico for each in tokens.lines if each.quantity == "input"] == [1_300_000_000]


def test_import_lists_what_it_rounded(prices: Path) -> None:
    factors = (
        "--credits-per-usd",
        "1",
        "--model",
        "gpt",
        "--effective-from",
        "2026-01-01T00:00:00Z",
    )
    found = document(rates("import", "litellm", str(prices), *factors, "--json"))
    assert found["counts"] == {"rounded": 2, "kept": 0, "not_imported": 0, "no_price": 0}
    assert found["notes"][0]["detail"].endswith("0.0000000000000015 → 0")
    assert found["card"]["effective_from"] == "2026-01-01T00:00:00Z"


@pytest.mark.parametrize(
    "wrong",
    [
        ("--credits-per-usd", "many"),
        ("--credits-per-usd", "0"),
        ("--credits-per-usd", "1", "--effective-from", "soon"),
    ],
)
def test_import_refuses_factors_and_dates(prices: Path, wrong: tuple[str, ...]) -> None:
    assert rates("import", "litellm", str(prices), *wrong).exit_code == 2


def test_the_cards_in_force_are_one_a_unit() -> None:
    first = card(meter(line()), effective_from=10)
    later = card(meter(line()), effective_from=20, version="2")
    minutes = card(meter(line()), effective_from=10, unit="minute", version="3")
    assert in_force([first, later, minutes], 19) == [first, minutes]
    assert in_force([first, later, minutes], 20) == [later, minutes]
    assert in_force([first, later, minutes], 9) == []
