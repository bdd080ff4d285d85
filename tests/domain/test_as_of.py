"""Balance and lots at a past time, by what was known then and by what is known now."""

import pytest
from hypothesis import HealthCheck, given, settings

from drawdown.adapters.avro import schema_files
from drawdown.domain.as_of import AsOf, Known, balance_as_of, counted_at, standing_at
from drawdown.domain.entries import EntryFacts, LedgerEntry
from drawdown.domain.inputs import (
    Adjust,
    CaptureHold,
    ChangeExpiry,
    CommandBody,
    Freeze,
    Grant,
    NoteDispute,
    PlaceHold,
    RefundUsage,
    ReleaseHold,
    Tick,
    Unfreeze,
    Void,
)
from drawdown.domain.lots import Lot
from drawdown.domain.numbers import DAY_US, MINUTE_US, NEVER
from tests.domain.building import CREDIT, CUSTOMER, T, World, card, command
from tests.domain.streams import Recorded, streams

HOUR_US = 60 * MINUTE_US
FIGURES = (
    *("lot_id", "remaining", "reserved", "spent", "expired", "voided", "clawed_back"),
    *("released_minor", "expires_at", "freezes", "frozen_since", "closed", "clawed", "debt"),
)
# A stream is long to draw on a busy machine.
SLOW = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])


def entries_of(
    world: World, customer_id: str = CUSTOMER, unit: str = "credit"
) -> list[LedgerEntry]:
    return [
        each
        for each in world.log
        if (each.facts.customer_id, each.facts.unit) == (customer_id, unit)
    ]


def as_of(world: World, at: int, known: Known = "now") -> AsOf:
    return balance_as_of(entries_of(world), at, known)


def ask(world: World, body: CommandBody, at: int, customer_id: str = CUSTOMER) -> None:
    name = f"{type(body).__name__} {len(world.log)}"
    decision = world.decide(command(body, name, customer_id=customer_id, issued_at=at), at)
    assert decision.outcome == "accepted", decision.detail


def figures(lot: Lot) -> dict[str, object]:
    return {name: getattr(lot, name) for name in FIGURES}


def standing(told: AsOf) -> dict[str, tuple[str, int]]:
    """State of each lot, and the whole credits of it that count."""
    return {
        lot.lot_id: (standing_at(lot, told.at), counted_at(lot, told.at) // CREDIT)
        for lot in told.standing
    }


def test_before_the_first_entry_there_was_nothing() -> None:
    world = World(card())
    world.grant("g", 5 * CREDIT, T)
    told = as_of(world, T - 1)
    assert (told.balance, told.available, told.lots, told.entries) == (0, 0, {}, 0)


def test_late_usage_is_known_now_but_was_not_known_then() -> None:
    world = World(card())
    world.grant("g", 50 * CREDIT, T)
    world.use("e", 20, T + DAY_US, occurred_at=T + HOUR_US)
    asked = T + 2 * HOUR_US
    assert as_of(world, asked, "then").balance == 50 * CREDIT
    assert as_of(world, asked, "now").balance == 30 * CREDIT
    assert as_of(world, T + DAY_US, "then").balance == 30 * CREDIT


def test_usage_that_occurred_before_its_lot_shows_from_the_lots_start() -> None:
    world = World(card())
    world.grant("g", 50 * CREDIT, T + HOUR_US)
    world.use("e", 20, T + 2 * HOUR_US, occurred_at=T)
    assert as_of(world, T + MINUTE_US).balance == 0
    assert as_of(world, T + HOUR_US).balance == 30 * CREDIT
    assert as_of(world, T + HOUR_US, "then").balance == 50 * CREDIT


def test_a_lot_counts_from_its_start_and_until_it_expires_whether_or_not_that_is_booked() -> None:
    world = World(card())
    world.grant("g", 9 * CREDIT, T, effective_at=T + HOUR_US, expires_at=T + DAY_US)
    assert standing(as_of(world, T, "then")) == {"g": ("not effective", 0)}
    assert standing(as_of(world, T, "now")) == {}
    assert as_of(world, T + HOUR_US).balance == 9 * CREDIT
    assert as_of(world, T + DAY_US - 1).available == 9 * CREDIT
    unbooked = as_of(world, T + DAY_US)
    assert standing(unbooked) == {"g": ("expired", 0)}
    assert (unbooked.balance, unbooked.available, unbooked.lots) == (0, 0, {"g": 9 * CREDIT})
    ask(world, Tick(), T + 2 * DAY_US, "$partition")
    booked = as_of(world, T + DAY_US)
    assert (booked.balance, booked.lots) == (0, {"g": 0})
    assert booked.standing[0].expired == 9 * CREDIT
    assert as_of(world, T + DAY_US - 1).balance == 9 * CREDIT


def test_reserved_credits_count_after_their_lot_expired() -> None:
    world = World(card())
    world.grant("g", 9 * CREDIT, T, expires_at=T + HOUR_US)
    hold = PlaceHold(hold_id="h", amount=4 * CREDIT, meter="tokens", expires_at=T + 3 * HOUR_US)
    ask(world, hold, T + MINUTE_US)
    told = as_of(world, T + 2 * HOUR_US)
    assert (told.balance, told.held, told.available) == (4 * CREDIT, 4 * CREDIT, 0)
    ask(world, CaptureHold(hold_id="h", amount=3 * CREDIT, final=False), T + 2 * HOUR_US)
    ask(world, ReleaseHold(hold_id="h"), T + 2 * HOUR_US + 1)
    told = as_of(world, T + 2 * HOUR_US + 1)
    assert (told.balance, told.held) == (0, 0)
    assert [lot.spent for lot in told.standing] == [3 * CREDIT]
    assert as_of(world, T + 2 * HOUR_US).held == CREDIT


def test_a_frozen_lot_counts_beyond_its_date_but_one_that_was_past_it_does_not() -> None:
    world = World(card())
    world.grant("early", 5 * CREDIT, T, expires_at=T + HOUR_US)
    world.grant("late", 7 * CREDIT, T, expires_at=T + HOUR_US)
    ask(world, Freeze(lot_id="early"), T + MINUTE_US)
    ask(world, Freeze(lot_id="late"), T + HOUR_US + MINUTE_US)
    told = as_of(world, T + HOUR_US + 2 * MINUTE_US)
    assert standing(told) == {"early": ("frozen", 5), "late": ("expired", 0)}
    assert (told.balance, told.available) == (5 * CREDIT, 0)
    ask(world, Unfreeze(lot_id="early"), T + 2 * HOUR_US)
    told = as_of(world, T + 2 * HOUR_US)
    assert standing(told)["early"] == ("usable", 5)
    assert told.standing[0].expires_at == T + 2 * HOUR_US + 59 * MINUTE_US


def test_what_happened_to_a_lot_before_its_start_shows_from_its_start() -> None:
    world = World(card())
    world.grant("g", 5 * CREDIT, T, effective_at=T + DAY_US)
    ask(world, Freeze(lot_id="g"), T + MINUTE_US)
    ask(world, Void(lot_id="g", amount=CREDIT), T + 2 * MINUTE_US)
    assert as_of(world, T + 3 * MINUTE_US).lots == {}
    told = as_of(world, T + DAY_US)
    assert (standing(told), told.lots) == ({"g": ("frozen", 4)}, {"g": 4 * CREDIT})


def test_voids_adjustments_and_dates_show_from_when_they_were_made() -> None:
    world = World(card())
    world.grant("g", 50 * CREDIT, T, expires_at=T + DAY_US)
    ask(world, Void(lot_id="g", amount=10 * CREDIT), T + HOUR_US)
    ask(world, Adjust(amount=-5 * CREDIT), T + 2 * HOUR_US)
    ask(world, Adjust(amount=2 * CREDIT), T + 3 * HOUR_US)
    ask(world, ChangeExpiry(lot_id="g", expires_at=None), T + 4 * HOUR_US)
    seen = [as_of(world, T + hours * HOUR_US).balance // CREDIT for hours in range(5)]
    assert seen == [50, 40, 35, 37, 37]
    assert as_of(world, T + 3 * HOUR_US).standing[0].expires_at == T + DAY_US
    assert as_of(world, T + 4 * HOUR_US).standing[0].expires_at == NEVER


def test_overdraft_and_its_settlement_show_when_they_happened() -> None:
    world = World(card())
    world.policy("p", T, overage_mode="overdraft", overdraft_limit=100 * CREDIT)
    world.use("e", 20, T + MINUTE_US)
    world.grant("g", 50 * CREDIT, T + HOUR_US)
    owed = as_of(world, T + MINUTE_US)
    assert (owed.balance, owed.overdraft, owed.available) == (
        -20 * CREDIT,
        20 * CREDIT,
        -20 * CREDIT,
    )
    paid = as_of(world, T + HOUR_US)
    assert (paid.balance, paid.overdraft, paid.lots) == (30 * CREDIT, 0, {"g": 30 * CREDIT})


def test_overage_is_counted_apart_and_refunds_lower_it() -> None:
    world = World(card())
    world.policy("p", T, overage_mode="overage")
    world.grant("g", 5 * CREDIT, T)
    world.use("e", 8, T + MINUTE_US)
    ask(world, RefundUsage(refund_id="r", event_id="e", amount=4 * CREDIT), T + HOUR_US)
    before, after = as_of(world, T + MINUTE_US), as_of(world, T + HOUR_US)
    assert (before.balance, before.overage_total) == (0, 3 * CREDIT)
    assert (after.balance, after.overage_total) == (CREDIT, 0)
    assert [lot.spent for lot in after.standing] == [4 * CREDIT]


def disputed() -> World:
    """A payment of 50 of which 20 are spent; opened, lost, a refund, reinstated, an hour each."""
    world = World(card())
    paid = Grant(
        amount=50 * CREDIT,
        kind="purchased",
        lot_id="g",
        price_minor=1_000,
        currency="USD",
        payment_id="p",
    )
    bodies: list[CommandBody] = [
        NoteDispute(dispute_id="d", payment_id="p", state="opened"),
        NoteDispute(dispute_id="d", payment_id="p", state="lost"),
        RefundUsage(refund_id="r", event_id="e", amount=5 * CREDIT),
        NoteDispute(dispute_id="d", payment_id="p", state="reinstated"),
    ]
    ask(world, paid, T)
    world.use("e", 20, T + MINUTE_US)
    for hours, body in enumerate(bodies, 1):
        ask(world, body, T + hours * HOUR_US)
    return world


def test_a_dispute_step_by_step() -> None:
    world = disputed()
    seen = []
    for hours in range(5):
        told = as_of(world, T + MINUTE_US + hours * HOUR_US)
        [lot] = told.standing
        amounts = (told.balance, told.debt, lot.remaining, lot.spent, lot.clawed_back)
        seen.append((standing_at(lot, told.at), *(amount // CREDIT for amount in amounts)))
    assert seen == [
        ("usable", 30, 0, 30, 20, 0),
        ("frozen", 30, 0, 30, 20, 0),
        ("usable", -20, 20, 0, 20, 30),
        ("usable", -15, 15, 0, 15, 35),
        ("usable", 35, 0, 35, 15, 0),
    ]


@SLOW
@given(streams(60))
def test_all_that_was_recorded_is_the_account_as_it_folds(stream: list[Recorded]) -> None:
    world = World(checked=False)
    for each in stream:
        world.decide(each.given, each.at)
    for account in world.ledger.accounts():
        entries = entries_of(world, account.customer_id, account.unit)
        for known in ("then", "now"):
            told = balance_as_of(entries, NEVER - 1, known)
            assert told.entries == len(entries)
            expected = [figures(lot) for lot in account.lots.values()]
            assert [figures(lot) for lot in told.standing] == expected
            owed = (told.overdraft, told.debt, told.overage_total, told.held)
            assert owed == (account.overdraft, account.debt, account.overage_total, account.held)


@SLOW
@given(streams(60))
def test_what_was_known_then_is_what_the_last_entry_said(stream: list[Recorded]) -> None:
    """Where an account's entries are in the order of their recording, and nothing waits."""
    world = World(checked=False)
    for each in sorted(stream, key=lambda each: each.at):
        world.decide(each.given, each.at)
    for account in world.ledger.accounts():
        entries = entries_of(world, account.customer_id, account.unit)
        last = entries[-1].facts
        told = balance_as_of(entries, last.recorded_at, "then")
        assert (told.held, told.available) == (last.held, last.available)
        left_out = sum(lot.remaining - counted_at(lot, told.at) for lot in told.standing)
        assert told.balance + left_out == last.balance


def test_a_type_that_moves_no_lot_is_a_fault() -> None:
    world = World(card())
    world.grant("g", 5 * CREDIT, T)
    entries = entries_of(world)
    facts = {name: getattr(entries[0].facts, name) for name in _attributes("EntryFacts")}
    place = {name: getattr(entries[0], name) for name in _attributes("LedgerEntry")}
    made = EntryFacts(**{**facts, "type": "freeze", "details": None})
    wrong = LedgerEntry(**{**place, "facts": made})
    with pytest.raises(AssertionError, match="moves no lot"):
        balance_as_of([*entries, wrong], T)


def _attributes(name: str) -> list[str]:
    """The fields of a record of the ledger's schema; a compiled class can't be asked."""
    schema = schema_files.newest("ledger-entry").definition
    record = {"LedgerEntry": schema, "EntryFacts": schema["fields"][8]["type"]}[name]
    assert record["name"] == name
    return [field["name"] for field in record["fields"]]
