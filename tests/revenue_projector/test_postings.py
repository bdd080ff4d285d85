"""Postings against what the entries say, told one by one by other code; without a database."""

from collections import Counter
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings

from drawdown.domain.entries import LedgerEntry
from drawdown.revenue_projector.breakage import BreakageRates
from drawdown.revenue_projector.days import OpenDays
from drawdown.revenue_projector.figures import NAMES, Figures, LotKey
from drawdown.revenue_projector.postings import Postings, paid_lots
from drawdown.verification.revenue_days import RevenueDays
from tests.domain.building import World
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


@settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))
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
