"""What the rows say of small ledgers whose answers are worked out by hand."""

import secrets

import pytest

from drawdown.domain.inputs import ChangeExpiry, CommandBody, Freeze, Unfreeze, Void
from drawdown.domain.numbers import DAY_US
from drawdown.settings import load
from tests.domain.building import CREDIT, T, World, card, command
from tests.expiration_projector.written import Written
from tests.integration.told import ToldLedger

pytestmark = pytest.mark.integration

REMINDERS = f"""
SELECT lot_id, days::integer, (due_at - {T}) / {DAY_US}, amount / {CREDIT} FROM reminders
WHERE days > 0 ORDER BY due_at, lot_id
"""
LOTS = f"""
SELECT lot_id, remaining / {CREDIT}, expired / {CREDIT}, breakage_minor FROM lots
ORDER BY customer_id, lot_seq
"""
EXPIRED = f"""
SELECT lot_id, amount / {CREDIT}, breakage_minor,
    to_char(to_timestamp(expired_at / 1000000) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI')
FROM expirations ORDER BY partition_seq
"""
BATCHES = pytest.mark.parametrize("batch", [1, 1_000])


@pytest.fixture(scope="module")
def written(database: str) -> Written:
    settings = load(namespace=f"known-{secrets.token_hex(3)}", database_url=database)
    return Written(settings)


@pytest.fixture
def world() -> World:
    """A lot of 5 credits that expires on day 40."""
    world = World(card())
    world.grant("g", 5 * CREDIT, T, expires_at=T + 40 * DAY_US)
    return world


def ask(world: World, body: CommandBody, at: int) -> None:
    name = f"{type(body).__name__} {len(world.log)}"
    assert world.decide(command(body, name, issued_at=at), at).outcome == "accepted"


@BATCHES
def test_what_was_due_stays_and_what_is_to_come_follows_the_lot(
    written: Written, world: World, batch: int
) -> None:
    ask(world, Void(lot_id="g", amount=2 * CREDIT), T + 20 * DAY_US)
    written.write(world.log, batch=batch)
    assert written.rows(REMINDERS) == [("g", 30, 10, 5), ("g", 7, 33, 3), ("g", 1, 39, 3)]
    assert written.rows("SELECT days::integer FROM reminders_told") == [(30,)]


@BATCHES
def test_an_entry_at_the_very_moment_counts(written: Written, world: World, batch: int) -> None:
    ask(world, Void(lot_id="g", amount=2 * CREDIT), T + 10 * DAY_US)
    ask(world, Void(lot_id="g", amount=2 * CREDIT), T + 33 * DAY_US + 1)
    written.write(world.log, batch=batch)
    assert written.rows(REMINDERS) == [("g", 30, 10, 3), ("g", 7, 33, 3), ("g", 1, 39, 1)]


@BATCHES
def test_freezing_at_the_very_moment_leaves_the_reminder_to_the_new_date(
    written: Written, world: World, batch: int
) -> None:
    ask(world, Freeze(lot_id="g"), T + 10 * DAY_US)
    ask(world, Freeze(lot_id=""), T + 12 * DAY_US)
    ask(world, Unfreeze(lot_id="g"), T + 14 * DAY_US)
    written.write(world.log, batch=batch)
    assert written.rows(REMINDERS) == []
    ask(world, Unfreeze(lot_id=""), T + 15 * DAY_US)
    written.write(world.log, batch=batch)
    # Day 45: frozen for five days. Due 30 days before is the moment of unfreezing: it has passed.
    assert written.rows(REMINDERS) == [("g", 7, 38, 5), ("g", 1, 44, 5)]
    assert written.rows("SELECT frozen_since FROM lots") == [(None,)]


@BATCHES
def test_a_moved_date_withdraws_what_isn_t_due_and_a_date_set_back_tells_once(
    written: Written, world: World, batch: int
) -> None:
    for day, expires_on in ((11, 60), (12, 40), (34, None), (35, 50)):
        expires_at = None if expires_on is None else T + expires_on * DAY_US
        ask(world, ChangeExpiry(lot_id="g", expires_at=expires_at), T + day * DAY_US)
    written.write(world.log, batch=batch)
    assert written.rows(REMINDERS) == [
        *(("g", 30, 10, 5), ("g", 7, 33, 5)),
        *(("g", 7, 43, 5), ("g", 1, 49, 5)),
    ]


@BATCHES
def test_the_week_is_that_of_the_date(written: Written, world: World, batch: int) -> None:
    # 2026-01-01 is a Thursday, so day 40 a Tuesday and day 39 the Monday before it.
    written.write(world.log, batch=batch)
    weekly = f"SELECT (due_at - {T}) / {DAY_US} FROM reminders WHERE days = 0"
    assert written.rows(weekly) == [(39,)]
    ask(world, ChangeExpiry(lot_id="g", expires_at=T + 41 * DAY_US), T + 39 * DAY_US + 1)
    written.write(world.log, batch=batch)
    # The week of the new date had begun when it was set: it was told of the old one.
    assert written.rows("SELECT expires_at FROM reminders WHERE days = 0") == [(T + 40 * DAY_US,)]


@BATCHES
def test_a_lot_that_a_refund_opens_again_expires_twice(written: Written, batch: int) -> None:
    told = ToldLedger(written.settings, "refund_reopens_an_expired_lot")
    written.write(told.entries, batch=batch)
    assert written.rows(LOTS) == [("g", 0, 70, 700)]
    assert written.rows(EXPIRED) == [
        ("g", 60, 600, "2026-02-01 00:00"),
        ("g", 10, 100, "2026-03-12 00:00"),
    ]
    # Granted 31 days before its date; opened again 30 days before the next one, which is skipped.
    days = "SELECT days::integer, amount / 1000000 FROM reminders WHERE days > 0 ORDER BY due_at"
    assert written.rows(days) == [(30, 100), (7, 60), (1, 60), (7, 10), (1, 10)]


@BATCHES
def test_what_a_hold_returns_after_the_date_expires_at_it(written: Written, batch: int) -> None:
    told = ToldLedger(written.settings, "hold_outlives_an_expired_lot")
    written.write(told.entries, batch=batch)
    assert written.rows(LOTS) == [("soon", 0, 15, 150)]
    assert written.rows(EXPIRED) == [
        ("soon", 10, 100, "2026-01-01 10:00"),
        ("soon", 5, 50, "2026-01-01 10:00"),
    ]
    assert written.rows("SELECT released_minor FROM lots") == [(300,)]


@BATCHES
def test_what_rolls_over_doesn_t_expire_with_the_rest(written: Written, batch: int) -> None:
    told = ToldLedger(written.settings, "rollover_of_at_most_half")
    written.write(told.entries, batch=batch)
    totals = """
    SELECT customer_id, (remaining / 1000000)::bigint, (expired / 1000000)::bigint,
        breakage_minor::bigint
    FROM totals ORDER BY customer_id
    """
    # Of little's January 150 are left: 100 roll over, 50 expire. Of February 100 expire, and in
    # March so do those that had rolled over: 250 at 10 cents. Of much's January all 50 roll over.
    assert written.rows(totals) == [("little", 300, 250, 2_500), ("much", 300, 150, 1_500)]
