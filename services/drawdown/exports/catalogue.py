"""Every dataset, by the name under which it is exported. A line each."""

from collections.abc import Mapping
from typing import Final

from drawdown.errors import UsageError
from drawdown.exports import balance, expiration, revenue
from drawdown.exports.datasets import Dataset

DATASETS: Final[Mapping[str, Dataset]] = {
    each.name: each
    for each in (
        balance.ENTRIES,
        balance.BALANCES,
        balance.LOTS,
        balance.HOLDS,
        balance.USAGE_DAILY,
        balance.USAGE_HOURLY,
        balance.BALANCES_BY_KIND,
        expiration.EXPIRATIONS,
        expiration.REMINDERS,
        revenue.REVENUE,
        revenue.REVENUE_LOTS,
        revenue.PROMOTIONAL,
    )
}


def dataset(name: str) -> Dataset:
    """The dataset of that name. Raises `UsageError` naming those there are."""
    found = DATASETS.get(name)
    if found is None:
        raise UsageError(f"nothing is exported as {name!r}; there are {', '.join(DATASETS)}")
    return found
