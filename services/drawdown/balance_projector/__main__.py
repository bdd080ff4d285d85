"""`python -m drawdown.balance_projector`: composition root and entry point."""

from typing import NoReturn

from drawdown.adapters.avro.wire import Wire
from drawdown.adapters.zones import zone_named
from drawdown.balance_projector.projection import BalanceProjection
from drawdown.balance_projector.publication import BalancePublication
from drawdown.projection import service
from drawdown.settings import Settings

SERVICE = "balance_projector"


def build(settings: Settings) -> BalanceProjection:
    """The projection as the settings want it. Raises `InvalidSetting`."""
    zone = zone_named(settings.reporting_zone)
    return BalanceProjection(zone=zone, publication=BalancePublication(Wire(settings)))


def main() -> NoReturn:
    """Run until SIGTERM or SIGINT. Exits with the code of the error that ended it."""
    service.main(SERVICE, build)


if __name__ == "__main__":
    main()
