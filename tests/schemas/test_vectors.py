"""Vectors that others published: Confluent's framing and Avro's own examples.

They lie in the folder that DRAWDOWN_DATA names, outside the repository.
"""

import json
import os
from io import BytesIO
from pathlib import Path
from typing import Any

import fastavro
import pytest
from tests.schemas.resolution import obstacles

from drawdown.adapters.avro.packing import LONG, pack_string
from drawdown.adapters.avro.reading import read_long
from drawdown.adapters.avro.unpacking import read_long as unpack_long
from drawdown.adapters.avro.wire import HEADER_BYTES, header, schema_id
from drawdown.errors import SchemaUnknown

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def folder() -> Path:
    data = Path(os.environ.get("DRAWDOWN_DATA", str(REPOSITORY.parent / "shared" / "data")))
    found = data / "vectors" / "confluent"
    assert found.is_dir(), f"{found} is missing: let DRAWDOWN_DATA name the folder of test data"
    return found


@pytest.fixture(scope="module")
def vectors(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "wire_format_vectors.json").read_text("utf-8"))
    return found


def _schema(folder: Path, name: str) -> Any:
    return json.loads((folder / name).read_text("utf-8"))


def test_the_header_is_confluents(vectors: dict[str, Any]) -> None:
    framed = bytes.fromhex(vectors["confluent"][0]["hex"])
    assert header(1) == framed
    assert schema_id(framed) == 1


def test_headers_with_a_guid_are_refused(vectors: dict[str, Any]) -> None:
    others = [bytes.fromhex(each["hex"]) for each in vectors["confluent"]]
    guids = [each for each in others if each[0] == 1]
    assert guids
    for framed in guids:
        with pytest.raises(SchemaUnknown, match="magic byte is 1"):
            schema_id(framed)


def test_too_few_bytes_are_refused() -> None:
    with pytest.raises(SchemaUnknown, match="too few"):
        schema_id(b"\0\0\0\0")


def test_numbers_are_avros(vectors: dict[str, Any]) -> None:
    for text, encoded in vectors["avro_long_zigzag"].items():
        number, written = int(text), bytes.fromhex(encoded)
        assert LONG[number] == written
        assert read_long(written, 0) == (number, len(written))
        assert unpack_long(written + bytes(8), 0) == (number, len(written))


def test_strings_are_avros(vectors: dict[str, Any]) -> None:
    for text, encoded in vectors["avro_string"].items():
        assert pack_string(text) == bytes.fromhex(encoded)


def test_a_framed_record_is_avros(vectors: dict[str, Any]) -> None:
    given = vectors["avro_record"]
    framed = bytes.fromhex(given["framed_schema_id_1_hex"])
    assert header(1) + bytes.fromhex(given["hex"]) == framed
    schema = fastavro.parse_schema(given["schema"])
    stream = BytesIO(framed[HEADER_BYTES:])
    assert fastavro.schemaless_reader(stream, schema, None) == given["value"]


def test_user_v2_reads_user_v1_and_the_checker_knows(folder: Path) -> None:
    first, second = _schema(folder, "user_v1.avsc"), _schema(folder, "user_v2.avsc")
    assert obstacles(first, second) == []
    out = BytesIO()
    fastavro.schemaless_writer(out, first, {"name": "alyssa"})
    read = fastavro.schemaless_reader(
        BytesIO(out.getvalue()), fastavro.parse_schema(first), fastavro.parse_schema(second)
    )
    assert read == {"name": "alyssa", "favorite_number": 42, "favorite_color": "purple"}
