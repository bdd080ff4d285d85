"""The reporting zone, by its name."""

from zoneinfo import ZoneInfo

from drawdown.errors import InvalidSetting


def zone_named(name: str) -> ZoneInfo:
    """The zone whose days, weeks and months reports use. Raises `InvalidSetting`."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise InvalidSetting(f"DRAWDOWN_REPORTING_ZONE {name!r} is no time zone") from error
