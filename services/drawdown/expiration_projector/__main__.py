"""`python -m drawdown.expiration_projector`: composition root and entry point."""

import sys

import structlog

from drawdown.adapters.avro.wire import Wire
from drawdown.adapters.weeks import Weeks
from drawdown.errors import DrawdownError, RetryableError
from drawdown.expiration_projector.projection import ExpirationProjection
from drawdown.expiration_projector.publication import ExpirationPublication
from drawdown.local.discovery import resolved
from drawdown.projection import service
from drawdown.settings import Settings, current

SERVICE = "expiration_projector"


def build(settings: Settings) -> ExpirationProjection:
    """The projection as the settings want it. Raises `InvalidSetting`."""
    return ExpirationProjection(
        week_of=Weeks(settings.reporting_zone), publication=ExpirationPublication(Wire(settings))
    )


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
