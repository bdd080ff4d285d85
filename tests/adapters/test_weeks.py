"""ISO weeks in a zone."""

import pytest

from drawdown.adapters.documents.times import format_time, parse_time
from drawdown.adapters.weeks import Weeks
from drawdown.domain.numbers import NEVER
from drawdown.domain.reminders import Week
from drawdown.errors import InvalidSetting

HOUR_US = 3_600_000_000


def week_of(at: str, zone: str) -> Week:
    week = Weeks(zone)(parse_time(at))
    assert week is not None
    return week


def test_weeks_begin_on_the_zones_mondays_and_may_have_an_hour_more() -> None:
    weeks = [week_of(f"2026-{at}:00:00Z", "Europe/Berlin") for at in ("10-25T22", "10-25T23")]
    assert [each.name for each in weeks] == ["2026-W43", "2026-W44"]
    assert [format_time(each.starts_at) for each in weeks] == [
        "2026-10-18T22:00:00Z",
        "2026-10-25T23:00:00Z",
    ]
    hours = [(each.ends_at - each.starts_at) // HOUR_US for each in weeks]
    assert hours == [7 * 24 + 1, 7 * 24]


def test_a_week_begins_at_its_start_and_ends_before_the_next() -> None:
    before, at = week_of("2027-01-03T23:59:59Z", "UTC"), week_of("2027-01-04T00:00:00Z", "UTC")
    assert (before.name, at.name) == ("2026-W53", "2027-W01")
    assert before.ends_at == at.starts_at == parse_time("2027-01-04T00:00:00Z")


def test_beyond_the_calendar_s_end_there_are_no_weeks() -> None:
    assert Weeks("Asia/Tokyo")(NEVER - 1) is None
    assert week_of("9999-11-30T00:00:00Z", "Asia/Tokyo").name == "9999-W48"


def test_an_unknown_zone_is_said() -> None:
    with pytest.raises(InvalidSetting, match="Mars/Olympus"):
        Weeks("Mars/Olympus")
