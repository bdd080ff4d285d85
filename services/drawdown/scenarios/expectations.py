"""What a step of a scenario expects, and how it differs from what came."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from drawdown.adapters.documents.entries import ACCOUNT, FACTS, HOLD, LOT, PLACE
from drawdown.adapters.documents.shapes import (
    AMOUNTS,
    CREDITS,
    INTEGER,
    TEXT,
    TIME,
    Kind,
    Shape,
    choice,
    mapping,
    refuse_unknown,
    several,
)
from drawdown.domain.numbers import format_credits, parse_credits
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
_HOLDS: Final = "holds"
_GROUPS: Final = (_LOTS, _HOLDS)
_STATES: Final = ("open", "released", "expired")
REMINDER: Final = Shape(
    make=dict,
    fields={
        "lot_id": TEXT,
        "days": INTEGER,
        "due_at": TIME,
        "expires_at": TIME,
        "amount": CREDITS,
    },
)
REMINDERS: Final = Shape(
    make=dict,
    fields={"from": TIME, "until": TIME, "due": several(REMINDER)},
    required=frozenset(("until", "due")),
)
_OUTCOMES: Final = frozenset(("accepted", "rejected", "duplicate"))
AS_OF: Final = Shape(
    make=dict,
    fields={"at": TIME, "known": choice("then", "now"), "balance": CREDITS, "lots": AMOUNTS},
    required=frozenset(("at",)),
)


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
    """Figures, lots and holds of one account, as documents write them."""

    customer_id: str
    unit: str
    figures: Mapping[str, Any]
    lots: Mapping[str, Mapping[str, Any]]
    holds: Mapping[str, Mapping[str, Any]]
    as_of: Sequence[Mapping[str, Any]]
    """Each with the values of `AS_OF`: `at` in µs, credits in micro-credits."""
    reminders: Mapping[str, Any] | None
    """The values of `REMINDERS`."""

    @property
    def empty(self) -> bool:
        """Whether nothing is expected of it."""
        return not (self.figures or self.lots or self.holds or self.as_of or self.reminders)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What must hold after a step; what is absent isn't looked at."""

    decision: Mapping[str, Any]
    outcomes: Mapping[str, int] | None
    entries: Sequence[Mapping[str, Any]] | None
    accounts: tuple[AccountExpectation, ...]


def parse_expectation(data: object, *, customer_id: str, unit: str, where: str) -> Expectation:
    """What an `expect` block says. Raises `InvalidDocument`."""
    given = mapping(data, where)
    known = (*_DECISION, "outcomes", "entries", *_ACCOUNT_NAMES, "accounts")
    refuse_unknown(given, known, where)
    of_account = {name: given[name] for name in given if name in _ACCOUNT_NAMES}
    others = [_named(each, unit, f"{where}: accounts") for each in _list(given, "accounts", where)]
    entries = _list(given, "entries", where)
    return Expectation(
        decision=_scalars(given, Shape(make=dict, fields=_DECISION), where),
        outcomes=_outcomes(given["outcomes"], where) if "outcomes" in given else None,
        entries=[_partial(each, ENTRY, where) for each in entries] if "entries" in given else None,
        accounts=(_account(of_account, customer_id, unit, where), *others),
    )


_ACCOUNT_NAMES: Final = (*_FIGURES, *_GROUPS, "as_of", "reminders")


def _outcomes(data: object, where: str) -> dict[str, int]:
    given = mapping(data, f"{where}: outcomes")
    refuse_unknown(given, sorted(_OUTCOMES), f"{where}: outcomes")
    return {name: int(count) for name, count in given.items()}


def _named(data: object, unit: str, where: str) -> AccountExpectation:
    given = dict(mapping(data, where))
    if "customer_id" not in given:
        raise InvalidDocument(f"{where}: customer_id is missing")
    customer_id, unit = str(given.pop("customer_id")), str(given.pop("unit", unit))
    refuse_unknown(given, _ACCOUNT_NAMES, where)
    return _account(given, customer_id, unit, where)


def _account(
    given: Mapping[str, Any], customer_id: str, unit: str, where: str
) -> AccountExpectation:
    as_of = given.get("as_of", [])
    return AccountExpectation(
        customer_id=customer_id,
        unit=unit,
        figures=_scalars(given, ACCOUNT, where),
        lots={
            lot_id: _partial(_lot(each), LOT, f"{where}: lots: {lot_id}")
            for lot_id, each in mapping(given.get(_LOTS, {}), f"{where}: lots").items()
        },
        holds={
            hold_id: _partial(_hold(each), HOLD, f"{where}: holds: {hold_id}")
            for hold_id, each in mapping(given.get(_HOLDS, {}), f"{where}: holds").items()
        },
        as_of=[
            AS_OF.read(each, f"{where}: as_of")
            for each in (as_of if isinstance(as_of, list) else [as_of])
        ],
        reminders=REMINDERS.read(given["reminders"], f"{where}: reminders")
        if "reminders" in given
        else None,
    )


def _lot(short: object) -> object:
    """A lot in short is what remains of it."""
    return short if isinstance(short, Mapping) else {"remaining": short}


def _hold(short: object) -> object:
    """A hold in short is its state, or what it reserves."""
    if isinstance(short, Mapping):
        return short
    return {"state": short} if short in _STATES else {"reserved": short}


def _scalars(given: Mapping[str, Any], shape: Shape, where: str) -> dict[str, Any]:
    return _partial({name: given[name] for name in given if name in shape.fields}, shape, where)


def _list(given: Mapping[str, Any], name: str, where: str) -> list[Any]:
    value = given.get(name, [])
    if not isinstance(value, list):
        raise InvalidDocument(f"{where}: {name} must be a list")
    return value


def _partial(data: object, shape: Shape, where: str) -> dict[str, Any]:
    """Some fields of an object, each as it would be written, so that 50 and "50.0" are one."""
    return {
        name: _field(value, name, shape.fields[name], f"{where}: {name}", shape)
        for name, value in shape.named(data, where).items()
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
        drawn = _drawn(got)
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


def _drawn(allocations: list[Any]) -> dict[str, str]:
    """Allocations in short: credits by lot, in the order drawn, reserved or not."""
    drawn: dict[str, int] = {}
    for each in allocations:
        drawn[each["lot_id"]] = drawn.get(each["lot_id"], 0) + parse_credits(each["amount"])
    return {lot_id: format_credits(amount) for lot_id, amount in drawn.items()}


def _unless(holds: bool, what: str, expected: object, got: object) -> list[Difference]:
    return [] if holds else [Difference(what=what, expected=expected, got=got)]


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {_shown(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_shown(each) for each in value) + "]"
    return "nothing" if value is None or value == "" else str(value)
