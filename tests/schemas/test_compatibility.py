"""Each schema version reads all before it: the log is kept for ever."""

import copy
from io import BytesIO
from itertools import groupby, pairwise
from typing import Any

import fastavro
import pytest
from tests.schemas.examples import Example, examples
from tests.schemas.resolution import obstacles

from drawdown.adapters.avro import generic, schema_files
from drawdown.adapters.avro.schema_files import SchemaFile

VERSIONS = schema_files.versions()
FAMILIES = {name: list(group) for name, group in groupby(VERSIONS, lambda each: each.name)}
EVERY_VERSION = pytest.mark.parametrize("each", VERSIONS, ids=lambda each: each.label)


@EVERY_VERSION
def test_the_newest_version_reads_this_one(each: SchemaFile) -> None:
    newest = FAMILIES[each.name][-1]
    assert obstacles(each.definition, newest.definition) == []


@pytest.mark.parametrize("name", FAMILIES)
def test_versions_are_numbered_without_gaps(name: str) -> None:
    assert [each.version for each in FAMILIES[name]] == list(range(1, len(FAMILIES[name]) + 1))


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.name)
def test_the_newest_version_reads_the_examples_of_all(example: Example) -> None:
    out = BytesIO()
    fastavro.schemaless_writer(
        out, fastavro.parse_schema(example.schema.definition), example.record
    )
    record = generic.decode(out.getvalue(), example.schema.name, 0, example.schema.definition)
    assert generic.encode(record, example.schema.name, header=b"")


def test_every_version_has_an_id_of_its_own() -> None:
    text = (schema_files.folder() / "ids.yaml").read_text("utf-8")
    lines = [line.split(": ") for line in text.splitlines() if line and not line.startswith("#")]
    labels, ids = [label for label, _ in lines], [int(number) for _, number in lines]
    assert sorted(labels) == sorted(each.label for each in VERSIONS)
    assert len(set(ids)) == len(ids)


def test_types_of_one_name_are_one_type_in_all_schemas() -> None:
    found: dict[str, list[str]] = {}
    for family in FAMILIES.values():
        parsed: dict[str, Any] = {}
        fastavro.parse_schema(family[-1].definition, named_schemas=parsed)
        for name, definition in parsed.items():
            found.setdefault(name, []).append(str(_without_docs(definition)))
    differing = [name for name, forms in found.items() if any(a != b for a, b in pairwise(forms))]
    assert differing == []


def _without_docs(node: Any) -> Any:
    if isinstance(node, list):
        return [_without_docs(each) for each in node]
    if isinstance(node, dict):
        return {
            key: _without_docs(each)
            for key, each in node.items()
            if key not in ("doc", "__fastavro_parsed__", "__named_schemas")
        }
    return node


OLD = {
    "type": "record",
    "name": "Old",
    "fields": [
        {"name": "kept", "type": {"type": "enum", "name": "E", "symbols": ["A", "B"]}},
        {"name": "hash", "type": {"type": "fixed", "name": "F", "size": 32}},
        {"name": "amounts", "type": {"type": "map", "values": "long"}},
        {"name": "maybe", "type": ["null", "string"]},
    ],
}


def _changed(place: int, **changes: Any) -> dict[str, Any]:
    new: dict[str, Any] = copy.deepcopy(OLD)
    new["fields"][place] |= changes
    return new


@pytest.mark.parametrize(
    ("new", "why"),
    [
        (_changed(0, name="renamed"), "without a default"),
        (_changed(0, type={"type": "enum", "name": "E", "symbols": ["A"]}), "no symbols"),
        (_changed(1, type={"type": "fixed", "name": "F", "size": 16}), "32 bytes"),
        (_changed(1, type="bytes"), "isn't bytes"),
        (_changed(2, type={"type": "map", "values": "int"}), "isn't int"),
        (_changed(3, type="string"), "isn't string"),
        (_changed(3, type=["null", "long"]), "no branch"),
        ({**OLD, "name": "Other"}, "isn't Other"),
    ],
)
def test_what_breaks_readers_is_found(new: dict[str, Any], why: str) -> None:
    found = obstacles(OLD, new)
    assert len(found) == 1
    assert why in found[0]


@pytest.mark.parametrize(
    "new",
    [
        OLD,
        _changed(0, name="renamed", aliases=["kept"]),
        _changed(0, name="renamed", default="A"),
        _changed(0, type={"type": "enum", "name": "E", "symbols": ["C", "B", "A"]}),
        _changed(2, type={"type": "map", "values": "double"}),
        {**OLD, "name": "Other", "aliases": ["Old"]},
        {**OLD, "fields": []},
    ],
)
def test_what_readers_can_bear_is_no_obstacle(new: dict[str, Any]) -> None:
    assert obstacles(OLD, new) == []
