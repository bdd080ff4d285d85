"""The schema files: `<name>.v<version>.avsc`, in the wheel or in the repository's `schemas/`."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from drawdown.errors import FatalError


@dataclass(frozen=True, kw_only=True)
class SchemaFile:
    """One version of one schema, as it stands in its file."""

    name: str
    version: int
    path: Path
    definition: dict[str, Any]

    @property
    def label(self) -> str:
        """`name.v<version>`, its key in `ids.yaml`."""
        return f"{self.name}.v{self.version}"


@cache
def folder() -> Path:
    """`schemas/`: beside the code in a wheel, in the repository for an editable install."""
    here = Path(__file__).resolve()
    for each in (here.parents[2] / "schemas", here.parents[4] / "schemas"):
        if (each / "ids.yaml").exists():
            return each
    raise FatalError("the schema files are missing: install drawdown again")


@cache
def versions() -> tuple[SchemaFile, ...]:
    """Every version of every schema, by name and ascending version."""
    found = [_read(path) for path in folder().glob("*.avsc")]
    return tuple(sorted(found, key=lambda each: (each.name, each.version)))


def newest(name: str) -> SchemaFile:
    """The version that is written. Raises `KeyError` where there is no such schema."""
    of_name = [each for each in versions() if each.name == name]
    if not of_name:
        raise KeyError(f"no schema is named {name}")
    return of_name[-1]


def _read(path: Path) -> SchemaFile:
    name, version = path.name.removesuffix(".avsc").rsplit(".v", 1)
    definition = json.loads(path.read_text("utf-8"))
    return SchemaFile(name=name, version=int(version), path=path, definition=definition)
