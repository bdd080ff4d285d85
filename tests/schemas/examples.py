"""The examples of `schemas/examples`: one record a file, `<what>.v<version>.json`.

Plain JSON along the schema: bytes and fixed as hexadecimal text, a record of a union as
`{"Name": {…}}`.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.schemas.records import NAMESPACE

from drawdown.adapters.avro import schema_files
from drawdown.adapters.avro.schema_files import SchemaFile


@dataclass(frozen=True)
class Example:
    """One example, and the schema version it is written by."""

    name: str
    schema: SchemaFile
    record: dict[str, Any]


def examples() -> list[Example]:
    """Every example of every schema."""
    return [
        _example(schema, path)
        for schema in schema_files.versions()
        for path in sorted((schema_files.folder() / "examples" / schema.name).glob("*.json"))
        if path.stem.endswith(f".v{schema.version}")
    ]


def _example(schema: SchemaFile, path: Path) -> Example:
    known: dict[str, Any] = {}
    record = _plain(schema.definition, json.loads(path.read_text("utf-8")), known)
    return Example(f"{schema.name}/{path.stem}", schema, record)


def _plain(node: Any, value: Any, known: dict[str, Any]) -> Any:
    """The value as fastavro wants it; `known` collects the named types on the way."""
    _collect(node, known)
    if isinstance(node, str):
        node = known.get(node, {"type": node})
    if isinstance(node, list):
        return _plain_union(node, value, known)
    match node["type"]:
        case "bytes" | "fixed":
            return bytes.fromhex(value)
        case "array":
            return [_plain(node["items"], item, known) for item in value]
        case "map":
            return {key: _plain(node["values"], item, known) for key, item in value.items()}
        case "record":
            fields = {each["name"]: each["type"] for each in node["fields"]}
            assert set(value) == set(fields), f"{node['name']}: {set(value) ^ set(fields)}"
            return {name: _plain(each, value[name], known) for name, each in fields.items()}
        case _:
            return value


def _plain_union(node: list[Any], value: Any, known: dict[str, Any]) -> Any:
    if node[0] == "null":
        return None if value is None else _plain(node[1], value, known)
    [(name, inner)] = value.items()
    return f"{NAMESPACE}.{name}", _plain(name, inner, known)


def _collect(node: Any, known: dict[str, Any]) -> None:
    if isinstance(node, list):
        for each in node:
            _collect(each, known)
    elif isinstance(node, dict):
        if "name" in node:
            known[node["name"]] = node
        for each in (node.get("items"), node.get("values")):
            _collect(each, known)
        for field in node.get("fields", ()):
            _collect(field["type"], known)
