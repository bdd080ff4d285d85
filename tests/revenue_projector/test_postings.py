"""Postings against what the entries say, told one by one by other code; without a database."""

from collections import Counter
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings

from drawdown.domain.entries import PARTITION_CUSTOMER, LedgerEntry
from drawdown.domain.inputs import (
    Adjust,
    CommandBody,
    Grant,
    NoteDispute,
    RefundPurchase,
    RefundUsage,
    Tick,
    Void,
)
from drawdown.domain.numbers import DAY_US, MINUTE_US
from drawdown.revenue_projector.breakage import BreakageRates
from drawdown.revenue_projector.days import OpenDays
from drawdown.revenue_projector.figures import NAMES, Figures, LotKey
from drawdown.revenue_projector.postings import Postings, paid_lots
from drawdown.verification.revenue_days import RevenueDays
from tests.domain.building import CREDIT, CUSTOMER, T, World, card
from tests.domain.streams import Recorded, streams

UTC = ZoneInfo("UTC")


def log_of(stream: list[Recorded]) -> list[LedgerEntry]:
    world = World(checked=False)
    for each in stream:
        world.decide(each.given, each.at)
    return world.log


def posted(log: list[LedgerEntry]) -> Postings:
    """A whole log posted at once, every lot known."""
    known: dict[LotKey, Figures] = {}
    for facts in (entry.facts for entry in log):
        if facts.details is not None and facts.details.lot is not None:
            key = (facts.customer_id, facts.unit, facts.details.lot.lot_id)
            known[key] = Figures("", "")
    postings = Postings(OpenDays(UTC, 0), BreakageRates({}), known, paid_lots(log))
    postings.add(log)
    return postings


def busy_log(seed: int) -> list[LedgerEntry]:
    """A ledger in which most commands are accepted: sold, used, given back, taken, disputed."""
    random, world, at = Random(seed), World(card(), checked=False), T
    world.policy("p", overage_mode=random.choice(["overdraft", "overage"]), overdraft_limit=CREDIT)
    for number in range(120):
        at += random.choice([0, MINUTE_US, DAY_US])
        some = random.randint(1, 9) * CREDIT // 7
        payment = f"p{random.randint(0, 9)}"
        bodies: list[CommandBody] = [
            RefundUsage(refund_id=f"r{number}", event_id=f"e{number - 1}", amount=some),
            RefundPurchase(refund_id=f"r{number}", payment_id=payment, amount=some),
            Adjust(amount=-some),
            Void(lot_id=f"p{random.randint(0, 9)}", amount=some),
            NoteDispute(dispute_id=f"of {payment}", payment_id=payment, state="lost"),
            Tick(),
        ]
        body = random.choice(bodies)
        if number % 12 == 0:
            body = Grant(
                amount=random.randint(5, 40) * CREDIT,
                kind="purchased",
                lot_id=f"p{number // 12}",
                payment_id=f"p{number // 12}",
                price_minor=random.choice([0, 7, 999, 12_345]),
                currency="USD",
                expires_at=random.choice([None, at + 2 * DAY_US]),
            )
        customer = PARTITION_CUSTOMER if isinstance(body, Tick) else CUSTOMER
        world.ask(body, f"c{number}", at, customer_id=customer)
        world.use(f"e{number}", random.randint(1, 3), at)
    return world.log


@pytest.mark.parametrize("seed", range(12))
def test_of_a_busy_ledger_too(seed: int) -> None:
    log = busy_log(seed)
    told = RevenueDays(UTC)
    for entry in log:
        told.add(entry)
    found = posted(log)
    assert {key: row.values() for key, row in found.rows.items()} == {
        key: tuple(figures[name] for name in NAMES) for key, figures in told.days.items()
    }


def test_a_busy_ledger_has_what_moves_money() -> None:
    moving = {
        each.facts.type
        for seed in range(12)
        for each in busy_log(seed)
        if any(part.released_minor for part in each.facts.allocations)
    }
    assert moving == {
        *("deduction", "refund", "void", "adjustment", "expiration", "clawback"),
        "overdraft_settled",
    }


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(streams(70))
def test_postings_are_what_the_entries_say(stream: list[Recorded]) -> None:
    log = log_of(stream)
    told = RevenueDays(UTC)
    for entry in log:
        told.add(entry)
    found = posted(log)
    assert {key: row.values() for key, row in found.rows.items()} == {
        key: tuple(figures[name] for name in NAMES) for key, figures in told.days.items()
    }
    assert {key: row.partition_seq for key, row in found.rows.items()} == told.last
    assert found.adjustments == dict(told.adjustments)
    assert found.overage == dict(told.overage)


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(streams(70))
def test_causes_come_to_what_the_ledger_releases(stream: list[Recorded]) -> None:
    log = log_of(stream)
    released: Counter[LotKey] = Counter()
    gone: Counter[LotKey] = Counter()
    for facts in (entry.facts for entry in log):
        for part in facts.allocations:
            released[facts.customer_id, facts.unit, part.lot_id] += part.released_minor
    for (*lot, _), row in posted(log).rows.items():
        customer, unit, lot_id = lot
        gone[customer, unit, lot_id] += row.recognized_minor + row.breakage_minor
        gone[customer, unit, lot_id] += row.refunded_minor + row.chargeback_minor
        gone[customer, unit, lot_id] += row.adjusted_minor - min(0, row.transferred_minor)
    assert +gone == +released
