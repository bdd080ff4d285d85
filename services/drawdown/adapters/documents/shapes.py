"""Shapes: which fields an object of a document has, and how each is read and written.

Amounts are credits as decimal text or integers (never floats), held as micro-credits; quantities
likewise; times are ISO 8601 or integer microseconds; prices are integers of minor units.
"""

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from drawdown.adapters.documents.times import (
    format_duration,
    format_time,
    parse_duration,
    parse_time,
)
from drawdown.domain.numbers import format_decimal, parse_decimal
from drawdown.errors import InvalidDocument

_LONG_MAX: Final = 2**63 - 1
"""What an Avro long holds."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of field: `read` takes a document's value, `write` makes one.

    `read` raises `ValueError` for a wrong value, or `InvalidDocument` when it knows the place.
    """

    read: Callable[[Any, str], Any]
    write: Callable[[Any], Any]
    inner: "Shape | None" = None
    """The shape of the object, or of each object of the list, that it reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The fields of one object: `make` builds the value from those that are given."""

    make: Callable[..., Any]
    fields: Mapping[str, Kind]
    required: frozenset[str] = field(default_factory=frozenset)
    always_written: frozenset[str] = field(default_factory=frozenset)
    """Fields that are written although they are empty."""
    attributes: Mapping[str, str] = field(default_factory=dict)
    """What `make` and the values call a field, where documents call it otherwise."""
    also: Mapping[str, str] = field(default_factory=dict)
    """Other names under which a field is read."""

    def named(self, data: object, where: str) -> Mapping[str, Any]:
        """The fields that `data` gives, by their names. Raises `InvalidDocument`."""
        given = mapping(data, where)
        refuse_unknown((name for name in given if name not in self.also), self.fields, where)
        named = {self.also.get(name, name): value for name, value in given.items()}
        if len(named) < len(given):
            twice = next(name for name in self.also if name in given)
            raise InvalidDocument(f"{where}: {twice} and {self.also[twice]} are one field")
        return named

    def read(self, data: object, where: str) -> Any:
        """The value of `data`. Raises `InvalidDocument` at the first field that is wrong."""
        given = self.named(data, where)
        for name in self.fields:
            if name in self.required and name not in given:
                raise InvalidDocument(f"{where}: {name} is missing")
        names = self.attributes
        return self.make(
            **{names.get(name, name): self.field(name, given[name], where) for name in given}
        )

    def field(self, name: str, value: object, where: str) -> Any:
        """The value of one field."""
        try:
            return self.fields[name].read(value, f"{where}.{name}")
        except ValueError as error:
            raise InvalidDocument(f"{where}: {name}: {error}") from error

    def write(self, value: object) -> dict[str, Any]:
        """The object for `value`, which has the fields as attributes or keys, less empty ones."""
        written = {}
        for name, kind in self.fields.items():
            attribute = self.attributes.get(name, name)
            if isinstance(value, Mapping) and attribute not in value:
                continue
            held = value[attribute] if isinstance(value, Mapping) else getattr(value, attribute)
            if name in self.always_written or held not in (None, "", b"", [], {}):
                written[name] = kind.write(held)
        return written


def mapping(data: object, where: str) -> Mapping[str, Any]:
    """`data` as an object with text keys, or `InvalidDocument`."""
    if not isinstance(data, Mapping):
        raise InvalidDocument(f"{where}: must be an object of named fields, not {data!r:.60}")
    for key in data:
        if not isinstance(key, str):
            raise InvalidDocument(f"{where}: {key!r} must be a name (put it in quotes)")
    return data


def refuse_unknown(given: Iterable[str], known: Iterable[str], where: str) -> None:
    """Raise `InvalidDocument` for the first name that isn't known, with the nearest that is."""
    names = list(known)
    for name in given:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(names)}"
            raise InvalidDocument(f"{where}: {name} is unknown; {hint}")


def _text(value: object, _where: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError(f"{value!r} is no text (put it in quotes)")
    text = str(value)
    # Half a surrogate pair is no Unicode; the error is a ValueError.
    text.encode()
    return text


def _integer(value: object, _where: str) -> int:
    if isinstance(value, str):
        return _long(parse_decimal(value, 0))
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{value!r} is no integer")
    return _long(value)


def _long(value: int) -> int:
    if not -_LONG_MAX <= value <= _LONG_MAX:
        raise ValueError(f"{value} is beyond 64 bits")
    return value


def _decimal(value: object, places: int) -> int:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError(f"{value!r} is no number: write an integer, or a decimal in quotes")
    return _long(parse_decimal(str(value), places))


def _flag(value: object, _where: str) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} is neither true nor false")
    return value


def _texts(value: object, where: str) -> list[str]:
    if not isinstance(value, list):
        raise ValueError(f"{value!r:.60} is no list")
    return [_text(each, where) for each in value]


def _properties(value: object, where: str) -> dict[str, str]:
    return {name: _text(each, where) for name, each in mapping(value, where).items()}


def _quantities(value: object, where: str) -> dict[str, int]:
    return {name: _decimal(each, 6) for name, each in mapping(value, where).items()}


def _same(value: Any) -> Any:
    return value


def decimal(places: int) -> Kind:
    """A decimal, held as an integer of 10⁻ᵖˡᵃᶜᵉˢ and written as text."""
    return Kind(lambda value, _: _decimal(value, places), lambda held: format_decimal(held, places))


def choice(*names: str) -> Kind:
    """One of some names."""

    def read(value: object, _where: str) -> str:
        if value not in names:
            raise ValueError(f"{value!r} is none of {', '.join(names)}")
        return str(value)

    return Kind(read, _same)


def optional(kind: Kind) -> Kind:
    """What `kind` reads, or null."""
    return Kind(
        lambda value, where: None if value is None else kind.read(value, where),
        lambda held: None if held is None else kind.write(held),
        kind.inner,
    )


def nested(shape: Shape) -> Kind:
    """An object within the object."""
    return Kind(shape.read, shape.write, shape)


def several(shape: Shape) -> Kind:
    """A list of objects."""

    def read(value: object, where: str) -> list[Any]:
        if not isinstance(value, list):
            raise ValueError(f"{value!r:.60} is no list")
        return [shape.read(each, f"{where}[{index}]") for index, each in enumerate(value)]

    return Kind(read, lambda held: [shape.write(each) for each in held], shape)


TEXT: Final = Kind(_text, _same)
FLAG: Final = Kind(_flag, _same)
INTEGER: Final = Kind(_integer, _same)
CREDITS: Final = decimal(6)
TIME: Final = Kind(lambda value, _: _long(parse_time(value)), format_time)
DURATION: Final = Kind(lambda value, _: _long(parse_duration(value)), format_duration)
TEXTS: Final = Kind(_texts, list)
PROPERTIES: Final = Kind(_properties, dict)
QUANTITIES: Final = Kind(
    _quantities, lambda held: {name: format_decimal(each, 6) for name, each in held.items()}
)
AMOUNTS: Final = QUANTITIES
"""Credits by name, such as by lot."""
