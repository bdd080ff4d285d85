"""Schemas and domain say the same: fields, their order, and the words of enumerations."""

import dataclasses
import importlib.util
import inspect
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest

from drawdown.adapters.avro import schema_files
from drawdown.adapters.avro.schema_model import (
    Enum,
    Record,
    parse,
    records_of,
    types_of,
)
from drawdown.domain.dead_letters import DeadLetter, DeadLetterReason

SERVICES = Path(__file__).resolve().parents[2] / "services"
HOT = ("usage-event", "command", "ledger-entry", "rate-card", "reply")
RECORDS = {
    record.name: record
    for schema in HOT
    for record in records_of(parse(schema_files.newest(schema).definition))
}


@pytest.mark.parametrize("record", RECORDS.values(), ids=list(RECORDS))
def test_a_record_has_the_fields_of_its_class(record: Record) -> None:
    names = [name for name in _attributes(record.domain_class) if name != "digest"]
    assert [name for name, _ in record.fields] == names


@pytest.mark.parametrize("record", RECORDS.values(), ids=list(RECORDS))
def test_an_enum_has_the_words_of_its_literal(record: Record) -> None:
    hints = _attributes(_source(record.domain_class))
    for name, each in record.fields:
        for enum in types_of([Record("", ((name, each),))]):
            if isinstance(enum, Enum):
                assert enum.symbols in _words(hints[name])


def test_a_dead_letter_has_the_fields_of_its_class() -> None:
    fields = schema_files.newest("dead-letter").definition["fields"]
    assert [each["name"] for each in fields] == list(_attributes(DeadLetter))
    reason = next(each["type"] for each in fields if each["name"] == "reason")
    assert tuple(reason["symbols"]) == get_args(DeadLetterReason)


def _source(kind: type) -> type:
    """The class as its source has it: one that is compiled has lost its hints."""
    path = Path(SERVICES, *kind.__module__.split(".")).with_suffix(".py")
    loader = SourceFileLoader(f"source_of.{kind.__module__}", str(path))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[loader.name] = module
    loader.exec_module(module)
    found: type = vars(module)[kind.__name__]
    return found


def _attributes(kind: type) -> dict[str, Any]:
    if dataclasses.is_dataclass(kind):
        hints = get_type_hints(kind)
        return {field.name: hints[field.name] for field in dataclasses.fields(kind)}
    parameters = inspect.signature(kind, eval_str=True).parameters
    return {name: each.annotation for name, each in parameters.items()}


def _words(hint: Any) -> list[tuple[Any, ...]]:
    """The words of a `Literal`, wherever it stands within the hint."""
    if get_origin(hint) is Literal:
        return [get_args(hint)]
    return [words for inner in get_args(hint) for words in _words(inner)]
