"""`python -m drawdown.expiration_projector`: composition root and entry point."""

from typing import NoReturn

from drawdown.adapters.avro.wire import Wire
from drawdown.adapters.weeks import Weeks
from drawdown.expiration_projector.projection import ExpirationProjection
from drawdown.expiration_projector.publication import ExpirationPublication
from drawdown.projection import service
from drawdown.settings import Settings

SERVICE = "expiration_projector"


def build(settings: Settings) -> ExpirationProjection:
    """The projection as the settings want it. Raises `InvalidSetting`."""
    return ExpirationProjection(
        week_of=Weeks(settings.reporting_zone), publication=ExpirationPublication(Wire(settings))
    )


def main() -> NoReturn:
    """Run until SIGTERM or SIGINT. Exits with the code of the error that ended it."""
    service.main(SERVICE, build)


if __name__ == "__main__":
    main()
