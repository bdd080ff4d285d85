"""The rules speak of metrics that exist, and say what to do."""

from typing import Any

import pytest
import yaml

from drawdown import metrics
from tests.deploy.rules import DEPLOY, RULES, alerts, balanced, metric_names

ALERTS = alerts()
CONDITIONS = {
    "lag": "drawdown_lag_records",
    "freshness": "drawdown_projection_freshness_seconds",
    "dead letters": "drawdown_dead_letters_total",
    "halted partitions": "drawdown_partitions_halted",
    "rejections": "drawdown_rejections_total",
    "due bookings": "drawdown_due_lag_seconds",
    "workers": "drawdown_worker_restarts_total",
    "poison": "drawdown_partitions_poisoned",
    "refused calls": "drawdown_transaction_failures_total",
    "openings": "drawdown_partitions_opening",
    "slow commits": "drawdown_partitions_resting",
    "differences": "drawdown_audit_differences",
    "audit age": "drawdown_audit_finished_at_seconds",
    "audit coverage": "drawdown_audit_coverage",
    "transaction latency": "drawdown_transaction_seconds_bucket",
}


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_an_alert_reads_metrics_of_the_catalogue(alert: dict[str, Any]) -> None:
    named = metric_names(alert["expr"])
    assert named, f"{alert['expr']} reads no metric"
    assert named <= metrics.names()


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_an_alert_says_what_it_means_and_what_to_do(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in {"page", "warn", "info"}
    assert alert["annotations"].keys() == {"summary", "action"}
    assert all(len(text) > 20 for text in alert["annotations"].values())
    assert balanced(alert["expr"])


def test_no_two_alerts_have_one_name() -> None:
    named = [alert["alert"] for alert in ALERTS]
    assert sorted(named) == sorted(set(named))


@pytest.mark.parametrize("condition", CONDITIONS)
def test_there_is_an_alert_for(condition: str) -> None:
    assert any(CONDITIONS[condition] in metric_names(alert["expr"]) for alert in ALERTS)


def test_the_scrape_configuration_finds_the_services_and_the_rules() -> None:
    configuration = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yaml").read_text("utf-8"))
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
    [job] = configuration["scrape_configs"]
    [found] = job["dns_sd_configs"]
    assert configuration["rule_files"] == [RULES.name]
    assert set(found["names"]) <= set(compose["services"])
    assert f"EXPOSE {found['port']}\n" in (DEPLOY / "Dockerfile").read_text("utf-8")


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ('sum by (partition) (rate(a_total{code="b"}[5m])) > 2', {"a_total"}),
        ("a > on (x) group_left sum(b) or absent(c)", {"a", "b", "c"}),
        ("max_over_time(sum(a)[1h:1m]) unless a offset 5m", {"a"}),
    ],
)
def test_metric_names_are_found(expression: str, names: set[str]) -> None:
    assert metric_names(expression) - {"m"} == names


@pytest.mark.parametrize(("expression", "closed"), [("(a[1m])", True), ("(a[1m)]", False)])
def test_brackets_that_do_not_close_are_found(expression: str, closed: bool) -> None:
    assert balanced(expression) is closed
