"""`python -m drawdown.revenue_projector`: composition root and entry point."""

from typing import NoReturn

from drawdown.adapters.avro.wire import Wire
from drawdown.adapters.zones import zone_named
from drawdown.projection import service
from drawdown.revenue_projector.projection import RevenueProjection
from drawdown.revenue_projector.publication import RevenuePublication
from drawdown.settings import Settings

SERVICE = "revenue_projector"


def build(settings: Settings) -> RevenueProjection:
    """The projection as the settings want it. Raises `InvalidSetting`."""
    zone = zone_named(settings.reporting_zone)
    header = Wire(settings).header("revenue")
    return RevenueProjection(zone=zone, publication=RevenuePublication(header))


def main() -> NoReturn:
    """Run until SIGTERM or SIGINT. Exits with the code of the error that ended it."""
    service.main(SERVICE, build)


if __name__ == "__main__":
    main()
