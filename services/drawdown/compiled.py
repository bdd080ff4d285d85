"""Which modules mypyc compiles, whether they run compiled, and whether that is still the code.

An extension carries the digests of the sources it was made of, so that one that lags behind them
is found. `DRAWDOWN_PURE=1` runs the sources whatever was compiled. `deploy/build/compile.py`
loads this file by its path: it imports nothing of the package.
"""

import hashlib
import json
import os
import sys
from collections.abc import Sequence
from importlib.machinery import (
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    FileFinder,
    ModuleSpec,
    SourceFileLoader,
)
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Final, Literal

GROUP: Final = "drawdown"
MARK: Final = b"drawdown compiled of "
"""Before the digests, a JSON object that a zero byte ends, in the shared library of the group."""
PURE_VARIABLE: Final = "DRAWDOWN_PURE"
_ROOT: Final = Path(__file__).resolve().parents[1]
_WITNESS: Final = "drawdown.domain.numbers"
_PATTERNS: Final = (
    "drawdown/domain/*.py",
    "drawdown/adapters/avro/codec.py",
    "drawdown/adapters/avro/hashing.py",
    "drawdown/adapters/avro/reading.py",
    "drawdown/adapters/avro/wire.py",
    "drawdown/adapters/avro/writing.py",
    "drawdown/adapters/avro/generated/*.py",
    "drawdown/adapters/kafka/records.py",
    "drawdown/adapters/local_state/charge_rows.py",
    "drawdown/adapters/local_state/rows.py",
    "drawdown/adapters/local_state/shelf.py",
    "drawdown/adapters/postgres/literals.py",
    "drawdown/balance_projector/*_rows.py",
    "drawdown/ledger_processor/deciding.py",
    "drawdown/ledger_processor/folding.py",
    "drawdown/ledger_processor/input_reader.py",
    "drawdown/ledger_processor/outbox.py",
    "drawdown/projection/lot_movements.py",
    "drawdown/projection/sequence.py",
    "drawdown/revenue_projector/*_rows.py",
    "drawdown/revenue_projector/days.py",
    "drawdown/revenue_projector/figures.py",
    "drawdown/revenue_projector/postings.py",
)


class SourcesOnly:
    """An importer that offers the package's sources and never its extensions."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The source of a module of `drawdown`; None for all others."""
        if not name.startswith("drawdown."):
            return None
        for folder in path or ():
            finder = FileFinder(folder, (SourceFileLoader, SOURCE_SUFFIXES))
            if spec := finder.find_spec(name, target):
                return spec
        return None


def obey_environment() -> None:
    """Keep extensions from being imported where `DRAWDOWN_PURE` is set, and not to 0."""
    if os.environ.get(PURE_VARIABLE, "0") not in ("", "0"):
        sys.meta_path.insert(0, SourcesOnly)


def runtime() -> Literal["compiled", "pure"]:
    """Whether the hot path runs compiled in this process."""
    spec = find_spec(_WITNESS)
    assert spec is not None
    return "pure" if (spec.origin or "").endswith(".py") else "compiled"


def stale(root: Path = _ROOT) -> list[str]:
    """What was compiled and has changed since, by path; empty where nothing was compiled."""
    library = library_path(root)
    if not library.exists():
        return []
    now, then = digests(root), carried(library)
    return sorted(path for path in now | then if now.get(path) != then.get(path))


def sources(root: Path) -> list[Path]:
    """The modules to compile, below the folder that holds the package."""
    found = [path for pattern in _PATTERNS for path in sorted(root.glob(pattern))]
    return [
        path for path in found if path.name != "__init__.py" and not path.stem.endswith("_pure")
    ]


def digests(root: Path) -> dict[str, str]:
    """Each source's SHA-256, by its path below `root`."""
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sources(root)
    }


def library_path(root: Path) -> Path:
    """The shared library in which all compiled modules live."""
    return root / f"{GROUP}__mypyc{EXTENSION_SUFFIXES[0]}"


def carried(library: Path) -> dict[str, str]:
    """The digests that a library carries; empty where it carries none."""
    _, mark, rest = library.read_bytes().partition(MARK)
    if not mark:
        return {}
    found: dict[str, str] = json.loads(rest[: rest.index(b"\0")])
    return found
