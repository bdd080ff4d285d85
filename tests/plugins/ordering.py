"""Which tests begin first: those that take long, so that no worker is left alone with one."""

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what is marked as long before all else, and leave the rest in its random order."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)
