"""The folder of real traces and price tables that some tests play; it isn't in the repository."""

import os
from pathlib import Path

import pytest

_ROOT = Path(__file__).parent.parent


def real_data(name: str) -> Path:
    """A file of that folder. A test whose data are absent fails and says how to get on."""
    folder = _ROOT / os.environ.get("DRAWDOWN_DATA", "../shared/data")
    path = folder / name
    if not path.exists():
        pytest.fail(f"{path} isn't there: set DRAWDOWN_DATA to the folder that holds {name}")
    return path
