"""Domain values to plain ones and back, along a schema; and plain ones at random.

Plain is what fastavro reads and writes: `dict`s for records, and for a union of records the pair
of the branch's full name and its `dict`.
"""

from functools import cache
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from drawdown.adapters.avro import schema_files
from drawdown.adapters.avro.schema_model import (
    Array,
    Enum,
    Fixed,
    Map,
    Optional,
    Primitive,
    Record,
    Type,
    Union,
    parse,
)

NAMESPACE = "drawdown"


def model(schema: str) -> Record:
    """The newest version of a schema."""
    return parse(schema_files.newest(schema).definition)


def to_domain(each: Type, plain: Any) -> Any:
    """A domain value; a digest that the schema doesn't have is empty."""
    match each:
        case Record():
            fields = {name: to_domain(inner, plain[name]) for name, inner in each.fields}
            digest = {"digest": b""} if each.name in ("UsageEvent", "Command") else {}
            return each.domain_class(**fields, **digest)
        case Array(items):
            return [to_domain(items, item) for item in plain]
        case Map(values):
            return {key: to_domain(values, item) for key, item in plain.items()}
        case Optional(item):
            return None if plain is None else to_domain(item, plain)
        case Union(branches):
            name, inner = plain
            return to_domain(_branch(branches, name.removeprefix(f"{NAMESPACE}.")), inner)
        case _:
            return plain


def to_plain(each: Type, value: Any) -> Any:
    """What fastavro would write; maps in ascending order of their keys, as our codec has them."""
    match each:
        case Record(_, fields):
            return {name: to_plain(inner, getattr(value, name)) for name, inner in fields}
        case Array(items):
            return [to_plain(items, item) for item in value]
        case Map(values):
            return {key: to_plain(values, value[key]) for key in sorted(value)}
        case Optional(item):
            return None if value is None else to_plain(item, value)
        case Union(branches):
            name = type(value).__name__
            return f"{NAMESPACE}.{name}", to_plain(_branch(branches, name), value)
        case _:
            return value


@cache
def plain_values(each: Type) -> SearchStrategy[Any]:
    """Plain values of a type, the awkward ones too."""
    match each:
        case Record(_, fields):
            return st.fixed_dictionaries({name: plain_values(inner) for name, inner in fields})
        case Array(items):
            return st.lists(plain_values(items), max_size=2)
        case Map(values):
            return st.dictionaries(_text(), plain_values(values), max_size=2)
        case Optional(item):
            return st.none() | plain_values(item)
        case Union(branches):
            return st.one_of([_branch_values(branch) for branch in branches])
        case _:
            return _scalars(each)


def _scalars(each: Type) -> SearchStrategy[Any]:
    match each:
        case Primitive("long"):
            return st.integers(-(2**63), 2**63 - 1) | st.integers(-200, 20_000)
        case Primitive("string"):
            return _text()
        case Primitive("bytes"):
            return st.binary(max_size=200)
        case Primitive("boolean"):
            return st.booleans()
        case Enum(_, symbols):
            return st.sampled_from(symbols)
        case Fixed(size):
            return st.binary(min_size=size, max_size=size)
        case _:
            raise TypeError(f"no strategy for {each}")


def _text() -> SearchStrategy[str]:
    return st.text(st.characters(codec="utf-8"), max_size=70)


def _branch_values(branch: Record) -> SearchStrategy[Any]:
    return plain_values(branch).map(lambda plain: (f"{NAMESPACE}.{branch.name}", plain))


def _branch(branches: tuple[Record, ...], name: str) -> Record:
    return next(branch for branch in branches if branch.name == name)
