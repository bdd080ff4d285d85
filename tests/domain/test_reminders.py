"""Reminders of credits that will expire: which are due, and when none is."""

from drawdown.domain.entries import EntryFacts
from drawdown.domain.inputs import ChangeExpiry, CommandBody, Freeze, PlaceHold, Unfreeze, Void
from drawdown.domain.numbers import DAY_US, MINUTE_US, NEVER
from drawdown.domain.reminders import Agenda, Digest, Week, digests, reminders
from tests.domain.building import CREDIT, T, World, card, command

END = T + 40 * DAY_US
WEEK = Week(name="2026-W06", starts_at=T + 35 * DAY_US, ends_at=T + 42 * DAY_US)


def facts_of(world: World) -> list[EntryFacts]:
    return [each.facts for each in world.log if each.facts.customer_id == "acme"]


def due(world: World, start: int = T, until: int = NEVER) -> list[tuple[str, int, float]]:
    """Lot, days before, and the day on which it is due."""
    found = reminders(facts_of(world), start, until)
    assert all(each.due_at == each.expires_at - each.days * DAY_US for each in found)
    return [(each.lot_id, each.days, (each.due_at - T) / DAY_US) for each in found]


def told(world: World, *weeks: Week) -> list[Digest]:
    """The digests of these weeks."""

    def week_of(at: int) -> Week | None:
        return next((each for each in weeks if each.starts_at <= at < each.ends_at), None)

    agenda = Agenda(week_of)
    for facts in facts_of(world):
        agenda.look_at(facts)
    agenda.finish()
    return digests(agenda.told, week_of)


def ask(world: World, body: CommandBody, at: int) -> None:
    name = f"{type(body).__name__} {len(world.log)}"
    assert world.decide(command(body, name, issued_at=at), at).outcome == "accepted"


def world_with_lot(expires_at: int | None = END) -> World:
    world = World(card())
    world.grant("g", 5 * CREDIT, T, expires_at=expires_at)
    return world


def test_thirty_seven_and_one_days_before() -> None:
    world = world_with_lot()
    assert due(world) == [("g", 30, 10), ("g", 7, 33), ("g", 1, 39)]
    [first, *_] = reminders(facts_of(world), T, NEVER)
    assert (first.customer_id, first.unit, first.amount) == ("acme", "credit", 5 * CREDIT)


def test_the_window_is_half_open() -> None:
    world = world_with_lot()
    assert due(world, T + 10 * DAY_US, T + 33 * DAY_US) == [("g", 30, 10)]
    assert due(world, T + 10 * DAY_US + 1, T + 33 * DAY_US + 1) == [("g", 7, 33)]


def test_a_lot_that_never_expires_has_none() -> None:
    assert due(world_with_lot(None)) == []


def test_those_that_had_passed_at_grant_are_skipped() -> None:
    assert due(world_with_lot(T + 20 * DAY_US)) == [("g", 7, 13), ("g", 1, 19)]
    assert due(world_with_lot(T + 7 * DAY_US)) == [("g", 1, 6)]
    assert due(world_with_lot(T + DAY_US)) == []


def test_a_changed_date_has_its_own_and_those_that_had_passed_are_skipped() -> None:
    world = world_with_lot()
    ask(world, ChangeExpiry(lot_id="g", expires_at=T + 60 * DAY_US), T + 35 * DAY_US)
    assert due(world) == [("g", 30, 10), ("g", 7, 33), ("g", 7, 53), ("g", 1, 59)]


def test_a_date_set_back_is_told_once() -> None:
    world = world_with_lot()
    ask(world, ChangeExpiry(lot_id="g", expires_at=None), T + DAY_US)
    ask(world, ChangeExpiry(lot_id="g", expires_at=END), T + 2 * DAY_US)
    assert due(world) == [("g", 30, 10), ("g", 7, 33), ("g", 1, 39)]


def test_what_was_due_while_the_date_was_another_is_not_told_later() -> None:
    world = world_with_lot()
    ask(world, ChangeExpiry(lot_id="g", expires_at=None), T + 9 * DAY_US)
    ask(world, ChangeExpiry(lot_id="g", expires_at=END), T + 11 * DAY_US)
    assert due(world) == [("g", 7, 33), ("g", 1, 39)]


def test_frozen_lots_have_none_and_their_date_moves() -> None:
    world = world_with_lot()
    ask(world, Freeze(lot_id="g"), T + 5 * DAY_US)
    assert due(world) == []
    ask(world, Unfreeze(lot_id="g"), T + 15 * DAY_US)
    assert due(world) == [("g", 30, 20), ("g", 7, 43), ("g", 1, 49)]


def test_what_is_used_up_or_reserved_is_not_reminded_of() -> None:
    world = world_with_lot()
    ask(world, Void(lot_id="g", amount=2 * CREDIT), T + 20 * DAY_US)
    at = T + 38 * DAY_US
    hold = PlaceHold(hold_id="h", amount=3 * CREDIT, meter="tokens", expires_at=at + DAY_US)
    amounts = [each.amount // CREDIT for each in reminders(facts_of(world), T, at)]
    assert amounts == [5, 3]
    ask(world, hold, at + MINUTE_US)
    assert due(world) == [("g", 30, 10), ("g", 7, 33)]


def test_a_reminder_due_at_the_moment_of_an_entry_sees_what_it_did() -> None:
    world = world_with_lot()
    ask(world, Void(lot_id="g"), T + 10 * DAY_US)
    assert due(world) == []


def test_a_digest_tells_what_expires_in_its_week_soonest_first() -> None:
    world = world_with_lot()
    world.grant("sooner", 2 * CREDIT, T, expires_at=T + 36 * DAY_US)
    world.grant("next week", 9 * CREDIT, T, expires_at=WEEK.ends_at)
    [digest] = told(world, WEEK)
    assert [each.lot_id for each in digest.expiring] == ["sooner", "g"]
    assert (digest.amount, digest.week.name) == (7 * CREDIT, "2026-W06")
    assert (digest.customer_id, digest.unit) == ("acme", "credit")


def test_a_week_in_which_nothing_expires_has_no_digest() -> None:
    world = world_with_lot()
    before = Week(name="2026-W05", starts_at=T + 28 * DAY_US, ends_at=WEEK.starts_at)
    assert told(world, before, WEEK) == told(world, WEEK)
    ask(world, Freeze(lot_id="g"), T + 30 * DAY_US)
    assert told(world, before, WEEK) == []


def test_a_digest_knows_what_its_start_knew() -> None:
    world = world_with_lot()
    ask(world, Void(lot_id="g"), WEEK.starts_at + 1)
    later = Week(name="2026-W07", starts_at=WEEK.ends_at, ends_at=WEEK.ends_at + 7 * DAY_US)
    assert [each.week.name for each in told(world, WEEK, later)] == ["2026-W06"]
    early = Week(name="2025-W52", starts_at=T - 7 * DAY_US, ends_at=T)
    assert told(world, early) == []


def test_nobody_has_none() -> None:
    assert reminders([], T, END) == []
    assert digests([], lambda _: WEEK) == []
