"""ISO weeks in a zone."""

import pytest

from drawdown.adapters.documents.times import format_time, parse_time
from drawdown.errors import InvalidSetting
from drawdown.statements.weeks import weeks_between

HOUR_US = 3_600_000_000


def test_weeks_begin_on_the_zones_mondays_and_may_have_an_hour_more() -> None:
    start, until = parse_time("2026-10-18T22:00:00Z"), parse_time("2026-11-01T23:00:00Z")
    weeks = weeks_between(start, until, "Europe/Berlin")
    assert [each.name for each in weeks] == ["2026-W43", "2026-W44"]
    assert [format_time(each.starts_at) for each in weeks] == [
        "2026-10-18T22:00:00Z",
        "2026-10-25T23:00:00Z",
    ]
    hours = [(each.ends_at - each.starts_at) // HOUR_US for each in weeks]
    assert hours == [7 * 24 + 1, 7 * 24]


def test_a_week_that_began_before_the_window_is_no_part_of_it() -> None:
    start = parse_time("2026-12-28T00:00:01Z")
    [week] = weeks_between(start, parse_time("2027-01-05T00:00:00Z"), "UTC")
    assert (week.name, format_time(week.starts_at)) == ("2027-W01", "2027-01-04T00:00:00Z")


def test_an_unknown_zone_is_said() -> None:
    with pytest.raises(InvalidSetting, match="Mars/Olympus"):
        weeks_between(0, 1, "Mars/Olympus")
