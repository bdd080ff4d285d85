"""Lines priced over the month, through the ledger (ruling 39)."""

from dataclasses import replace

from drawdown.domain.entries import EntryFacts, MonthTotal
from drawdown.domain.inputs import CaptureHold, HoldUsage, RefundUsage
from drawdown.domain.numbers import DAY_US
from drawdown.domain.rating import month_key
from tests.domain import cards
from tests.domain.building import CREDIT, UNIT, T, World, deduction, usage

JANUARY_END = T + 31 * DAY_US - 1
BLOCKS = replace(cards.line("calls", "3", package=("10", "up")), over="month")


def month_world() -> World:
    """3 credits for every 10 calls begun in a month."""
    world = World(cards.card(cards.meter(BLOCKS, name="calls"), effective_from=T))
    world.grant("lot", 100 * CREDIT)
    return world


def call(world: World, event_id: str, calls: int, at: int = T) -> EntryFacts:
    event = usage(event_id, meter="calls", quantities={"calls": calls * UNIT}, occurred_at=at)
    return deduction(world.decide(event, at))


def totals(facts: EntryFacts) -> list[MonthTotal]:
    assert facts.details is not None
    return facts.details.month_totals


def test_39_the_total_is_account_state_and_stands_on_the_entry() -> None:
    world = month_world()
    first = call(world, "e1", 4)
    assert (first.amount, totals(first)) == (
        -3 * CREDIT,
        [MonthTotal(line_id="calls", month="2026-01", quantity_micro=4 * UNIT)],
    )
    second = call(world, "e2", 6)
    assert (second.amount, totals(second)[0].quantity_micro) == (0, 10 * UNIT)
    assert call(world, "e3", 1).amount == -3 * CREDIT
    assert world.account().month_totals == {month_key("calls", "2026-01"): 11 * UNIT}


def test_39_it_belongs_to_the_month_of_occurrence() -> None:
    world = month_world()
    call(world, "e1", 4, JANUARY_END)
    assert call(world, "e2", 4, JANUARY_END + 1).amount == -3 * CREDIT
    late = usage("e3", meter="calls", quantities={"calls": 6 * UNIT}, occurred_at=JANUARY_END)
    assert deduction(world.decide(late, JANUARY_END + DAY_US)).amount == 0
    assert world.account().month_totals == {
        month_key("calls", "2026-01"): 10 * UNIT,
        month_key("calls", "2026-02"): 4 * UNIT,
    }


def test_39_and_to_the_line_whatever_the_cards_version() -> None:
    world = month_world()
    call(world, "e1", 4)
    later = cards.card(cards.meter(BLOCKS, name="calls"), version="2", effective_from=T + DAY_US)
    world.apply(later)
    assert call(world, "e2", 6, T + DAY_US).amount == 0


def test_a_capture_and_failed_usage() -> None:
    world = month_world()
    world.hold("h", 5, meter="calls")
    body = HoldUsage(
        event_id="e1",
        meter="calls",
        occurred_at=T,
        status="succeeded",
        properties={},
        quantities={"calls": 4 * UNIT},
    )
    (facts,) = world.accept(CaptureHold(hold_id="h", usage=body, final=False))
    assert totals(facts)[0].quantity_micro == 4 * UNIT
    failed = usage("e2", meter="calls", quantities={"calls": 9 * UNIT}, status="failed")
    assert deduction(world.decide(failed)).details is None
    assert call(world, "e3", 6).amount == 0


def test_39_refunds_leave_it() -> None:
    world = month_world()
    call(world, "e1", 4)
    (facts,) = world.accept(RefundUsage(refund_id="r", event_id="e1"))
    assert (facts.amount, totals(facts)) == (3 * CREDIT, [])
    assert call(world, "e2", 6).amount == 0


def test_39_a_quantity_of_0_needs_a_line_and_leaves_it() -> None:
    world = month_world()
    assert call(world, "e1", 0).details is None
    nothing = usage("e2", meter="calls", quantities={"other": 0})
    assert world.decide(nothing).code == "no_rate"
    failed = usage("e3", meter="calls", quantities={"other": 0}, status="failed")
    assert world.decide(failed).outcome == "accepted"
