"""Periods: days, weeks, months and years from an anchor, in UTC."""

from datetime import UTC, datetime

import pytest

from drawdown.domain.entries import Period, RecurringGrant
from drawdown.domain.numbers import DAY_US, SECOND_US
from drawdown.domain.periods import iso_of, month_of, next_start, period_end, start_of


def at(text: str) -> int:
    """An instant in µs."""
    moment = datetime.fromisoformat(text).replace(tzinfo=UTC)
    return int(moment.timestamp()) * SECOND_US + moment.microsecond


def grant(anchor: str, period: Period, every: int = 1) -> RecurringGrant:
    return RecurringGrant(amount=1, anchor=at(anchor), period=period, every=every)


@pytest.mark.parametrize(
    ("anchor", "period", "every", "starts"),
    [
        ("2026-03-28", "day", 1, ["2026-03-28", "2026-03-29", "2026-03-30"]),
        ("2026-03-28", "day", 10, ["2026-03-28", "2026-04-07"]),
        ("2026-01-05", "week", 1, ["2026-01-05", "2026-01-12"]),
        ("2026-01-05", "week", 2, ["2026-01-05", "2026-01-19"]),
        ("2026-01-31", "month", 1, ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"]),
        ("2026-11-30", "month", 1, ["2026-11-30", "2026-12-30", "2027-01-30", "2027-02-28"]),
        ("2025-12-15", "month", 3, ["2025-12-15", "2026-03-15", "2026-06-15"]),
        ("2024-02-29", "year", 1, ["2024-02-29", "2025-02-28", "2026-02-28", "2027-02-28"]),
        ("2024-02-29", "year", 4, ["2024-02-29", "2028-02-29"]),
    ],
)
def test_starts_keep_the_anchors_day_or_take_the_months_last(
    anchor: str, period: Period, every: int, starts: list[str]
) -> None:
    each = grant(anchor, period, every)
    assert [start_of(each, number) for number in range(len(starts))] == [at(s) for s in starts]


def test_an_anchor_keeps_its_time_to_the_microsecond() -> None:
    each = grant("2026-01-31T23:59:59.999999", "month")
    assert start_of(each, 1) == at("2026-02-28T23:59:59.999999")


@pytest.mark.parametrize(
    ("since", "after", "start"),
    [
        ("2026-01-01", "1970-01-01", "2026-01-31"),
        ("2026-01-31", "1970-01-01", "2026-01-31"),
        ("2026-01-31T00:00:00.000001", "1970-01-01", "2026-02-28"),
        ("2026-01-01", "2026-01-31", "2026-02-28"),
        ("2026-01-01", "2026-02-27", "2026-02-28"),
        ("2026-07-31", "2026-02-28", "2026-07-31"),
        ("2030-05-02", "1970-01-01", "2030-05-31"),
    ],
)
def test_the_next_start_is_the_first_at_or_after_since_and_after_the_last(
    since: str, after: str, start: str
) -> None:
    assert next_start(grant("2026-01-31", "month"), at(since), at(after)) == at(start)


@pytest.mark.parametrize("number", range(1, 40))
def test_every_start_is_followed_by_the_next_one(number: int) -> None:
    each = grant("2026-01-31", "month")
    before = start_of(each, number - 1)
    assert next_start(each, 0, before) == start_of(each, number)
    assert next_start(each, 0, before - 1) == before
    assert period_end(each, before) == start_of(each, number)


def test_centuries_of_days_are_found_at_once() -> None:
    each = grant("1970-01-01", "day")
    assert next_start(each, at("2169-12-31"), 0) == at("2169-12-31")
    assert next_start(each, at("2169-12-31") + 1, 0) == at("2169-12-31") + DAY_US


def test_months_are_utcs() -> None:
    assert month_of(at("2026-01-31T23:59:59.999999")) == "2026-01"
    assert month_of(at("2026-02-01")) == "2026-02"


def test_moments_in_ids() -> None:
    assert iso_of(at("2026-02-01T03:04:05")) == "2026-02-01T03:04:05Z"
    assert iso_of(at("2026-02-01T03:04:05.000070")) == "2026-02-01T03:04:05.000070Z"
