"""The parts of the demo that need no broker: traces, the plan, the recalculation, the totals."""

import gzip
import json
from collections import Counter
from fractions import Fraction
from pathlib import Path

import hypothesis
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from drawdown.adapters.documents.rate_card import read_rate_card
from drawdown.adapters.documents.usage import write_usage
from drawdown.demo.generation import generate
from drawdown.demo.plan import Plan, plan_run
from drawdown.demo.recalculation import Recalculation, Tally, price
from drawdown.demo.totals import Totals
from drawdown.demo.trace import TokenRequest, read_trace
from drawdown.demo.watching import AccountView
from drawdown.domain.inputs import Grant, UsageEvent
from drawdown.domain.rating import CompiledCard
from drawdown.errors import InvalidDocument
from drawdown.verification import Difference, Report
from tests.real_data import real_data

EXAMPLES = Path(__file__).parents[2] / "schemas" / "examples" / "rate-cards"
CARD = EXAMPLES / "llm-demo.yaml"
NOW = 1_767_225_600_000_000


def planned(count: int, *, seed: int = 1) -> Plan:
    document = yaml.load(CARD.read_text(), yaml.BaseLoader)
    return plan_run(
        generate(count, seed=seed),
        read_rate_card(CARD, soonest=NOW),
        document,
        seed=seed,
        customers=50,
        now_us=NOW,
    )


def test_a_generated_trace_has_the_shape_of_real_traffic() -> None:
    requests = list(generate(20_000, seed=3))
    inputs = [each.input + each.cached_input for each in requests]
    outputs = [each.output for each in requests]
    seconds = Counter(each.after_us // 1_000_000 for each in requests)
    assert 2 <= min(inputs) <= 60
    assert max(inputs) == 14_050
    assert 1_500 < sum(inputs) / len(inputs) < 2_600
    assert 60 < sum(outputs) / len(outputs) < 140
    assert 0.01 <= sum(each.failed for each in requests) / len(requests) <= 0.02
    assert 0 < sum(each.sent_twice for each in requests) < 200
    assert max(seconds.values()) >= 4 * len(requests) / (max(seconds) + 1)
    assert [each.after_us for each in requests] == sorted(each.after_us for each in requests)


def test_the_same_seed_plans_the_same_run() -> None:
    def sent(plan: Plan) -> list[object]:
        return [(each.after_us, write_usage(each.event)) for each in plan.events]

    one, same, other = planned(500), planned(500), planned(500, seed=2)
    assert sent(one) == sent(same) != sent(other)
    assert one.commands == same.commands


def test_a_plan_has_a_power_law_of_customers_several_kinds_of_credits_and_repeats() -> None:
    plan = planned(5_000)
    share = Counter(each.event.customer_id for each in plan.events)
    assert share["customer-0001"] > 5 * sorted(share.values())[len(share) // 2]
    kinds = {each.body.kind for each in plan.commands if isinstance(each.body, Grant)}
    assert kinds == {"purchased", "promotional", "included"}
    ids = Counter(each.event.event_id for each in plan.events)
    assert len(plan.events) > len(ids) == 5_000


def test_an_azure_trace_is_read_whole() -> None:
    path = real_data("azure_llm_2023/AzureLLMInferenceTrace_code.csv.gz")
    requests = [each for each in read_trace(path) if isinstance(each, TokenRequest)]
    assert len(requests) == 8_819
    assert sum(each.input for each in requests) == 18_059_974
    assert sum(each.output for each in requests) == 245_896
    assert 3_400 < requests[-1].after_us / 1_000_000 < 3_500


def test_a_mooncake_trace_counts_the_prefix_that_was_seen_as_cached() -> None:
    path = real_data("mooncake/synthetic_trace.jsonl.gz")
    requests = [each for each in read_trace(path) if isinstance(each, TokenRequest)]
    assert len(requests) == 3_993
    assert sum(each.cached_input for each in requests) == 39_852_661
    assert sum(each.input + each.cached_input for each in requests) == 61_194_628


def test_usage_events_are_a_trace_too(tmp_path: Path) -> None:
    event = {"event_id": "e", "customer_id": "a", "meter": "m", "quantities": {"q": "1"}}
    path = tmp_path / "trace.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(event).encode() + b"\n"))
    [read] = read_trace(path)
    assert isinstance(read, UsageEvent)
    assert read.customer_id == "a"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "the trace is empty"),
        ("time,tokens\n1,2\n", "unknown columns time, tokens"),
        ('{"when": 1}\n', "unknown fields when"),
        ("TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03.9799600,x,1\n", ":2: 'x'"),
        ("TIMESTAMP,ContextTokens,GeneratedTokens\nnoon,1,1\n", ":2: TIMESTAMP"),
        ("TIMESTAMP,ContextTokens,GeneratedTokens\n1,1\n", ":2: 2 cells"),
        ('{"timestamp": 0, "input_length": -1, "output_length": 2}\n', ":1: -1"),
    ],
)
def test_a_trace_of_no_known_kind_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "trace"
    path.write_text(text)
    with pytest.raises(InvalidDocument) as refused:
        list(read_trace(path))
    assert complaint in str(refused.value)


def test_a_file_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "trace.csv.gz"
    path.write_bytes(gzip.compress(b"TIMESTAMP,ContextTokens,GeneratedTokens\n" * 100)[:30])
    with pytest.raises(InvalidDocument, match="can't be read"):
        list(read_trace(path))


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
# No deadline: how long a rating takes is measured elsewhere.
@hypothesis.settings(deadline=None)
@given(data=st.data())
def test_the_naive_price_is_the_ledgers(path: Path, data: st.DataObject) -> None:
    card = read_rate_card(path, soonest=NOW)
    document = yaml.load(path.read_text(), yaml.BaseLoader)
    meter = data.draw(st.sampled_from(card.meters))
    line = data.draw(st.sampled_from(meter.lines))
    names = sorted({each.quantity for each in meter.lines})
    quantities = {
        name: data.draw(st.integers(0, 50_000_000_000)) for name in {line.quantity, names[0]}
    }
    customer_id = data.draw(st.sampled_from(["acme", *[o.customer_id for o in card.overrides]]))
    rated = CompiledCard(card).rate(customer_id, meter.name, line.match, quantities)
    naive = price(
        document,
        {
            "customer_id": customer_id,
            "meter": meter.name,
            "properties": line.match,
            "quantities": {name: Fraction(each, 10**6) for name, each in quantities.items()},
        },
    )
    assert (rated is None) == (naive is None)
    if rated is not None:
        assert naive == Fraction(rated.total_atto, 10**18)


@pytest.mark.parametrize(
    ("mode", "limit", "charged", "overage", "uncovered", "balance"),
    [
        ("hard_stop", 0, 30, 0, 20, 0),
        ("overdraft", 15, 45, 0, 5, -15),
        ("overage", 0, 30, 20, 0, 0),
    ],
)
def test_the_naive_tally_follows_the_policy(
    mode: str, limit: int, charged: int, overage: int, uncovered: int, balance: int
) -> None:
    tally = Tally(granted=Fraction(30), mode=mode, limit=Fraction(limit))
    tally.charge(Fraction(50))
    assert [tally.charged, tally.overage, tally.uncovered, tally.balance] == [
        Fraction(each) for each in (charged, overage, uncovered, balance)
    ]


def totals(**changed: int) -> Totals:
    tally = Tally(granted=Fraction(30))
    tally.charge(Fraction(10))
    figures = {"granted": 30, "balance": 20, "available": 20, "overage_total": 0, "charged": 10}
    view = AccountView(
        customer_id="acme",
        events=1,
        updated_at=NOW,
        **{name: each * 10**6 for name, each in {**figures, **changed}.items()},
    )
    report = Report(namespace="n", granted=30 * 10**6, credits_charged=10 * 10**6)
    expected = Recalculation(customers={"acme": tally}, events=1)
    return Totals(sent=1, accounts=[view], report=report, expected=expected)


def test_totals_that_agree_have_no_differences() -> None:
    assert totals().differences() == []


@pytest.mark.parametrize("name", ["granted", "balance", "charged", "overage_total"])
def test_totals_that_differ_say_where(name: str) -> None:
    assert totals(**{name: 7}).differences()[0].startswith("acme: ")


def test_what_the_audit_found_is_a_difference() -> None:
    differing = totals()
    gap = Difference(partition=0, where="ledger-entries", explanation="a gap", offset=7)
    differing.report.differ(gap)
    assert differing.differences() == ["audit: ledger-entries [0] offset 7: a gap"]
