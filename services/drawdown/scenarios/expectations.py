"""What a step of a scenario expects, and how it differs from what came."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from drawdown.adapters.documents.entries import ACCOUNT, FACTS, LOT, PLACE
from drawdown.adapters.documents.shapes import TEXT, Kind, Shape, choice, mapping, refuse_unknown
from drawdown.errors import InvalidDocument

ENTRY: Final = Shape(make=dict, fields={**PLACE.fields, **FACTS.fields})
_DECISION: Final[Mapping[str, Kind]] = {
    "outcome": choice("accepted", "rejected", "duplicate"),
    "code": TEXT,
    "first_entry_id": TEXT,
}
_FIGURES: Final = {
    name: kind for name, kind in ACCOUNT.fields.items() if name not in ("customer_id", "unit")
}
_LOTS: Final = "lots"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that isn't as expected."""

    what: str
    expected: object
    got: object

    def __str__(self) -> str:
        return f"{self.what}: expected {_shown(self.expected)}, got {_shown(self.got)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountExpectation:
    """Figures and lots of one account, as documents write them."""

    customer_id: str
    unit: str
    figures: Mapping[str, Any]
    lots: Mapping[str, Mapping[str, Any]] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What must hold after a step; what is absent isn't looked at."""

    decision: Mapping[str, Any]
    entries: Sequence[Mapping[str, Any]] | None
    accounts: tuple[AccountExpectation, ...]


def parse_expectation(data: object, *, customer_id: str, unit: str, where: str) -> Expectation:
    """What an `expect` block says. Raises `InvalidDocument`."""
    given = mapping(data, where)
    refuse_unknown(given, (*_DECISION, "entries", *_FIGURES, _LOTS, "accounts"), where)
    own = _account(
        {name: given[name] for name in given if name in _FIGURES or name == _LOTS},
        customer_id,
        unit,
        where,
    )
    others = [_named(each, unit, f"{where}: accounts") for each in _list(given, "accounts", where)]
    entries = _list(given, "entries", where)
    return Expectation(
        decision=_scalars(given, Shape(make=dict, fields=_DECISION), where),
        entries=[_partial(each, ENTRY, where) for each in entries] if "entries" in given else None,
        accounts=(own, *others),
    )


def _named(data: object, unit: str, where: str) -> AccountExpectation:
    given = dict(mapping(data, where))
    if "customer_id" not in given:
        raise InvalidDocument(f"{where}: customer_id is missing")
    customer_id, unit = str(given.pop("customer_id")), str(given.pop("unit", unit))
    refuse_unknown(given, (*_FIGURES, _LOTS), where)
    return _account(given, customer_id, unit, where)


def _account(
    given: Mapping[str, Any], customer_id: str, unit: str, where: str
) -> AccountExpectation:
    lots = None
    if _LOTS in given:
        lots = {
            lot_id: _partial(each if isinstance(each, Mapping) else {"remaining": each}, LOT, where)
            for lot_id, each in mapping(given[_LOTS], f"{where}: lots").items()
        }
    return AccountExpectation(
        customer_id=customer_id, unit=unit, figures=_scalars(given, ACCOUNT, where), lots=lots
    )


def _scalars(given: Mapping[str, Any], shape: Shape, where: str) -> dict[str, Any]:
    return _partial({name: given[name] for name in given if name in shape.fields}, shape, where)


def _list(given: Mapping[str, Any], name: str, where: str) -> list[Any]:
    value = given.get(name, [])
    if not isinstance(value, list):
        raise InvalidDocument(f"{where}: {name} must be a list")
    return value


def _partial(data: object, shape: Shape, where: str) -> dict[str, Any]:
    """Some fields of an object, each as it would be written, so that 50 and "50.0" are one."""
    given = mapping(data, where)
    refuse_unknown(given, shape.fields, where)
    return {
        name: _field(value, name, shape.fields[name], f"{where}: {name}", shape)
        for name, value in given.items()
    }


def _field(value: object, name: str, kind: Kind, where: str, shape: Shape) -> Any:
    if name == "allocations" and isinstance(value, Mapping):
        return (
            {
                lot: kind.inner.fields["amount"].write(kind.inner.field("amount", each, where))
                for lot, each in value.items()
            }
            if kind.inner
            else {}
        )
    if kind.inner is not None and isinstance(value, Mapping):
        return _partial(value, kind.inner, where)
    if kind.inner is not None and isinstance(value, list):
        return [_partial(each, kind.inner, where) for each in value]
    return None if value is None else kind.write(shape.field(name, value, where))


def differences(expected: object, got: object, what: str) -> list[Difference]:
    """Where `got` differs from `expected`, which may leave out fields of objects."""
    if isinstance(expected, Mapping) and isinstance(got, list):
        # Allocations in short.
        drawn = {each["lot_id"]: each["amount"] for each in got}
        return _unless(list(expected.items()) == list(drawn.items()), what, dict(expected), drawn)
    if isinstance(expected, Mapping):
        if not isinstance(got, Mapping):
            return [Difference(what=what, expected=dict(expected), got=got)]
        return [
            each
            for name, value in expected.items()
            for each in differences(value, got.get(name), f"{what}.{name}" if what else name)
        ]
    if isinstance(expected, list) and isinstance(got, list) and len(expected) == len(got):
        return [
            each
            for index, (one, other) in enumerate(zip(expected, got, strict=True), 1)
            for each in differences(one, other, f"{what} {index}")
        ]
    return _unless(expected == got, what, expected, got)


def _unless(holds: bool, what: str, expected: object, got: object) -> list[Difference]:
    return [] if holds else [Difference(what=what, expected=expected, got=got)]


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {_shown(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_shown(each) for each in value) + "]"
    return "nothing" if value is None or value == "" else str(value)
