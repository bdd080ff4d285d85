"""The text of rate cards, YAML or JSON, as plain values: numbers with a point stay text, marked.

A name given twice in one object is refused, for one of the two prices would silently be lost.
"""

import json
import re
from pathlib import Path
from typing import Any, Final

import yaml

from drawdown.errors import InvalidDocument

_Loader: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Dumper: Final[Any] = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
"""libyaml's, where PyYAML was built with it: a card of 10,000 lines takes 10 × less."""

_TAG: Final = "tag:yaml.org,2002:"


class Unquoted(str):
    """A number with a point or an exponent that stood without quotes."""

    __slots__ = ()


class _CardLoader(_Loader):  # type: ignore[misc]  # The base is chosen at run time.
    """Text, integers, true, false and null; `no` is a word and `2026-01-01` no object."""

    yaml_implicit_resolvers: Final[dict[str, list[tuple[str, re.Pattern[str]]]]] = {}

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Merge what `<<` names; before, each name must stand once."""
        checked: set[int] = self.__dict__.setdefault("checked", set())
        if id(node) not in checked:
            checked.add(id(node))
            names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
            twice = _first_repeated(names)
            if twice is not None:
                line = node.start_mark.line + 1
                raise yaml.YAMLError(f"{twice!r} is given twice in the object at line {line}")
        super().flatten_mapping(node)


for _name, _pattern, _first in (
    ("bool", r"^(?:true|false)$", "tf"),
    ("int", r"^[-+]?(?:0|[1-9][0-9]*)$", "-+0123456789"),
    (
        "float",
        r"^[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?$",
        "-+.0123456789",
    ),
    ("null", r"^(?:~|null|)$", ["~", "n", ""]),
    ("merge", r"^(?:<<)$", "<"),
):
    _CardLoader.add_implicit_resolver(_TAG + _name, re.compile(_pattern), list(_first))
_CardLoader.add_constructor(_TAG + "float", lambda _, node: Unquoted(node.value))


def read_text(path: Path) -> Any:
    """The value of a JSON (by its name) or YAML file. Raises `InvalidDocument`."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidDocument(f"{path}: can't be read: {error}") from error
    try:
        if path.suffix == ".json":
            return json.loads(text, parse_float=Unquoted, object_pairs_hook=_once_each)
        return yaml.load(text, _CardLoader)  # A safe loader with fewer guesses.
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        problem = " ".join(str(error).split())
        raise InvalidDocument(f"{path}: can't be understood: {problem}") from error


def write_text(document: dict[str, Any], path: Path) -> None:
    """Write a document as JSON (by its name) or YAML. Raises `InvalidDocument`."""
    try:
        path.write_text(format_text(document, as_json=path.suffix == ".json"), encoding="utf-8")
    except OSError as error:
        raise InvalidDocument(f"{path}: can't be written: {error}") from error


def format_text(document: dict[str, Any], *, as_json: bool = False) -> str:
    """The text of a document."""
    if as_json:
        return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    text: str = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return text


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    twice = _first_repeated([name for name, _ in pairs])
    if twice is not None:
        raise ValueError(f"{twice!r} is given twice in one object")
    return made


def _first_repeated(names: list[str]) -> str | None:
    if len(set(names)) == len(names):
        return None
    return next(name for place, name in enumerate(names) if name in names[:place])
