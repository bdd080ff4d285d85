"""What the `drawdown[local]` extra installs, looked up only when it is needed."""

import importlib
import importlib.util
from pathlib import Path
from types import ModuleType

from drawdown.errors import LocalSetupFailed


def load(module: str) -> ModuleType:
    """A module of the extra. Raises `LocalSetupFailed` saying how to install it."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise _missing(module) from error


def folder(module: str) -> Path:
    """The folder of a package of the extra, found without running any of its code."""
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise _missing(module)
    return Path(spec.origin).parent


def _missing(module: str) -> LocalSetupFailed:
    return LocalSetupFailed(
        f"the embedded services need the package {module!r}: pip install 'drawdown[local]', "
        "or set KAFKA_BOOTSTRAP_SERVERS and DATABASE_URL"
    )
