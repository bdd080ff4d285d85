"""Fields of a command as arguments and options of the command line, and back into a document."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final

import typer

from drawdown.adapters.documents.meanings import meaning
from drawdown.adapters.documents.shapes import (
    FLAG,
    PROPERTIES,
    QUANTITIES,
    TEXTS,
    Kind,
    Shape,
)
from drawdown.adapters.documents.times import parse_duration
from drawdown.cli.session import now_us
from drawdown.domain.currencies import places_of
from drawdown.domain.numbers import parse_decimal
from drawdown.errors import UsageError

_OPTIONS: Final = {
    "effective_at": "effective",
    "event_id": "event",
    "expires_at": "expires",
    "list_price_minor": "list_price",
    "lot_id": "lot",
    "meters": "meter",
    "occurred_at": "occurred",
    "opens_at": "opens",
    "payment_id": "payment",
    "price_minor": "price",
    "properties": "property",
    "quantities": "quantity",
    "referral_id": "referral",
    "voids_at": "voids",
}
"""What an option is called where its field's name is longer than people care to write."""
_FLAT: Final = ("usage", "policy")
"""Objects whose fields are options of their own."""
_NEVER: Final = "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedField:
    """One field: where it stands in the document, and the parameter that gives it."""

    path: tuple[str, ...]
    parameter: str
    kind: Kind
    annotation: Any
    default: Any

    def put(self, given: dict[str, Any], body: dict[str, Any]) -> None:
        """Put what was given into the document; nothing where nothing was."""
        value = given[self.parameter]
        if value is None or value == "" or value == []:
            return
        *groups, name = self.path
        for group in groups:
            body = body.setdefault(group, {})
        body[name] = self._read(value, given)

    def _read(self, value: Any, given: dict[str, Any]) -> Any:
        name = self.path[-1]
        if self.kind in (PROPERTIES, QUANTITIES) or self.kind.inner is not None:
            return dict(_pairs(value, f"--{self.parameter}"))
        if name in ("price_minor", "list_price_minor"):
            return _minor(value, given.get("currency", ""), f"--{self.parameter.replace('_', '-')}")
        if name.endswith("_at"):
            return _time(value)
        return value


def asked_fields(
    shape: Shape, owner: str, arguments: tuple[str, ...], defaults: Mapping[str, str]
) -> list[AskedField]:
    """The fields of a command: its arguments first, in their order, then its options."""
    places = [name.removesuffix("?") for name in arguments]
    given = [
        _argument(name, shape.fields[name], owner, required=asked == name)
        for asked, name in zip(arguments, places, strict=True)
    ]
    options = [each for each in _options(shape, owner, ()) if each.path[-1] not in places]
    return given + [
        replace(each, default=defaults[each.path[-1]]) if each.path[-1] in defaults else each
        for each in options
    ]


def _options(shape: Shape, owner: str, path: tuple[str, ...]) -> Iterator[AskedField]:
    for name, kind in shape.fields.items():
        if kind.inner is not None and name in _FLAT:
            yield from _options(kind.inner, name, (*path, name))
        else:
            yield _option(name, kind, owner, path, required=not path and name in shape.required)


def _argument(name: str, kind: Kind, owner: str, *, required: bool) -> AskedField:
    # An argument keeps its whole name, so that no option's stands in its way.
    return AskedField(
        path=(name,),
        parameter=name,
        kind=kind,
        annotation=Annotated[str, typer.Argument(help=_help(owner, name, kind))],
        default=typer.models.Required if required else "",
    )


def _option(
    name: str, kind: Kind, owner: str, path: tuple[str, ...], *, required: bool
) -> AskedField:
    parameter = _OPTIONS.get(name, name)
    text = _help(owner, name, kind)
    many = kind in (TEXTS, PROPERTIES, QUANTITIES) or kind.inner is not None
    annotation: Any = Annotated[str, typer.Option(help=text)]
    default: Any = ""
    if many:
        annotation, default = Annotated[list[str] | None, typer.Option(help=text)], None
    elif kind is FLAG:
        annotation, default = Annotated[bool | None, typer.Option(help=text)], None
    if required:
        default = typer.models.Required
    return AskedField(
        path=(*path, name), parameter=parameter, kind=kind, annotation=annotation, default=default
    )


def _help(owner: str, name: str, kind: Kind) -> str:
    text = meaning(owner, name).replace("null or absent", "absent")
    if name in ("price_minor", "list_price_minor"):
        text = text.partition(", in minor")[0] + ", such as 99.50; needs --currency"
    elif name.endswith("_at"):
        text += " (ISO 8601, or +15m from now)"
    elif kind is TEXTS:
        text += "; repeatable"
    elif kind in (PROPERTIES, QUANTITIES):
        text = text.partition(": {")[0] + "; as NAME=VALUE, repeatable"
    elif kind.inner is not None:
        text += "; as NAME=VALUE, repeatable, of " + ", ".join(kind.inner.fields)
    # What begins with a value stays as it is written.
    begins_with_value = text.partition(" ")[0].endswith(",")
    return (text if begins_with_value else text[:1].upper() + text[1:]) + "."


def _pairs(given: list[str], option: str) -> Iterator[tuple[str, str]]:
    for each in given:
        name, equals, value = each.partition("=")
        if not equals:
            raise UsageError(f"{option}: {each!r} isn't NAME=VALUE")
        yield name, value


def _time(text: str) -> str | int | None:
    """`never` as null, `+15m` as that long from now; the rest as it is."""
    if text == _NEVER:
        return None
    if not text.startswith("+"):
        return int(text) if text.isdigit() else text
    try:
        return now_us() + parse_duration(text[1:])
    except ValueError as error:
        raise UsageError(str(error)) from error


def _minor(price: str, currency: str, option: str) -> int:
    places = places_of(currency)
    if places is None:
        raise UsageError(f"--currency must be an ISO 4217 code, not {currency!r}")
    try:
        return parse_decimal(price, places)
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from error
