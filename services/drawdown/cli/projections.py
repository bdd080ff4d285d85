"""The projections that there are, as the command line knows them."""

from dataclasses import dataclass
from typing import Final

from drawdown.balance_projector import __main__ as balance_projector
from drawdown.errors import UsageError
from drawdown.expiration_projector import __main__ as expiration_projector
from drawdown.projection.projection import Build
from drawdown.revenue_projector import __main__ as revenue_projector


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """How a projection is made, as its service makes it."""

    build: Build
    late_indexes: tuple[str, ...] = ()
    """Indexes that only readers need: a rebuild builds them when all rows are there."""


PROJECTIONS: Final = {
    "balance": Known(build=balance_projector.build, late_indexes=("entries_by_account",)),
    "expiration": Known(
        build=expiration_projector.build,
        late_indexes=("lots_by_expiry", "lots_by_position", "expirations_by_time"),
    ),
    "revenue": Known(build=revenue_projector.build, late_indexes=("days_by_change",)),
}


def known(name: str) -> Known:
    """A projection by its short name. Raises `UsageError`."""
    if name not in PROJECTIONS:
        raise UsageError(f"no projection is called {name!r}: {', '.join(sorted(PROJECTIONS))}")
    return PROJECTIONS[name]
