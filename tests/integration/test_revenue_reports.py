"""`drawdown revenue` on a ledger whose figures are reckoned by hand: scenario
`revenue_of_every_cause`."""

import csv
import io
import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from tests.integration.projecting import await_true, running
from tests.integration.test_revenue_projector import projector, published
from tests.integration.told import ToldLedger, publish_told
from typer.testing import CliRunner, Result

from drawdown.adapters.kafka.topics import create_topics
from drawdown.adapters.postgres.snapshots import snapshot
from drawdown.cli.application import app
from drawdown.settings import Settings
from drawdown.statements.rollforward import FIGURES, TAKING, Span, read_rollforward

pytestmark = pytest.mark.integration
Ask = Callable[..., Result]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    small = settings.model_copy(update={"partitions": 1})
    create_topics(small)
    return small


@pytest.fixture
def told(settings: Settings, producer: Producer) -> ToldLedger:
    ledger = ToldLedger(settings, "revenue_of_every_cause")
    publish_told(settings, producer, ledger)
    with running(projector(settings)):
        await_true(lambda: published(settings).get(0) == len(ledger.entries), "all is projected")
    return ledger


@pytest.fixture
def ask(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Ask the command line."""
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", settings.kafka_bootstrap_servers)
    monkeypatch.setenv("DATABASE_URL", settings.database_url)

    def run(*arguments: str, fails: bool = False) -> Result:
        given = ["--namespace", settings.namespace, "revenue", *arguments]
        result = CliRunner().invoke(app, given)
        assert (result.exit_code != 0) == fails, result.output
        return result

    return run


def totals(ask: Ask, *arguments: str) -> dict[str, dict[str, str]]:
    """The figures of a roll-forward that aren't 0, by currency."""
    document = json.loads(ask("rollforward", *arguments, "--json").stdout)
    assert [each["records_behind"] for each in document["freshness"]] == [0]
    return {
        line.pop("currency"): {name: text for name, text in line.items() if text.strip("0.")}
        for line in document["totals"]
    }


def test_a_roll_forward_ties_in_each_currency(told: ToldLedger, ask: Ask) -> None:
    assert totals(ask, "--month", "2026-01") == {
        "USD": {
            "billed": "109.99",
            "recognized": "20.00",
            "refunded": "9.99",
            "closing": "80.00",
            "returned": "9.99",
        },
        "JPY": {"billed": "5000", "recognized": "1000", "closing": "4000"},
        "KWD": {"billed": "12.345", "closing": "12.345", "receivable": "12.345", "owed": "12.345"},
    }
    assert totals(ask, "--from", "2026-02-01", "--to", "2026-02-28") == {
        "USD": {
            "opening": "80.00",
            "billed": "10.00",
            "recognized": "28.00",
            "refunded": "10.00",
            "adjusted": "5.00",
            "closing": "47.00",
            "returned": "15.00",
            "contra": "5.00",
        },
        "JPY": {"opening": "4000", "breakage": "4000"},
        "KWD": {"opening": "12.345", "recognized": "12.345", "receivable": "-12.345"},
    }
    # Used in February, booked after its close: it falls on the first open day.
    assert totals(ask, "--from", "2026-03-01", "--to", "2026-03-01") == {
        "USD": {"opening": "47.00", "recognized": "5.00", "closing": "42.00"}
    }
    assert totals(ask, "--month", "2026-03", "--customer", "acme") == {
        "USD": {"opening": "37.00", "chargeback": "37.00", "disputed": "85.00"}
    }


def test_what_stands_beside_the_roll_forward(told: ToldLedger, ask: Ask) -> None:
    january = json.loads(ask("rollforward", "--month", "2026-01", "--json").stdout)
    assert january["promotional"] == [
        {
            "currency": "USD",
            "opening": "0.00",
            "granted": "3.00",
            "used": "1.00",
            "expired": "2.00",
            "taken": "0.00",
            "closing": "0.00",
            "credits": {
                "opening": "0",
                "granted": "150",
                "used": "100",
                "expired": "50",
                "taken": "0",
                "closing": "0",
            },
        }
    ]
    february = json.loads(ask("rollforward", "--month", "2026-02", "--json").stdout)
    assert february["overage"] == [{"unit": "credit", "credits": "40"}]
    assert february["adjustments"] == [{"currency": "USD", "reason": "fraud", "adjusted": "5.00"}]
    shown = ask("rollforward", "--month", "2026-02").stdout
    for words in ("adjusted for fraud: 5.00 USD", "overage to be billed: 40", "up to date with"):
        assert words in shown


@pytest.mark.parametrize("by", ["customer", "lot", "day"])
def test_groups_come_to_the_total(settings: Settings, told: ToldLedger, by: Any) -> None:
    first = date(2026, 1, 1)
    spans = [Span(start=first, until=first + timedelta(days=each)) for each in (1, 30, 45, 200)]
    with snapshot(settings, "revenue") as connection:
        for span in spans:
            found = read_rollforward(connection, span, by)
            for total in found.totals:
                lines = [each for each in found.lines if each.currency == total.currency]
                for name in FIGURES:
                    assert sum(each.figures[name] for each in lines) == total.figures[name]
                if by == "day":
                    assert lines[-1].closing == total.closing
                else:
                    assert sum(each.closing for each in lines) == total.closing
                    assert sum(each.opening for each in lines) == total.opening


def test_adjacent_periods_meet_wherever_they_are_cut(settings: Settings, told: ToldLedger) -> None:
    first, last = date(2026, 1, 1), date(2026, 4, 1)
    with snapshot(settings, "revenue") as connection:
        whole = read_rollforward(connection, Span(start=first, until=last), "total")
        for days in range(1, (last - first).days):
            cut = first + timedelta(days=days)
            one, other = (
                {line.currency: line for line in read_rollforward(connection, span, "total").lines}
                for span in (Span(start=first, until=cut), Span(start=cut, until=last))
            )
            for total in whole.lines:
                currency = total.currency
                closing = one[currency].closing if currency in one else 0
                assert closing == (other[currency].opening if currency in other else 0)
                for name in ("billed", *TAKING):
                    parts = sum(
                        each[currency].figures[name] for each in (one, other) if currency in each
                    )
                    assert parts == total.figures[name]


def test_the_journal_balances_entry_by_entry(told: ToldLedger, ask: Ask, tmp_path: Path) -> None:
    text = ask("journal", "--from", "2026-01-01", "--to", "2026-12-31", "--csv").stdout
    entries: dict[tuple[str, ...], dict[str, str]] = {}
    for row in csv.DictReader(io.StringIO(text)):
        entry = entries.setdefault((row["day"], row["lot_id"], row["currency"]), {})
        entry[row["account"]] = row["debit"] or f"-{row['credit']}"
    for amounts in entries.values():
        assert sum(int(each.replace(".", "")) for each in amounts.values()) == 0
    assert entries["2026-01-10", "claim", "USD"] == {
        "Accounts receivable": "9.99",
        "Deferred revenue": "-9.99",
    }
    assert entries["2026-01-31", "claim", "USD"] == {
        "Accounts receivable": "-9.99",
        "Deferred revenue": "9.99",
    }
    assert entries["2026-02-05", "dinar", "KWD"] == {
        "Cash": "12.345",
        "Accounts receivable": "-12.345",
    }
    assert entries["2026-02-10", "pack", "USD"] == {
        "Cash": "-15.00",
        "Deferred revenue": "10.00",
        "Contra revenue": "5.00",
    }
    assert entries["2026-02-10", "yen", "JPY"] == {
        "Deferred revenue": "4000",
        "Breakage revenue": "-4000",
    }
    assert entries["2026-03-05", "pack", "USD"] == {
        "Cash": "-85.00",
        "Deferred revenue": "37.00",
        "Chargeback losses": "48.00",
    }


def test_accounts_are_called_as_the_chart_says(
    told: ToldLedger, ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chart = tmp_path / "accounts.yaml"
    chart.write_text(
        "cash: 1000 Bank\nrevenue: 4000 Usage\nadjustments: {fraud: 6100 Fraud}\n", "utf-8"
    )
    monkeypatch.setenv("DRAWDOWN_REVENUE_ACCOUNTS", str(chart))
    february = json.loads(ask("journal", "--month", "2026-02", "--json").stdout)
    trial = {(row["currency"], row["account"]): row["balance"] for row in february["trial_balance"]}
    assert trial["USD", "6100 Fraud"] == "-5.00"
    assert trial["USD", "4000 Usage"] == "-28.00"
    assert trial["USD", "1000 Bank"] == "-5.00"
    assert "Accounts receivable" in {account for _, account in trial}
    summary = ask("journal", "--month", "2026-02", "--summary", "--csv").stdout
    assert "USD,4000 Usage,2.00,30.00,-28.00" in summary
    chart.write_text("bank: 1000\n", "utf-8")
    assert "names bank" in ask("journal", "--month", "2026-02", fails=True).output


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("rollforward", "--month", "2026-13"), "is no month"),
        (("rollforward", "--from", "2026-01-01"), "both --from DAY and --to DAY"),
        (("rollforward", "--from", "2026-01-02", "--to", "2026-01-01"), "--to is before --from"),
        (("rollforward", "--by", "moon"), "--by is one of"),
        (("journal", "--json", "--csv"), "not both"),
        (("close",), "--until DAY, or --month MONTH"),
        (("close", "--until", "soon"), "is no day"),
    ],
)
def test_what_can_t_be_asked_is_said(ask: Ask, arguments: tuple[str, ...], why: str) -> None:
    assert why in ask(*arguments, fails=True).output
