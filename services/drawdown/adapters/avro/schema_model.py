"""An Avro schema as values that the generator walks; only what our schemas use."""

from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final

from drawdown.domain import entries, inputs, rate_cards, replies

DOMAIN: Final[tuple[ModuleType, ...]] = (rate_cards, entries, inputs, replies)

REPEATING: Final = frozenset(
    (
        "namespace",
        "unit",
        "meter",
        "line_id",
        "quantity",
        "currency",
        "actor",
        "rate_card",
        "reason",
    )
)
"""Fields of few different strings: their encoded forms are remembered, as map keys are."""


@dataclass(frozen=True)
class Primitive:
    """`long`, `string`, `bytes` or `boolean`."""

    name: str


@dataclass(frozen=True)
class Fixed:
    """So many bytes."""

    size: int


@dataclass(frozen=True)
class Enum:
    """One of some symbols."""

    name: str
    symbols: tuple[str, ...]


@dataclass(frozen=True)
class Array:
    """A list of items."""

    items: "Type"


@dataclass(frozen=True)
class Map:
    """A `dict` from strings; written with ascending keys."""

    values: "Type"


@dataclass(frozen=True)
class Optional:
    """`["null", T]`."""

    item: "Type"


@dataclass(frozen=True)
class Union:
    """One of some records."""

    branches: tuple["Record", ...]


@dataclass(frozen=True)
class Record:
    """The fields of a class of the domain, in their order."""

    name: str
    fields: tuple[tuple[str, "Type"], ...]

    @property
    def domain_class(self) -> type:
        """The class of the same name. Raises `KeyError` where there is none."""
        for module in DOMAIN:
            found = vars(module).get(self.name)
            if isinstance(found, type):
                return found
        raise KeyError(f"the domain has no class {self.name}")


Type = Primitive | Fixed | Enum | Array | Map | Optional | Union | Record


def parse(definition: dict[str, Any]) -> Record:
    """The model of a schema file's definition."""
    root = _parse(definition, {})
    assert isinstance(root, Record)
    return root


def _parse(node: Any, known: dict[str, Type]) -> Type:
    if isinstance(node, list):
        if node[0] == "null":
            return Optional(_parse(node[1], known))
        branches = [_parse(each, known) for each in node]
        return Union(tuple(each for each in branches if isinstance(each, Record)))
    if isinstance(node, str):
        return known[node] if node in known else Primitive(node)
    match node["type"]:
        case "array":
            return Array(_parse(node["items"], known))
        case "map":
            return Map(_parse(node["values"], known))
        case "record":
            fields = tuple((each["name"], _parse(each["type"], known)) for each in node["fields"])
            return known.setdefault(node["name"], Record(node["name"], fields))
        case "enum":
            return known.setdefault(node["name"], Enum(node["name"], tuple(node["symbols"])))
        case "fixed":
            return known.setdefault(node["name"], Fixed(node["size"]))
        case _:
            return Primitive(node["type"])


def records_of(root: Record) -> list[Record]:
    """The record and all within it, each once, parts before what they are part of."""
    found: dict[str, Record] = {}
    for _, each in root.fields:
        found |= {record.name: record for record in _records_in(each)}
    return list((found | {root.name: root}).values())


def types_of(records: list[Record]) -> Iterator[Type]:
    """The types of the records' fields, and those within them short of other records' fields."""
    for record in records:
        for _, each in record.fields:
            yield from _flat(each)


def _flat(each: Type) -> Iterator[Type]:
    yield each
    match each:
        case Array(inner) | Map(inner) | Optional(inner):
            yield from _flat(inner)
        case Union(branches):
            yield from branches
        case _:
            pass


def _records_in(each: Type) -> list[Record]:
    return [
        found for inner in _flat(each) if isinstance(inner, Record) for found in records_of(inner)
    ]
