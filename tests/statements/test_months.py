"""Months and days in a zone."""

from zoneinfo import ZoneInfo

import pytest

from drawdown.adapters.documents.times import format_time, parse_time
from drawdown.adapters.zones import zone_named
from drawdown.errors import InvalidSetting, UsageError
from drawdown.statements.months import day_of, month_of

BERLIN = ZoneInfo("Europe/Berlin")
HOUR_US = 3_600_000_000


def test_a_month_begins_at_the_zones_midnight_and_may_have_an_hour_more() -> None:
    october = month_of("2026-10", BERLIN)
    assert format_time(october.starts_at) == "2026-09-30T22:00:00Z"
    assert format_time(october.ends_at) == "2026-10-31T23:00:00Z"
    assert (october.ends_at - october.starts_at) // HOUR_US == 31 * 24 + 1


def test_december_ends_with_the_year() -> None:
    december = month_of("2026-12", ZoneInfo("UTC"))
    assert format_time(december.ends_at) == "2027-01-01T00:00:00Z"


@pytest.mark.parametrize(
    "text", ["", "2026", "2026-1", "2026-13", "0000-01", "9999-12", "november"]
)
def test_what_is_no_month_is_said(text: str) -> None:
    with pytest.raises(UsageError, match="is no month"):
        month_of(text, BERLIN)


def test_a_day_is_the_zones() -> None:
    at = parse_time("2026-11-24T23:30:00Z")
    assert (day_of(at, BERLIN), day_of(at, ZoneInfo("UTC"))) == ("2026-11-25", "2026-11-24")


def test_an_unknown_zone_is_said() -> None:
    with pytest.raises(InvalidSetting, match="Mars/Olympus"):
        zone_named("Mars/Olympus")
