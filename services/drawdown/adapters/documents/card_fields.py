"""Reading the fields of a document's objects, with everything that is wrong collected."""

import difflib
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, Final, TypeVar

from drawdown.adapters.documents.card_text import Unquoted
from drawdown.domain.numbers import PICO, format_decimal, parse_decimal
from drawdown.errors import InvalidDocument

T = TypeVar("T")

_SHOWN_MAX: Final = 50
"""Findings shown at most: beyond, one mistake is repeated on every line of a large card."""
_PLACES_READ: Final = 60
"""Places of a rate that are read, to say which rate with 12 places is the nearest."""
_POWERS_OF_TEN: Final = frozenset(10**zeros for zeros in range(13))


class Findings:
    """What is wrong with one document."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._lines: list[str] = []

    def add(self, path: str, problem: str) -> None:
        """Note a problem of the part at `path`; empty: of the whole."""
        self._lines.append(f"{path}: {problem}" if path else problem)

    def add_all(self, sentences: Sequence[str]) -> None:
        """Note sentences that name their part themselves."""
        self._lines.extend(sentences)

    def raise_if_any(self) -> None:
        """Raise `InvalidDocument` with a line for each finding."""
        if not self._lines:
            return
        shown = [f"{self._where}: {line}" for line in self._lines[:_SHOWN_MAX]]
        if len(self._lines) > _SHOWN_MAX:
            shown.append(f"{self._where}: … and {len(self._lines) - _SHOWN_MAX} more")
        raise InvalidDocument("\n".join(shown))


class Fields:
    """The fields of one object. A wrong one is noted in the findings and read as empty."""

    def __init__(
        self, data: object, path: str, known: Sequence[str] | None, findings: Findings
    ) -> None:
        self._path = path
        self._findings = findings
        self.given: Mapping[str, Any] = self._mapping(data, path)
        if known is not None:
            self._refuse_unknown(known)

    def wrong(self, name: str, problem: str) -> None:
        """Note that a field is wrong."""
        self._findings.add(self._place(name), problem)

    def read(
        self, name: str, parse: Callable[[object], T], otherwise: T, *, needed: bool = True
    ) -> T:
        """A field by `parse`, which raises `ValueError`; `otherwise` if absent or wrong."""
        if name not in self.given:
            if needed:
                self.wrong(name, "is missing")
            return otherwise
        try:
            return parse(self.given[name])
        except ValueError as error:
            self.wrong(name, str(error))
            return otherwise

    def text(self, name: str, default: str | None = None) -> str:
        """A text, or an integer as it is written."""
        return self.read(name, _text, default or "", needed=default is None)

    def texts(self, name: str) -> dict[str, str]:
        """An object of texts; empty where it is absent."""
        inner = Fields(self.given.get(name, {}), self._place(name), None, self._findings)
        return {key: inner.text(key) for key in inner.given}

    def choice(self, name: str, names: Sequence[str], default: str | None = None) -> str:
        """One of some names."""

        def parse(value: object) -> str:
            if value not in names:
                raise ValueError(f"{value!r} is none of {', '.join(names)}")
            return str(value)

        return self.read(name, parse, default or names[0], needed=default is None)

    def integer(self, name: str, default: int) -> int:
        """An integer."""
        return self.read(name, lambda value: _decimal(value, 0), default, needed=False)

    def decimal(self, name: str, places: int, default: int | None = None) -> int:
        """A decimal as an integer of 10⁻ᵖˡᵃᶜᵉˢ."""
        return self.read(
            name, lambda value: _decimal(value, places), default or 0, needed=default is None
        )

    def rate(self, name: str, per: int, default: int | None = None) -> int:
        """A rate for each `per` units as pico-credits a unit."""
        return self.read(
            name, lambda value: _rate(value, per), default or 0, needed=default is None
        )

    def names(self, name: str, default: str | None = None) -> list[str]:
        """The names in a field that is an object."""
        if name not in self.given:
            if default is None:
                self.wrong(name, "is missing")
            return []
        return list(self._mapping(self.given[name], self._place(name)))

    def inner(self, name: str, key: str | None, known: Sequence[str] | None) -> "Fields":
        """The object in a field, or under a name in that field."""
        if key is None:
            return Fields(self.given[name], self._place(name), known, self._findings)
        path = f"{self._place(name)}.{key}"
        return Fields(self.given[name][key], path, known, self._findings)

    def several(self, name: str, known: Sequence[str]) -> list["Fields"]:
        """The objects of a list."""
        given = self.given.get(name)
        if not isinstance(given, list):
            self.wrong(name, "is missing" if name not in self.given else "must be a list")
            return []
        place = self._place(name)
        return [
            Fields(each, f"{place}[{index}]", known, self._findings)
            for index, each in enumerate(given)
        ]

    def _place(self, name: str) -> str:
        return f"{self._path}.{name}" if self._path else name

    def _mapping(self, data: object, path: str) -> Mapping[str, Any]:
        if not isinstance(data, Mapping):
            self._findings.add(path, f"must be an object of named fields, not {data!r:.60}")
            return {}
        for key in data:
            if not isinstance(key, str):
                self._findings.add(path, f"{key!r} must be a name (put it in quotes)")
        return {key: value for key, value in data.items() if isinstance(key, str)}

    def _refuse_unknown(self, known: Sequence[str]) -> None:
        for name in self.given:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
                hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
                self.wrong(name, f"is unknown; {hint}")


def _text(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError(f"{value!r:.60} is no text (put it in quotes)")
    text = str(value)
    if not text.isascii():
        _encodable(text)
    return text


def _encodable(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("holds half of a surrogate pair, which is no text") from None


def _number_text(value: object) -> str:
    if isinstance(value, Unquoted | float):
        raise ValueError(f'{value} stands without quotes: write "{value}", so that it is exact')
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError(f"{value!r:.60} is no number")
    return str(value)


def _decimal(value: object, places: int) -> int:
    return parse_decimal(_number_text(value), places)


def _rate(value: object, per: int) -> int:
    """Pico-credits a unit; a rate that doesn't fit 12 places is refused with the nearest."""
    text = _number_text(value)
    if per not in _POWERS_OF_TEN:
        return 0  # A wrong `per` is refused in its own place.
    exact = Fraction(parse_decimal(text, _PLACES_READ) * PICO, 10**_PLACES_READ * per)
    if exact.denominator == 1:
        return exact.numerator
    nearest = format_decimal(round(exact) * per, 12)
    of = "" if per == 1 else f" per {per}"
    raise ValueError(
        f'{text}{of} has more than 12 decimal places a unit; the nearest that fits is "{nearest}"'
        + (f" (per {per})" if per > 1 else "")
    )
