"""`python -m drawdown.balance_projector`: composition root and entry point."""

import sys
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import structlog

from drawdown.adapters.avro.wire import Wire
from drawdown.balance_projector.projection import BalanceProjection
from drawdown.balance_projector.publication import BalancePublication
from drawdown.errors import DrawdownError, InvalidSetting, RetryableError
from drawdown.local.discovery import resolved
from drawdown.projection import service
from drawdown.settings import Settings, current

SERVICE = "balance_projector"


def build(settings: Settings) -> BalanceProjection:
    """The projection as the settings want it. Raises `InvalidSetting`."""
    try:
        zone = ZoneInfo(settings.reporting_zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise InvalidSetting(
            f"DRAWDOWN_REPORTING_ZONE {settings.reporting_zone!r} is no time zone"
        ) from error
    return BalanceProjection(zone=zone, publication=BalancePublication(Wire(settings)))


def main() -> None:
    """Run until SIGTERM or SIGINT. Exits with the code of the error that ended it."""
    try:
        settings = resolved(current())
        service.run(settings, SERVICE, build(settings))
    except DrawdownError as error:
        retry = isinstance(error, RetryableError)
        structlog.get_logger().error("ended", reason=str(error), retry=retry)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
