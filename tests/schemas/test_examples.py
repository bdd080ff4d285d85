"""The examples are records of their schemas, and the codec of the hot path reads them."""

from collections.abc import Callable
from dataclasses import asdict
from io import BytesIO
from typing import Any, get_args

import fastavro
import pytest
from tests.schemas.examples import Example, examples
from tests.schemas.records import model, to_domain, to_plain

from drawdown.adapters.avro import codec, generic, schema_files
from drawdown.domain.entries import EntryType
from drawdown.domain.inputs import CommandBody

EXAMPLES = examples()
EACH = pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
DECODERS: dict[str, Callable[[bytes, int], Any]] = {
    "usage-event": codec.decode_usage,
    "command": codec.decode_command,
    "ledger-entry": codec.decode_entry,
    "reply": codec.decode_reply,
    "dead-letter": generic.decode_dead_letter,
}


@EACH
def test_an_example_is_a_record_of_its_schema(example: Example) -> None:
    schema = fastavro.parse_schema(example.schema.definition)
    out = BytesIO()
    fastavro.schemaless_writer(out, schema, example.record, strict=True)
    out.seek(0)
    read = fastavro.schemaless_reader(
        out, schema, None, return_record_name=True, return_record_name_override=True
    )
    assert read == example.record


@pytest.mark.parametrize(
    "example",
    [each for each in EXAMPLES if each.schema in map(schema_files.newest, DECODERS)],
    ids=lambda example: example.name,
)
def test_the_hot_path_reads_an_example(example: Example) -> None:
    name = example.schema.name
    value = DECODERS[name](generic.encode(example.record, name, header=b"head:"), 5)
    if name == "dead-letter":
        assert asdict(value) == example.record
    else:
        record = model(name)
        assert to_plain(record, value) == to_plain(record, to_domain(record, example.record))


def test_every_version_of_every_schema_has_examples() -> None:
    shown = {each.schema.label for each in EXAMPLES}
    assert shown == {each.label for each in schema_files.versions()}


def test_every_kind_of_command_has_an_example() -> None:
    shown = {each.record["body"][0] for each in EXAMPLES if each.schema.name == "command"}
    assert shown == {f"drawdown.{kind.__name__}" for kind in CommandBody.__args__}


def test_every_type_of_entry_has_an_example() -> None:
    entries = [each.record for each in EXAMPLES if each.schema.name == "ledger-entry"]
    assert {each["facts"]["type"] for each in entries} == set(get_args(EntryType))


@pytest.mark.parametrize(
    "example",
    [each for each in EXAMPLES if each.schema == schema_files.newest("ledger-entry")],
    ids=lambda example: example.name,
)
def test_an_example_has_the_hash_of_its_facts(example: Example) -> None:
    _, holds = codec.decode_entry_checked(
        generic.encode(example.record, "ledger-entry", header=b""), 0
    )
    assert holds
